use crate::json::JsonMessage;

/// What a call takes and answers: a message with a binary and a JSON form.
///
/// Every message that `mcsv-rpc-build` compiles is one; there is nothing to implement.
pub trait Message: prost::Message + Default + JsonMessage {}

impl<M: prost::Message + Default + JsonMessage> Message for M {}
