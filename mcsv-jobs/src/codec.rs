use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::BoxError;

/// How a job's arguments become bytes and come back.
///
/// [`Json`] serves every serde type. Implement it on a type of your own for another format, such as
/// protobuf; the queue only ever sees the bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't encode the job `{T}`",
    note = "with `type Codec = Json` the job needs `#[derive(Serialize, Deserialize)]`"
)]
pub trait Codec<T> {
    /// The bytes of `value`.
    ///
    /// # Errors
    ///
    /// The value has no form in this format.
    fn encode(value: &T) -> Result<Vec<u8>, BoxError>;

    /// The value of `bytes`.
    ///
    /// # Errors
    ///
    /// The bytes are not this type in this format. The job becomes a dead letter at once.
    fn decode(bytes: &[u8]) -> Result<T, BoxError>;
}

/// Arguments as JSON: readable in the database, open to new fields with `#[serde(default)]`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(value: &T) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(value)?)
    }

    fn decode(bytes: &[u8]) -> Result<T, BoxError> {
        // serde_json's own text quotes the value at fault, which may be what no log should hold.
        serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("{:?} error at line {line} column {column}", error.classify()).into()
        })
    }
}
