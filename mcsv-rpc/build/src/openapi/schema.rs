//! Messages and enums as JSON schemas: the form that protobuf's JSON mapping gives them.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};
use serde_json::{Map, Value, json};

use super::types::{Definition, Known, Types};
use super::{insert_flag, insert_text, well_known};

/// The schemas that were asked for, and all that they refer to.
pub(crate) struct Schemas<'a> {
    types: &'a Types<'a>,
    done: Map<String, Value>,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(types: &'a Types<'a>) -> Self {
        Schemas { types, done: Map::new() }
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.done
    }

    /// The name of a type's schema, `package.Message`, which is made if need be.
    pub(crate) fn name(&mut self, type_name: &str) -> String {
        let name = type_name.trim_start_matches('.').to_owned();
        if self.done.contains_key(&name) {
            return name;
        }
        // Set first, so that a message within itself ends here.
        self.done.insert(name.clone(), json!({}));
        let google = name.strip_prefix("google.protobuf.").and_then(well_known::schema);
        let schema = google.unwrap_or_else(|| match self.types.get(type_name) {
            None => json!({}),
            Some(known) => match known.definition {
                Definition::Message(message) => self.message(known, message),
                Definition::Enum(enumeration) => self::enumeration(known, enumeration),
            },
        });
        self.done.insert(name.clone(), schema);
        name
    }

    fn message(&mut self, known: &Known<'_>, message: &DescriptorProto) -> Value {
        let mut schema = Map::from_iter([("type".to_owned(), json!("object"))]);
        insert_text(&mut schema, "description", known.comment());
        let deprecated = message.options.as_ref().is_some_and(|options| options.deprecated());
        insert_flag(&mut schema, "deprecated", deprecated);
        let mut properties = Map::new();
        for (index, field) in message.field.iter().enumerate() {
            let property = self.property(field, known.member_comment(index));
            properties.insert(json_name(field).to_owned(), property);
        }
        if !properties.is_empty() {
            schema.insert("properties".to_owned(), properties.into());
        }
        let choices: Vec<Value> = (0..message.oneof_decl.len())
            .map(|oneof| {
                let members = message.field.iter().filter(|field| {
                    field.oneof_index == Some(oneof as i32) && !field.proto3_optional()
                });
                members.map(json_name).collect::<Vec<_>>()
            })
            .filter(|members| members.len() > 1)
            .map(|members| at_most_one(&members))
            .collect();
        if !choices.is_empty() {
            schema.insert("allOf".to_owned(), choices.into());
        }
        schema.into()
    }

    fn property(&mut self, field: &FieldDescriptorProto, comment: &str) -> Value {
        let mut schema = match (self.map_value(field), field.label()) {
            (Some(value), _) => {
                json!({ "type": "object", "additionalProperties": self.value(value) })
            }
            (None, Label::Repeated) => json!({ "type": "array", "items": self.value(field) }),
            (None, _) => self.value(field),
        };
        let deprecated = field.options.as_ref().is_some_and(|options| options.deprecated());
        if let Value::Object(schema) = &mut schema {
            insert_text(schema, "description", comment);
            insert_flag(schema, "deprecated", deprecated);
        }
        schema
    }

    /// The field that holds the values, where `field` is a map.
    fn map_value(&self, field: &FieldDescriptorProto) -> Option<&'a FieldDescriptorProto> {
        if field.label() != Label::Repeated || field.r#type() != Type::Message {
            return None;
        }
        let Definition::Message(entry) = self.types.get(field.type_name())?.definition else {
            return None;
        };
        let is_entry = entry.options.as_ref().is_some_and(|options| options.map_entry());
        is_entry.then(|| entry.field.iter().find(|field| field.number() == 2)).flatten()
    }

    fn value(&mut self, field: &FieldDescriptorProto) -> Value {
        match field.r#type() {
            Type::Message | Type::Group | Type::Enum => {
                let name = self.name(field.type_name());
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
            kind => scalar(kind),
        }
    }
}

fn enumeration(known: &Known<'_>, enumeration: &EnumDescriptorProto) -> Value {
    let names: Vec<&str> = enumeration.value.iter().map(|value| value.name()).collect();
    let mut schema =
        Map::from_iter([("type".to_owned(), json!("string")), ("enum".to_owned(), json!(names))]);
    let values = names.iter().enumerate().filter_map(|(index, name)| {
        let comment = known.member_comment(index).split_whitespace().collect::<Vec<_>>().join(" ");
        (!comment.is_empty()).then(|| format!("- `{name}`: {comment}"))
    });
    let values = values.collect::<Vec<_>>().join("\n");
    let parts = [known.comment(), &values];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    insert_text(&mut schema, "description", &parts.join("\n\n"));
    let deprecated = enumeration.options.as_ref().is_some_and(|options| options.deprecated());
    insert_flag(&mut schema, "deprecated", deprecated);
    schema.into()
}

/// A oneof: one of its fields is there, or none.
fn at_most_one(members: &[&str]) -> Value {
    let one = members.iter().map(|name| json!({ "required": [name] }));
    // What no value fits may not be there. Linters take a `required` in a `not` for a mistake.
    let absent = members.iter().map(|name| ((*name).to_owned(), json!({ "not": {} })));
    let none = json!({ "properties": absent.collect::<Map<_, _>>() });
    json!({ "oneOf": one.chain([none]).collect::<Vec<_>>() })
}

pub(crate) fn scalar(kind: Type) -> Value {
    let number = |format: &str| {
        json!({ "oneOf": [
            { "type": "number", "format": format },
            { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] },
        ] })
    };
    match kind {
        Type::Double => number("double"),
        Type::Float => number("float"),
        // In quotes, since JSON's numbers are exact to 53 bits only.
        Type::Int64 | Type::Sint64 | Type::Sfixed64 => {
            json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" })
        }
        Type::Uint64 | Type::Fixed64 => {
            json!({ "type": "string", "format": "uint64", "pattern": "^[0-9]+$" })
        }
        Type::Int32 | Type::Sint32 | Type::Sfixed32 => {
            json!({ "type": "integer", "format": "int32" })
        }
        Type::Uint32 | Type::Fixed32 => {
            json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
        }
        Type::Bool => json!({ "type": "boolean" }),
        Type::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Type::String => json!({ "type": "string" }),
        Type::Message | Type::Group | Type::Enum => json!({}),
    }
}

fn json_name(field: &FieldDescriptorProto) -> &str {
    match field.json_name() {
        "" => field.name(),
        name => name,
    }
}
