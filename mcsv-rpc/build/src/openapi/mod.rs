//! What an OpenAPI document says of one service: its methods, and schemas of all their messages.
//!
//! The rest of a document is the same for every service, so that mcsv-rpc adds it at run time.

mod schema;
mod types;
mod well_known;

use prost_build::Service;
use prost_types::{FileDescriptorProto, MethodDescriptorProto};
use serde_json::{Map, Value, json};

use crate::comments::{Comments, summary};
use schema::Schemas;
use types::Types;

// Field numbers in FileDescriptorProto and ServiceDescriptorProto.
const SERVICE: i32 = 6;
const METHOD: i32 = 2;
/// `google.protobuf.MethodOptions.IdempotencyLevel`.
const NO_SIDE_EFFECTS: i32 = 1;

/// The part of `service`, as JSON; empty where no file of `files` has it.
pub(crate) fn fragment(files: &[FileDescriptorProto], service: &Service) -> String {
    let of_package = files.iter().filter(|file| file.package() == service.package);
    let found = of_package.clone().find_map(|file| {
        let place = file.service.iter().position(|known| known.name() == service.proto_name)?;
        Some((file, place))
    });
    let Some((file, place)) = found else { return String::new() };
    let descriptor = &file.service[place];
    let comments = Comments::of(file);
    let types = Types::of(files);
    let mut schemas = Schemas::new(&types);
    let at = place as i32;
    let unary = |(_, method): &(usize, &MethodDescriptorProto)| {
        !method.client_streaming() && !method.server_streaming()
    };
    let methods = descriptor.method.iter().enumerate().filter(unary);
    let methods: Vec<Value> = methods
        .map(|(index, method)| {
            let text = comments.get(&[SERVICE, at, METHOD, index as i32]);
            self::method(method, text, &mut schemas)
        })
        .collect();
    let mut part = Map::new();
    let name = match file.package() {
        "" => descriptor.name().to_owned(),
        package => format!("{package}.{}", descriptor.name()),
    };
    part.insert("name".to_owned(), name.into());
    insert_text(&mut part, "description", comments.get(&[SERVICE, at]));
    let deprecated = descriptor.options.as_ref().is_some_and(|options| options.deprecated());
    insert_flag(&mut part, "deprecated", deprecated);
    part.insert("methods".to_owned(), methods.into());
    part.insert("schemas".to_owned(), schemas.into_map().into());
    Value::Object(part).to_string()
}

fn method(method: &MethodDescriptorProto, text: &str, schemas: &mut Schemas<'_>) -> Value {
    let options = method.options.clone().unwrap_or_default();
    let mut part = Map::new();
    part.insert("name".to_owned(), method.name().into());
    insert_text(&mut part, "summary", &summary(text));
    insert_text(&mut part, "description", text);
    insert_flag(&mut part, "deprecated", options.deprecated());
    insert_flag(&mut part, "get", options.idempotency_level() as i32 == NO_SIDE_EFFECTS);
    part.insert("request".to_owned(), schemas.name(method.input_type()).into());
    part.insert("response".to_owned(), schemas.name(method.output_type()).into());
    Value::Object(part)
}

fn insert_text(part: &mut Map<String, Value>, key: &str, text: &str) {
    if !text.is_empty() {
        part.insert(key.to_owned(), json!(text));
    }
}

fn insert_flag(part: &mut Map<String, Value>, key: &str, set: bool) {
    if set {
        part.insert(key.to_owned(), json!(true));
    }
}
