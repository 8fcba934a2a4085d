//! What is told of a call: a span, one log line, metrics.

mod code;
mod observed;
mod recorder;
mod series;
mod span;

pub(crate) use observed::Observed;
pub(crate) use recorder::learn_recorder;
pub(crate) use series::{Meter, refused};

/// The side of a call that is observed here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Server,
    Client,
}
