//! The JSON reader: what it takes must be printed, and read and printed again to the same text.

use mcsv_rpc::json::{JsonMessage, from_json, to_json};

use super::service;
use crate::generated::json::v1::{Known, Scalars, Shapes};

pub fn run(bytes: &[u8]) {
    service::with_any_types();
    check::<Scalars>(bytes);
    check::<Shapes>(bytes);
    check::<Known>(bytes);
}

fn check<M: JsonMessage>(bytes: &[u8]) {
    match from_json::<M>(bytes) {
        Ok(message) => stays(&message),
        Err(error) => drop(error.to_string()),
    }
}

/// Texts are compared and not messages, since a NaN is not equal to itself.
pub(super) fn stays<M: JsonMessage>(message: &M) {
    let first = to_json(message).expect("what was read is printed");
    let again = from_json::<M>(&first).expect("what was printed is read");
    let second = to_json(&again).expect("what was read again is printed");
    assert_eq!(String::from_utf8_lossy(&first), String::from_utf8_lossy(&second));
}
