use apalis_core::backend::codec::Codec;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Arguments as a JSON value, which is how a [`Board`](super::Board) hands them out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ValueCodec;

impl<T: Serialize + DeserializeOwned> Codec<T> for ValueCodec {
    type Error = serde_json::Error;
    type Compact = Value;

    fn encode(&self, value: &T) -> Result<Value, serde_json::Error> {
        serde_json::to_value(value)
    }

    fn decode(&self, value: &Value) -> Result<T, serde_json::Error> {
        T::deserialize(value)
    }
}
