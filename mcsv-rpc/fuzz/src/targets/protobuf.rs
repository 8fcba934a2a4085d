//! Messages from protobuf into JSON: what can be printed must be read again.

use mcsv_rpc::Message;
use mcsv_rpc::json::{from_json, to_json};

use super::{json, service};
use crate::generated::json::v1::{Known, Scalars, Shapes};

pub fn run(bytes: &[u8]) {
    service::with_any_types();
    check::<Scalars>(bytes);
    check::<Shapes>(bytes);
    check::<Known>(bytes);
}

fn check<M: Message>(bytes: &[u8]) {
    let Ok(message) = M::decode(bytes) else { return };
    // Protobuf holds what JSON can't say: a time past the year 9999, an `Any` of unknown type.
    let Ok(text) = to_json(&message) else { return };
    // Not the same message: a `NullValue` of another number than 0 is `null`, which reads as 0.
    json::stays(&from_json::<M>(&text).expect("what was printed is read"));
}
