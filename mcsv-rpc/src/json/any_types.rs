use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use prost_types::{Any, Duration, FieldMask, ListValue, Struct, Timestamp, Value};

use super::{JsonError, JsonReader, JsonWriter};
use crate::Message;

/// A type that a `google.protobuf.Any` may hold, by its full name.
///
/// In JSON an `Any` shows the message that it holds, so the program must know its type. Generated
/// servers and clients register the messages of their own package; those of other packages are
/// registered by hand. Google's well-known types are always known.
///
/// ```
/// use mcsv_rpc::json::{AnyType, register_any};
///
/// # type Circle = ();
/// register_any(&[AnyType::of::<Circle>("shapes.v1.Circle")]);
/// ```
#[derive(Clone, Copy)]
pub struct AnyType {
    name: &'static str,
    pub(crate) is_plain_object: bool,
    pub(crate) write: fn(&[u8], &mut JsonWriter),
    pub(crate) read: fn(&mut JsonReader<'_>) -> Result<Vec<u8>, JsonError>,
}

impl AnyType {
    /// The type `M`, whose full name is `package.Message`.
    #[must_use]
    pub const fn of<M: Message>(name: &'static str) -> Self {
        AnyType {
            name,
            is_plain_object: M::IS_PLAIN_OBJECT,
            write: |bytes, out| match M::decode(bytes) {
                Ok(message) => message.write_json(out),
                Err(_) => out.fail(JsonError::of_value("an Any holds no message of its type")),
            },
            read: |input| Ok(M::read_json(input)?.encode_to_vec()),
        }
    }
}

impl fmt::Debug for AnyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyType").field(&self.name).finish()
    }
}

static REGISTERED: RwLock<BTreeMap<&'static str, AnyType>> = RwLock::new(BTreeMap::new());

#[rustfmt::skip]
const WELL_KNOWN: &[AnyType] = &[
    AnyType::of::<Any>("google.protobuf.Any"),
    AnyType::of::<bool>("google.protobuf.BoolValue"),
    AnyType::of::<Vec<u8>>("google.protobuf.BytesValue"),
    AnyType::of::<f64>("google.protobuf.DoubleValue"),
    AnyType::of::<Duration>("google.protobuf.Duration"),
    AnyType::of::<()>("google.protobuf.Empty"),
    AnyType::of::<FieldMask>("google.protobuf.FieldMask"),
    AnyType::of::<f32>("google.protobuf.FloatValue"),
    AnyType::of::<i32>("google.protobuf.Int32Value"),
    AnyType::of::<i64>("google.protobuf.Int64Value"),
    AnyType::of::<ListValue>("google.protobuf.ListValue"),
    AnyType::of::<String>("google.protobuf.StringValue"),
    AnyType::of::<Struct>("google.protobuf.Struct"),
    AnyType::of::<Timestamp>("google.protobuf.Timestamp"),
    AnyType::of::<u32>("google.protobuf.UInt32Value"),
    AnyType::of::<u64>("google.protobuf.UInt64Value"),
    AnyType::of::<Value>("google.protobuf.Value"),
];

/// Makes types known to every `Any` of this process; see [`AnyType`]. The first of a name stays.
pub fn register_any(types: &[AnyType]) {
    let known = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    let mut new = types.iter().filter(|any| !known.contains_key(any.name)).peekable();
    if new.peek().is_none() {
        return;
    }
    let new: Vec<AnyType> = new.copied().collect();
    drop(known);
    let mut known = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    for any in new {
        known.entry(any.name).or_insert(any);
    }
}

/// The type that a URL names after its last slash.
pub(crate) fn any_type(type_url: &str) -> Option<AnyType> {
    let name = type_url.rsplit('/').next().unwrap_or_default();
    if let Some(any) = WELL_KNOWN.iter().find(|any| any.name == name) {
        return Some(*any);
    }
    REGISTERED.read().unwrap_or_else(PoisonError::into_inner).get(name).copied()
}
