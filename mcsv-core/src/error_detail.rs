use std::fmt;

/// One typed detail of an [`Error`](crate::Error): the full name of a protobuf message and its
/// bytes.
///
/// The bytes stay encoded here, so that a service in between passes on what it does not know.
///
/// ```
/// use mcsv_core::ErrorDetail;
///
/// let detail = ErrorDetail::new("google.rpc.DebugInfo", [0x12, 2, b'h', b'i']);
/// assert_eq!(detail.type_name(), "google.rpc.DebugInfo");
/// assert_eq!(detail.value().len(), 4);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorDetail {
    type_name: String,
    value: Vec<u8>,
}

impl ErrorDetail {
    /// A detail whose message is `type_name`, such as `google.rpc.BadRequest`, and whose bytes are
    /// `value`: that of prost's `encode_to_vec`.
    pub fn new(type_name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        ErrorDetail { type_name: type_name.into(), value: value.into() }
    }

    /// The full name of the message.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The message's bytes, which prost's `decode` reads.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// Shows the bytes' number only: they may be of a user.
impl fmt::Debug for ErrorDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.type_name, self.value.len())
    }
}
