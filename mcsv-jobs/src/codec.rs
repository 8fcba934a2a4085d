use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::BoxError;

/// How a job's arguments become bytes and come back.
///
/// [`Json`] serves every serde type, and `Protobuf` every message of prost. Implement it on a type of
/// your own for another format; the queue only ever sees the bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't encode the job `{T}`",
    note = "with `type Codec = Json` the job needs `#[derive(Serialize, Deserialize)]`"
)]
pub trait Codec<T> {
    /// Whether the bytes are encrypted before they are stored; a `Sealed` codec's are.
    const SEALED: bool = false;

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

/// Arguments in the binary format of protobuf, by prost: small, and open to new fields in both
/// directions.
///
/// ```
/// use mcsv_jobs::{BoxError, Job, Jobs, Protobuf};
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Resize {
///     #[prost(string, tag = "1")]
///     image: String,
///     #[prost(uint32, tag = "2")]
///     width: u32,
/// }
///
/// impl Job for Resize {
///     const KIND: &'static str = "resize";
///     const QUEUE: &'static str = "images";
///     type Codec = Protobuf;
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let jobs = Jobs::connect("sqlite::memory:").await?;
/// let resize = Resize { image: "a.png".to_owned(), width: 640 };
/// let id = jobs.enqueue(resize.clone()).await?.id();
///
/// let record = jobs.get(id).await?.ok_or("no job")?;
/// assert_eq!(record.args, b"\x0a\x05a.png\x10\x80\x05");
/// assert_eq!(jobs.open::<Resize>(&record)?, resize);
/// # Ok(()) }
/// ```
#[cfg(feature = "prost")]
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Protobuf;

#[cfg(feature = "prost")]
impl<M: prost::Message + Default> Codec<M> for Protobuf {
    fn encode(message: &M) -> Result<Vec<u8>, BoxError> {
        Ok(message.encode_to_vec())
    }

    fn decode(bytes: &[u8]) -> Result<M, BoxError> {
        Ok(M::decode(bytes)?)
    }
}

/// Arguments in the format of `C`, encrypted before they are stored.
///
/// The queue must have [`Keys`](crate::Keys), by [`Jobs::with_keys`](crate::Jobs::with_keys): where
/// the jobs are enqueued, and where they are worked on. Without, an enqueue is refused, and an attempt
/// fails until there is a key. Arguments that are not encrypted although they should be, or were
/// encrypted for another kind, are a dead letter.
///
/// ```
/// use mcsv_jobs::{BoxError, Job, Jobs, Json, Keys, Sealed};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Charge { card: String }
///
/// impl Job for Charge {
///     const KIND: &'static str = "charge";
///     const QUEUE: &'static str = "payments";
///     type Codec = Sealed<Json>;
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let keys = Keys::new("2026-11", &[7; 32])?;
/// let jobs = Jobs::connect("sqlite::memory:").await?.with_keys(keys);
/// let id = jobs.enqueue(Charge { card: "4111".into() }).await?.id();
///
/// let record = jobs.get(id).await?.ok_or("no job")?;
/// assert_eq!(record.sealed_with.as_deref(), Some("2026-11"));
/// assert_eq!(jobs.open::<Charge>(&record)?.card, "4111");
/// # Ok(()) }
/// ```
#[cfg(feature = "encryption")]
#[derive(Clone, Copy, Debug)]
pub struct Sealed<C>(std::marker::PhantomData<C>);

#[cfg(feature = "encryption")]
impl<T, C: Codec<T>> Codec<T> for Sealed<C> {
    const SEALED: bool = true;

    fn encode(value: &T) -> Result<Vec<u8>, BoxError> {
        C::encode(value)
    }

    fn decode(bytes: &[u8]) -> Result<T, BoxError> {
        C::decode(bytes)
    }
}
