//! What generated code names. Not part of the public interface.

pub use http;
pub use prost;
pub use prost_types;
