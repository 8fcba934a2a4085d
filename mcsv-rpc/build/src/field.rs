//! One field of a message, as its JSON code sees it.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use crate::externs::Externs;
use crate::names;

/// How a field is held in Rust.
pub(crate) enum Shape {
    /// The value itself, left out where it has its default.
    Implicit,
    /// The value itself, always written.
    Required,
    /// An `Option`.
    Optional,
    /// A `Vec`.
    Repeated,
    /// A `BTreeMap`.
    Map,
    /// A variant of the oneof with this index.
    Member(usize),
}

pub(crate) struct Field<'a> {
    pub(crate) proto: &'a FieldDescriptorProto,
    pub(crate) shape: Shape,
    /// The type that says how a value is written.
    pub(crate) format: String,
}

impl<'a> Field<'a> {
    pub(crate) fn new(
        file: &FileDescriptorProto,
        message: &'a DescriptorProto,
        proto: &'a FieldDescriptorProto,
        externs: &Externs,
    ) -> Self {
        let value = map_value(message, proto);
        let format = match value.unwrap_or(proto) {
            value if value.r#type() == Type::Enum => {
                let path = names::path(file.package(), value.type_name(), externs);
                format!("::mcsv_rpc::json::Enum<{path}>")
            }
            _ => "::mcsv_rpc::json::Plain".to_owned(),
        };
        let shape = match value {
            Some(_) => Shape::Map,
            None => shape(file, proto),
        };
        Field { proto, shape, format }
    }

    /// The name that is written. Every descriptor has one; that of the proto is read too.
    pub(crate) fn json_name(&self) -> &'a str {
        match self.proto.json_name() {
            "" => self.proto.name(),
            name => name,
        }
    }
}

/// The rules of prost-build, which decides what type the field has.
fn shape(file: &FileDescriptorProto, proto: &FieldDescriptorProto) -> Shape {
    let explicit = file.syntax() != "proto3" || proto.r#type() == Type::Message;
    match proto.label() {
        Label::Repeated => Shape::Repeated,
        Label::Required => Shape::Required,
        Label::Optional if proto.proto3_optional() => Shape::Optional,
        Label::Optional => match proto.oneof_index {
            Some(index) => Shape::Member(index as usize),
            None if explicit => Shape::Optional,
            None => Shape::Implicit,
        },
    }
}

/// The field that describes the values, where `proto` is a map.
pub(crate) fn map_value<'a>(
    message: &'a DescriptorProto,
    proto: &FieldDescriptorProto,
) -> Option<&'a FieldDescriptorProto> {
    if proto.r#type() != Type::Message || proto.label() != Label::Repeated {
        return None;
    }
    let (_, name) = proto.type_name().rsplit_once('.')?;
    let mut entries = message.nested_type.iter().filter(|nested| is_map_entry(nested));
    let entry = entries.find(|entry| entry.name() == name)?;
    entry.field.iter().find(|field| field.number() == 2)
}

/// Whether it is the hidden message that describes the entries of a map.
pub(crate) fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|options| options.map_entry())
}
