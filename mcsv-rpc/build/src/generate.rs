use std::collections::VecDeque;

use prost_build::{Comments, Method, Service, ServiceGenerator};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::externs::Externs;
use crate::{json, openapi, service_names, template};

/// Names that a generated client has beside the methods of its service.
const CLIENT_NAMES: [&str; 17] = [
    "new",
    "connect",
    "connect_all",
    "in_process",
    "from_channel",
    "with_timeout",
    "with_retry",
    "with_hedge_after",
    "with_header",
    "with_json",
    "with_protocol",
    "with_gzip",
    "with_zstd",
    "with_response_limit",
    "with_url",
    "clone",
    "channel",
];

/// Writes a trait, a server and a client for each service, and the JSON form of each message.
pub(crate) struct Generator {
    /// The JSON code of each file, in the order in which prost-build comes to them.
    json: VecDeque<String>,
    files: Vec<FileDescriptorProto>,
    externs: Externs,
}

impl Generator {
    pub(crate) fn new(descriptors: &FileDescriptorSet, externs: &Externs) -> Self {
        let (files, externs) = (descriptors.file.clone(), externs.clone());
        let json = files.iter().map(|file| json::code(file, &externs)).collect();
        Generator { json, files, externs }
    }
}

impl ServiceGenerator for Generator {
    /// Called at the end of each file, also where it has no service.
    fn finalize(&mut self, buf: &mut String) {
        buf.push_str(&self.json.pop_front().unwrap_or_default());
    }

    fn generate(&mut self, mut service: Service, buf: &mut String) {
        if self.externs.has(&format!(".{}", full_name(&service))) {
            return;
        }
        // Refused before, or left out by the user's choice.
        service.methods.retain(|method| !method.client_streaming && !method.server_streaming);
        service_names::settle(&mut service, &self.files);
        let mut text = template::SERVICE.to_owned();
        let each = |template: &str| -> String {
            let methods = service.methods.iter().enumerate();
            methods.map(|(index, method)| fill(template, &service, index, method)).collect()
        };
        for (place, code) in [
            ("@trait_methods@", each(template::TRAIT_METHOD)),
            ("@descriptors@", each(template::DESCRIPTOR)),
            ("@arms@", each(template::ARM)),
            ("@client_methods@", each(template::CLIENT_METHOD)),
            ("@forwards@", each(template::FORWARD)),
            ("@openapi@", format!("{:?}", openapi::fragment(&self.files, &service))),
            ("@any_types@", json::any_types(&service.package, self.files.iter(), &self.externs)),
            ("@doc@", doc(&service.comments, &format!("The service `{}`.", full_name(&service)))),
            ("@full_name@", full_name(&service)),
            ("@Service@", service.name.clone()),
        ] {
            text = text.replace(place, &code);
        }
        buf.push_str(&text);
    }
}

fn fill(template: &str, service: &Service, index: usize, method: &Method) -> String {
    let full_name = format!("{}/{}", full_name(service), method.proto_name);
    let request = method.input_proto_type.trim_start_matches('.');
    template
        .replace("@index@", &index.to_string())
        .replace("@doc@", &doc(&method.comments, &format!("The method `{full_name}`.")))
        .replace("@full_name@", &full_name)
        .replace("@request_name@", request)
        .replace("@idempotency@", idempotency(method))
        .replace("@client_method@", &client_name(&method.name, service))
        .replace("@method@", &method.name)
        .replace("@Request@", rust_type(&method.input_type))
        .replace("@Response@", rust_type(&method.output_type))
}

/// A message `T` is not the parameter of the server that has this name.
fn rust_type(path: &str) -> &str {
    if path == "T" { "self::T" } else { path }
}

fn full_name(service: &Service) -> String {
    match service.package.as_str() {
        "" => service.proto_name.clone(),
        package => format!("{package}.{}", service.proto_name),
    }
}

/// The name itself, or one that neither the client nor another method has.
fn client_name(method: &str, service: &Service) -> String {
    let mut name = method.to_owned();
    while CLIENT_NAMES.contains(&&*name)
        || (name != method && service.methods.iter().any(|other| other.name == name))
    {
        name.push('_');
    }
    name
}

fn idempotency(method: &Method) -> &'static str {
    // The numbers of google.protobuf.MethodOptions.IdempotencyLevel.
    match method.options.idempotency_level {
        Some(1) => "NoSideEffects",
        Some(2) => "Idempotent",
        _ => "Unspecified",
    }
}

/// The proto's comment, or `otherwise` where it has none: generated items are always documented.
fn doc(comments: &Comments, otherwise: &str) -> String {
    if comments.leading.is_empty() && comments.trailing.is_empty() {
        return format!("/// {otherwise}\n");
    }
    let plain = Comments {
        leading_detached: Vec::new(),
        leading: comments.leading.clone(),
        trailing: comments.trailing.clone(),
    };
    let mut text = String::new();
    plain.append_with_indent(0, &mut text);
    text
}
