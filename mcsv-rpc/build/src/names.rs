//! Names as prost-build makes them from those of the proto.

use prost_types::{DescriptorProto, EnumDescriptorProto};

use crate::externs::Externs;
use heck::{ToSnakeCase, ToUpperCamelCase};

/// The name of a field or module.
pub(crate) fn snake(name: &str) -> String {
    escaped(&name.to_snake_case())
}

/// The name of a type or variant.
pub(crate) fn camel(name: &str) -> String {
    escaped(&name.to_upper_camel_case())
}

/// The name of an enum's value, which is rid of the name of its enum.
pub(crate) fn variant(enumeration: &str, value: &str) -> String {
    let name = camel(value);
    match name.strip_prefix(&camel(enumeration)) {
        Some(rest) if rest.starts_with(char::is_uppercase) => escaped(rest),
        _ => name,
    }
}

/// The name of the type of a oneof: another one where a type in its message has it.
pub(crate) fn oneof(message: &DescriptorProto, oneof: &str) -> String {
    let messages = message.nested_type.iter().map(DescriptorProto::name);
    let mut nested = messages.chain(message.enum_type.iter().map(EnumDescriptorProto::name));
    let name = camel(oneof);
    if nested.any(|nested| camel(nested) == name) { format!("{name}OneOf") } else { name }
}

/// The path of a message or enum, `.package.Outer.Name`, from the module of `package`.
pub(crate) fn path(package: &str, type_name: &str, externs: &Externs) -> String {
    if let Some(path) = externs.path(type_name) {
        return path;
    }
    if let Some(google) = type_name.strip_prefix(".google.protobuf.") {
        return format!("::mcsv_rpc::codegen::prost_types::{}", segments(google.split('.')));
    }
    let mut from = package.split('.').filter(|name| !name.is_empty()).peekable();
    let mut to = type_name.trim_start_matches('.').split('.').peekable();
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    format!("{}{}", "super::".repeat(from.count()), segments(to))
}

/// Modules and, last, a type.
pub(crate) fn segments<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    let last = names.pop().map(camel);
    let path: Vec<String> = names.into_iter().map(snake).chain(last).collect();
    path.join("::")
}

fn escaped(name: &str) -> String {
    match name {
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        _ if name.starts_with(char::is_numeric) => format!("_{name}"),
        _ if KEYWORDS.contains(&name) => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

#[rustfmt::skip]
const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static",
    "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_rid_of_whole_words_only() {
        for (enumeration, value, expected) in [
            ("Kind", "KIND_NONE", "None"),
            ("Kind", "KINDLY", "Kindly"),
            ("Kind", "KIND", "Kind"),
            ("Kind", "KIND_1", "Kind1"),
            ("Kind", "KIND_SELF", "Self_"),
            ("kind", "self", "Self_"),
            ("Kind", "_", ""),
        ] {
            assert_eq!(variant(enumeration, value), expected);
        }
    }

    #[test]
    fn a_path_goes_up_and_down() {
        for (package, name, expected) in [
            ("a.v1", ".a.v1.Thing", "Thing"),
            ("a.v1", ".a.v1.Thing.Part", "thing::Part"),
            ("a.v1", ".a.v2.Thing", "super::v2::Thing"),
            ("", ".Thing", "Thing"),
            ("a", ".Thing", "super::Thing"),
            ("", ".a.type.Self", "a::r#type::Self_"),
            ("a", ".google.protobuf.NullValue", "::mcsv_rpc::codegen::prost_types::NullValue"),
        ] {
            assert_eq!(path(package, name, &Externs::default()), expected);
        }
    }
}
