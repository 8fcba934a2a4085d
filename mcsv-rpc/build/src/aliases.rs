//! Defaults that are another name for the value of an enum, of which prost-build makes no variant.

use std::collections::HashMap;

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

/// The name of the variant, by the full name of the enum and the other name.
type Variants = HashMap<(String, String), String>;

/// Gives each default the first name of its value, the one that is in Rust.
pub(crate) fn settle(descriptors: &mut FileDescriptorSet) {
    let mut variants = Variants::new();
    for file in &descriptors.file {
        let scope = match file.package() {
            "" => String::new(),
            package => format!(".{package}"),
        };
        file.enum_type.iter().for_each(|found| enumeration(&scope, found, &mut variants));
        file.message_type.iter().for_each(|found| enums_of(&scope, found, &mut variants));
    }
    let messages = descriptors.file.iter_mut().flat_map(|file| &mut file.message_type);
    messages.for_each(|message| settle_message(message, &variants));
}

fn enums_of(scope: &str, message: &DescriptorProto, variants: &mut Variants) {
    let scope = format!("{scope}.{}", message.name());
    message.enum_type.iter().for_each(|found| enumeration(&scope, found, variants));
    message.nested_type.iter().for_each(|nested| enums_of(&scope, nested, variants));
}

fn enumeration(scope: &str, found: &EnumDescriptorProto, variants: &mut Variants) {
    let mut first = HashMap::new();
    for value in &found.value {
        let variant = *first.entry(value.number()).or_insert(value.name());
        if variant != value.name() {
            let full_name = format!("{scope}.{}", found.name());
            variants.insert((full_name, value.name().to_owned()), variant.to_owned());
        }
    }
}

fn settle_message(message: &mut DescriptorProto, variants: &Variants) {
    for field in &mut message.field {
        let key = (field.type_name().to_owned(), field.default_value().to_owned());
        if let Some(variant) = variants.get(&key) {
            field.default_value = Some(variant.clone());
        }
    }
    message.nested_type.iter_mut().for_each(|nested| settle_message(nested, variants));
}
