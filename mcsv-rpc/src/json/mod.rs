//! The JSON form of messages, as the [protobuf specification] defines it.
//!
//! `mcsv-rpc-build` writes a [`JsonMessage`] for every message, and here are those of Google's
//! well-known types. [`to_json`] and [`from_json`] are what a program calls.
//!
//! What is written is canonical: fields in lowerCamelCase, in the order of the proto, those with
//! their default left out; 64-bit integers as strings, bytes in base64, enums by name. What is read
//! may also use the names of the proto, numbers for enums, both base64 alphabets, and `null` for
//! any field. Unknown fields and unknown names of enums are passed over, so that a newer peer is
//! understood; a field given twice, or two of one `oneof`, is an error.
//!
//! [protobuf specification]: https://protobuf.dev/programming-guides/json/

mod any_types;
mod error;
mod fields;
mod format;
mod message;
mod number;
mod reader;
mod scalar;
mod well_known;
mod writer;

pub use any_types::{AnyType, register_any};
pub use error::JsonError;
pub use format::{Enum, Format, MapKey, Plain};
pub use message::{JsonEnum, JsonMessage, from_json, to_json};
pub use reader::JsonReader;
pub use writer::JsonWriter;
