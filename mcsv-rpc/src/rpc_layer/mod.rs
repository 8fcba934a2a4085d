//! Middleware that sees calls: a method, a deadline, an [`Error`](crate::Error), in any protocol.

mod headers;
mod layer;
mod layers;
mod next;

pub(crate) use headers::{AnswerHeaders, KeptHeaders};
pub use layer::RpcLayer;
pub(crate) use layers::Layers;
pub use next::{Next, Reply};
