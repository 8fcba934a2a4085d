//! The JSON form of messages and enums: one `impl` for each, beside the code of prost-build.

use std::collections::BTreeSet;
use std::fmt::Write;

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use crate::externs::Externs;
use crate::field::{Field, Shape};
use crate::names;

const ALLOW: &str =
    "#[allow(deprecated, unused_mut, unused_variables, clippy::all, clippy::pedantic)]";

/// The code for all that `file` defines, to be put into the module of its package.
pub(crate) fn code(file: &FileDescriptorProto, externs: &Externs) -> String {
    let mut writer = Writer { file, externs, code: String::new() };
    // These come with mcsv-rpc.
    if file.package() == "google.protobuf" {
        return String::new();
    }
    let scope = match file.package() {
        "" => String::new(),
        package => format!(".{package}"),
    };
    for message in &file.message_type {
        writer.message(&scope, message);
    }
    for enumeration in &file.enum_type {
        writer.enumeration(&scope, enumeration);
    }
    writer.code
}

/// The messages of a package, as the types that an `Any` may hold.
pub(crate) fn any_types<'a>(
    package: &str,
    files: impl Iterator<Item = &'a FileDescriptorProto>,
    externs: &Externs,
) -> String {
    let mut names = Vec::new();
    for file in files.filter(|file| file.package() == package) {
        for message in &file.message_type {
            full_names(package, message, &mut names);
        }
    }
    let entry = |name: &String| {
        let path = names::path(package, &format!(".{name}"), externs);
        format!("::mcsv_rpc::json::AnyType::of::<{path}>({name:?}),")
    };
    names.iter().map(entry).collect()
}

fn full_names(scope: &str, message: &DescriptorProto, names: &mut Vec<String>) {
    if message.options.as_ref().is_some_and(|options| options.map_entry()) {
        return;
    }
    let name = match scope {
        "" => message.name().to_owned(),
        scope => format!("{scope}.{}", message.name()),
    };
    names.push(name.clone());
    for nested in &message.nested_type {
        full_names(&name, nested, names);
    }
}

struct Writer<'a> {
    file: &'a FileDescriptorProto,
    externs: &'a Externs,
    code: String,
}

impl Writer<'_> {
    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return;
        }
        let full_name = format!("{scope}.{}", message.name());
        if self.externs.has(&full_name) {
            return;
        }
        self.message_impl(&full_name, message);
        for nested in &message.nested_type {
            self.message(&full_name, nested);
        }
        for enumeration in &message.enum_type {
            self.enumeration(&full_name, enumeration);
        }
    }

    fn message_impl(&mut self, full_name: &str, message: &DescriptorProto) {
        let (file, externs) = (self.file, self.externs);
        let path = names::path(file.package(), full_name, externs);
        let fields: Vec<Field<'_>> =
            message.field.iter().map(|field| Field::new(file, message, field, externs)).collect();
        let oneofs = Oneofs::new(file, full_name, message);
        let slots = fields.len() + message.oneof_decl.len();
        let writes: String = fields.iter().map(|field| write(field, &oneofs)).collect();
        let reads = reads(&fields, &oneofs);
        // prost derives a method for a field, which would go before that of the trait.
        let is_shadowed = fields.iter().any(|field| names::snake(field.proto.name()) == "default");
        let default = if is_shadowed {
            "<Self as ::core::default::Default>::default()"
        } else {
            "Self::default()"
        };
        let code = format!(
            "
            {ALLOW}
            impl ::mcsv_rpc::json::JsonMessage for {path} {{
                fn write_json(&self, out: &mut ::mcsv_rpc::json::JsonWriter) {{
                    out.object(|out| {{ {writes} }});
                }}
                fn read_json(
                    input: &mut ::mcsv_rpc::json::JsonReader<'_>,
                ) -> ::core::result::Result<Self, ::mcsv_rpc::json::JsonError> {{
                    let mut message = {default};
                    let mut seen = [false; {slots}];
                    input.object(|input, name| match name {{
                        {reads}
                        _ => input.skip(),
                    }})?;
                    Ok(message)
                }}
            }}
            "
        );
        self.code.push_str(&code);
    }

    fn enumeration(&mut self, scope: &str, enumeration: &EnumDescriptorProto) {
        let full_name = format!("{scope}.{}", enumeration.name());
        if self.externs.has(&full_name) {
            return;
        }
        let path = names::path(self.file.package(), &full_name, self.externs);
        let (mut names, mut numbers) = (String::new(), String::new());
        let mut named = BTreeSet::new();
        for value in &enumeration.value {
            let (name, number) = (value.name(), value.number());
            // The first of several names for a number is the one to write.
            if named.insert(number) {
                let _ = write!(names, "{number} => {name:?},");
            }
            let _ = write!(numbers, "{name:?} => {number},");
        }
        let code = format!(
            "
            {ALLOW}
            impl ::mcsv_rpc::json::JsonEnum for {path} {{
                fn json_name(number: i32) -> ::core::option::Option<&'static str> {{
                    ::core::option::Option::Some(match number {{
                        {names}
                        _ => return ::core::option::Option::None,
                    }})
                }}
                fn json_number(name: &str) -> ::core::option::Option<i32> {{
                    ::core::option::Option::Some(match name {{
                        {numbers}
                        _ => return ::core::option::Option::None,
                    }})
                }}
            }}
            "
        );
        self.code.push_str(&code);
    }
}

/// The fields and types that hold the oneofs of one message.
struct Oneofs {
    /// Field and type, by index.
    names: Vec<(String, String)>,
    fields: usize,
}

impl Oneofs {
    fn new(file: &FileDescriptorProto, full_name: &str, message: &DescriptorProto) -> Self {
        let name = |oneof: &str| {
            // Of a message that is no one else's, and so is its oneof.
            let path =
                names::path(file.package(), &format!("{full_name}.{oneof}"), &Externs::default());
            let module = path.rsplit_once("::").map_or("", |(module, _)| module);
            (names::snake(oneof), format!("{module}::{}", names::oneof(message, oneof)))
        };
        let names = message.oneof_decl.iter().map(|oneof| name(oneof.name())).collect();
        Oneofs { names, fields: message.field.len() }
    }
}

fn write(field: &Field<'_>, oneofs: &Oneofs) -> String {
    let (name, format) = (field.json_name(), &field.format);
    let member = names::snake(field.proto.name());
    let method = match field.shape {
        Shape::Implicit => "implicit::<{format}, _>",
        Shape::Required => "always::<{format}, _>",
        Shape::Optional => "optional::<{format}, _>",
        Shape::Repeated => "repeated::<{format}, _>",
        Shape::Map => "map::<{format}, _, _>",
        Shape::Member(index) => {
            let (oneof, path) = &oneofs.names[index];
            let variant = names::camel(field.proto.name());
            return format!(
                "if let ::core::option::Option::Some({path}::{variant}(value)) = &self.{oneof} {{
                    out.always::<{format}, _>({name:?}, value);
                }}"
            );
        }
    };
    format!("out.{}({name:?}, &self.{member});", method.replace("{format}", format))
}

/// The arms of the `match` over names.
fn reads(fields: &[Field<'_>], oneofs: &Oneofs) -> String {
    // A name of the proto may be the JSON name of another field, which goes before.
    let mut taken: BTreeSet<&str> = fields.iter().map(Field::json_name).collect();
    let mut arms = String::new();
    for (index, field) in fields.iter().enumerate() {
        let mut pattern = format!("{:?}", field.json_name());
        if taken.insert(field.proto.name()) {
            let _ = write!(pattern, " | {:?}", field.proto.name());
        }
        let _ = writeln!(arms, "{pattern} => {},", read(index, field, oneofs));
    }
    arms
}

fn read(index: usize, field: &Field<'_>, oneofs: &Oneofs) -> String {
    let format = &field.format;
    let method = match field.shape {
        Shape::Implicit | Shape::Required => "implicit::<{format}, _>",
        Shape::Optional => "optional::<{format}, _>",
        Shape::Repeated => "repeated::<{format}, _>",
        Shape::Map => "map::<{format}, _, _>",
        Shape::Member(oneof) => {
            let (name, path) = &oneofs.names[oneof];
            let (slot, variant) = (oneofs.fields + oneof, names::camel(field.proto.name()));
            return format!(
                "input.member::<{format}, _>(&mut seen[{slot}], |value| {{
                    message.{name} = ::core::option::Option::Some({path}::{variant}(value));
                }})"
            );
        }
    };
    let member = names::snake(field.proto.name());
    let method = method.replace("{format}", format);
    format!("input.{method}(&mut seen[{index}], &mut message.{member})")
}
