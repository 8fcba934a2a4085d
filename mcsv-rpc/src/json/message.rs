use super::{JsonError, JsonReader, JsonWriter};

/// A message that has a JSON form. Generated code implements it; there is no need to by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON form",
    note = "messages are compiled by mcsv-rpc-build, of the same version as mcsv-rpc"
)]
pub trait JsonMessage: Sized {
    /// Whether `null` is a value of this type, not the absence of one.
    const NULL_IS_A_VALUE: bool = false;

    /// Whether the form is an object of the message's own fields, as it is unless the specification
    /// gives the type a special one.
    const IS_PLAIN_OBJECT: bool = true;

    /// Writes the JSON value. What has no form is reported to [`JsonWriter::fail`].
    fn write_json(&self, out: &mut JsonWriter);

    /// Reads one JSON value.
    ///
    /// # Errors
    ///
    /// The text is no JSON, no message of this type, or nested more than
    /// [`DEPTH_LIMIT`](JsonReader::DEPTH_LIMIT) deep.
    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError>;
}

/// The names of an enum's values. Generated code implements it.
pub trait JsonEnum {
    /// Whether the form is `null`, as of `google.protobuf.NullValue` alone.
    const IS_NULL: bool = false;

    /// The name of a number, if it has one.
    fn json_name(number: i32) -> Option<&'static str>;

    /// The number of a name, if there is one.
    fn json_number(name: &str) -> Option<i32>;
}

/// The canonical JSON of `message`.
///
/// ```
/// use mcsv_rpc::codegen::prost_types::Timestamp;
/// use mcsv_rpc::json::to_json;
///
/// assert_eq!(to_json(&Timestamp { seconds: 1, nanos: 0 })?, b"\"1970-01-01T00:00:01Z\"");
/// # Ok::<(), mcsv_rpc::json::JsonError>(())
/// ```
///
/// # Errors
///
/// A well-known type holds what its JSON can't say: a timestamp outside of the years 1 to 9999, a
/// duration whose parts differ in sign, a `Value` that is no number of JSON, an `Any` of a type that
/// this program does not know.
pub fn to_json<M: JsonMessage>(message: &M) -> Result<Vec<u8>, JsonError> {
    let mut out = JsonWriter::new();
    message.write_json(&mut out);
    out.finish()
}

/// The message that a JSON text says.
///
/// ```
/// use mcsv_rpc::codegen::prost_types::Timestamp;
/// use mcsv_rpc::json::from_json;
///
/// let time: Timestamp = from_json(b"\"1970-01-01T01:00:01+01:00\"")?;
/// assert_eq!(time.seconds, 1);
/// # Ok::<(), mcsv_rpc::json::JsonError>(())
/// ```
///
/// # Errors
///
/// The text is no JSON in UTF-8, no message of this type, or nested more than
/// [`DEPTH_LIMIT`](JsonReader::DEPTH_LIMIT) deep.
pub fn from_json<M: JsonMessage>(text: &[u8]) -> Result<M, JsonError> {
    let mut input = JsonReader::new(text)?;
    let message = M::read_json(&mut input)?;
    input.finish()?;
    Ok(message)
}

impl<M: JsonMessage> JsonMessage for Box<M> {
    const NULL_IS_A_VALUE: bool = M::NULL_IS_A_VALUE;
    const IS_PLAIN_OBJECT: bool = M::IS_PLAIN_OBJECT;

    fn write_json(&self, out: &mut JsonWriter) {
        (**self).write_json(out);
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        Ok(Box::new(M::read_json(input)?))
    }
}
