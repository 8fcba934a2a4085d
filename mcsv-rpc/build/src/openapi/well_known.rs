//! The well-known types, whose JSON is not that of their fields.

use serde_json::{Value, json};

use super::schema::scalar;
use prost_types::field_descriptor_proto::Type;

/// The schema of `google.protobuf.{name}`; `None` where its JSON is that of any message.
pub(crate) fn schema(name: &str) -> Option<Value> {
    Some(match name {
        "Timestamp" => json!({
            "type": "string", "format": "date-time",
            "description": "A moment, as RFC 3339 writes it.",
        }),
        "Duration" => json!({
            "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$",
            "description": "A span of time in seconds: `1.5s`.",
        }),
        "FieldMask" => json!({
            "type": "string", "description": "Paths of fields, separated by commas.",
        }),
        "Struct" => json!({
            "type": "object", "additionalProperties": true, "description": "Any JSON object.",
        }),
        "Value" => json!({ "description": "Any JSON value." }),
        "ListValue" => json!({ "type": "array", "items": {}, "description": "Any JSON array." }),
        "NullValue" => json!({ "type": "null", "description": "JSON's null." }),
        "Empty" => json!({ "type": "object", "description": "A message without fields." }),
        "Any" => json!({
            "type": "object", "additionalProperties": true,
            "properties": { "@type": {
                "type": "string",
                "description": "The type of the message: `type.googleapis.com/package.Message`.",
            } },
            "description": "A message of any type, its fields beside `@type`.",
        }),
        "DoubleValue" => scalar(Type::Double),
        "FloatValue" => scalar(Type::Float),
        "Int64Value" => scalar(Type::Int64),
        "UInt64Value" => scalar(Type::Uint64),
        "Int32Value" => scalar(Type::Int32),
        "UInt32Value" => scalar(Type::Uint32),
        "BoolValue" => scalar(Type::Bool),
        "StringValue" => scalar(Type::String),
        "BytesValue" => scalar(Type::Bytes),
        _ => return None,
    })
}
