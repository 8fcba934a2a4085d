//! Names that differ in a proto and are one in Rust, or none.
//!
//! prost-build panics on the values of an enum, and makes code that does not compile of all the
//! others: neither says which proto it was.

use std::collections::{BTreeSet, HashMap};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, ServiceDescriptorProto,
};

use crate::externs::Externs;
use crate::field::{is_map_entry, map_value};
use crate::place::{Item, Place};
use crate::{Error, names};

/// Field numbers in the descriptors, which make up the path of an item.
mod number {
    pub(super) const MESSAGE: i32 = 4;
    pub(super) const ENUM: i32 = 5;
    pub(super) const SERVICE: i32 = 6;
    /// In a message.
    pub(super) const FIELD: i32 = 2;
    pub(super) const NESTED_MESSAGE: i32 = 3;
    pub(super) const NESTED_ENUM: i32 = 4;
    pub(super) const ONEOF: i32 = 8;
    /// In an enum.
    pub(super) const VALUE: i32 = 2;
    /// In a service.
    pub(super) const METHOD: i32 = 2;
}

/// Refuses the first name that is taken in Rust, or is none there.
pub(crate) fn check(descriptors: &FileDescriptorSet, externs: &Externs) -> Result<(), Error> {
    let mut names = Names { externs, taken: HashMap::new() };
    descriptors.file.iter().try_for_each(|file| names.file(file))
}

/// Where messages and enums are defined.
struct Scope<'a> {
    file: &'a FileDescriptorProto,
    /// The name in the proto, which begins with a dot where it is not empty.
    proto: String,
    /// The module in Rust.
    module: String,
}

impl<'a> Scope<'a> {
    fn item(&self, kind: &'static str, name: &'a str, path: &[i32]) -> Item<'a> {
        Item { kind, name, file: self.file, path: path.to_vec() }
    }
}

struct Names<'a> {
    externs: &'a Externs,
    /// By the place that they have in Rust.
    taken: HashMap<String, Item<'a>>,
}

impl<'a> Names<'a> {
    fn file(&mut self, file: &'a FileDescriptorProto) -> Result<(), Error> {
        let parts = || file.package().split('.').filter(|part| !part.is_empty());
        if let Some(part) = parts().find(|part| names::snake(part).is_empty()) {
            let part = format!("package part `{part}`");
            return Err(Error::no_name(Place::of_package(file), part));
        }
        let module = parts().map(names::snake).collect::<Vec<_>>().join("::");
        let proto = match file.package() {
            "" => String::new(),
            package => format!(".{package}"),
        };
        let scope = Scope { file, proto, module };
        for (message, index) in file.message_type.iter().zip(0..) {
            self.message(&scope, message, &[number::MESSAGE, index])?;
        }
        for (enumeration, index) in file.enum_type.iter().zip(0..) {
            self.enumeration(&scope, enumeration, &[number::ENUM, index])?;
        }
        for (service, index) in file.service.iter().zip(0..) {
            self.service(&scope, service, &[number::SERVICE, index])?;
        }
        Ok(())
    }

    fn message(
        &mut self,
        scope: &Scope<'a>,
        message: &'a DescriptorProto,
        path: &[i32],
    ) -> Result<(), Error> {
        let proto = format!("{}.{}", scope.proto, message.name());
        if is_map_entry(message) || self.is_elsewhere(&proto) {
            return Ok(());
        }
        let name = message.name();
        self.take(&scope.module, names::camel(name), scope.item("message", name, path))?;
        let module = format!("{}::{}", scope.module, names::snake(name));
        let inner = Scope { file: scope.file, proto, module };
        if has_module(message) {
            let item = scope.item("the module of message", name, path);
            self.take(&scope.module, names::snake(name), item)?;
        }
        for (nested, index) in message.nested_type.iter().zip(0..) {
            self.message(&inner, nested, &[path, &[number::NESTED_MESSAGE, index]].concat())?;
        }
        for (nested, index) in message.enum_type.iter().zip(0..) {
            self.enumeration(&inner, nested, &[path, &[number::NESTED_ENUM, index]].concat())?;
        }
        self.fields(&inner, message, path)
    }

    /// The fields of a message and its oneofs, which are fields of the message and types too.
    fn fields(
        &mut self,
        inner: &Scope<'a>,
        message: &'a DescriptorProto,
        path: &[i32],
    ) -> Result<(), Error> {
        let fields = format!("fields of {}", inner.module);
        let methods = format!("methods of {}", inner.module);
        let mut oneofs = BTreeSet::new();
        for (field, index) in message.field.iter().zip(0..) {
            let path = [path, &[number::FIELD, index]].concat();
            let item = inner.item("field", field.name(), &path);
            if let Some(oneof) = oneof_of(field) {
                oneofs.insert(oneof);
                let variants = format!("oneof {oneof} of {}", inner.module);
                self.take(&variants, names::camel(field.name()), item)?;
                continue;
            }
            let name = names::snake(field.name());
            // prost's derive panics on it, as it makes `get_r#type` of `type`.
            if name.starts_with("r#") && is_map_of_enums(message, field) {
                let text = format!(
                    "field `{}` is a map of enums, and its name is a keyword in Rust: rename it",
                    field.name()
                );
                return Err(Error::at(item.place(), text));
            }
            self.take(&fields, name, item.clone())?;
            for method in methods_of(inner.file, message, field) {
                self.take(&methods, method, item.clone())?;
            }
        }
        for (oneof, index) in message.oneof_decl.iter().zip(0..) {
            // That of an `optional` field is none in Rust.
            if !oneofs.contains(&index) {
                continue;
            }
            let path = [path, &[number::ONEOF, index]].concat();
            let item = inner.item("oneof", oneof.name(), &path);
            self.take(&fields, names::snake(oneof.name()), item.clone())?;
            self.take(&inner.module, names::oneof(message, oneof.name()), item)?;
        }
        Ok(())
    }

    fn enumeration(
        &mut self,
        scope: &Scope<'a>,
        enumeration: &'a EnumDescriptorProto,
        path: &[i32],
    ) -> Result<(), Error> {
        let name = enumeration.name();
        if self.is_elsewhere(&format!("{}.{name}", scope.proto)) {
            return Ok(());
        }
        let rust_name = names::camel(name);
        let variants = format!("variants of {}::{rust_name}", scope.module);
        self.take(&scope.module, rust_name, scope.item("enum", name, path))?;
        let mut numbers = BTreeSet::new();
        for (value, index) in enumeration.value.iter().zip(0..) {
            // The first of several names for a number is the one that is in Rust.
            if numbers.insert(value.number()) {
                let path = [path, &[number::VALUE, index]].concat();
                let item = scope.item("enum value", value.name(), &path);
                self.take(&variants, names::variant(name, value.name()), item)?;
            }
        }
        Ok(())
    }

    /// Beside messages a service changes its name, and so does a method beside others.
    fn service(
        &mut self,
        scope: &Scope<'a>,
        service: &'a ServiceDescriptorProto,
        path: &[i32],
    ) -> Result<(), Error> {
        let name = service.name();
        if self.is_elsewhere(&format!("{}.{name}", scope.proto)) {
            return Ok(());
        }
        let services = format!("services of {}", scope.module);
        self.take(&services, names::camel(name), scope.item("service", name, path))?;
        let unnamed = |name: &str| names::snake(name).is_empty();
        match service.method.iter().position(|method| unnamed(method.name())) {
            None => Ok(()),
            Some(index) => {
                let path = [path, &[number::METHOD, index as i32]].concat();
                let method = format!("method `{}`", service.method[index].name());
                Err(Error::no_name(Place::of_name(scope.file, &path), method))
            }
        }
    }

    /// Whether no code is made for it here.
    fn is_elsewhere(&self, full_name: &str) -> bool {
        full_name.starts_with(".google.protobuf.") || self.externs.has(full_name)
    }

    fn take(&mut self, scope: &str, rust_name: String, item: Item<'a>) -> Result<(), Error> {
        if rust_name.is_empty() {
            let what = format!("{} `{}`", item.kind, item.name);
            return Err(Error::no_name(item.place(), what));
        }
        match self.taken.insert(format!("{scope}: {rust_name}"), item.clone()) {
            None => Ok(()),
            Some(other) => {
                let outcome = format!("are both `{rust_name}` in Rust: rename one of them");
                Err(Item::clash(&other, &item, &outcome))
            }
        }
    }
}

/// The oneof that a field is in, other than the hidden one of an `optional` field.
fn oneof_of(field: &FieldDescriptorProto) -> Option<i32> {
    field.oneof_index.filter(|_| !field.proto3_optional())
}

/// Whether prost-build makes a module for what is in the message.
fn has_module(message: &DescriptorProto) -> bool {
    !message.enum_type.is_empty()
        || message.nested_type.iter().any(|nested| !is_map_entry(nested))
        || message.field.iter().any(|field| oneof_of(field).is_some())
}

/// The methods that prost derives for a field that is in no oneof.
fn methods_of(
    file: &FileDescriptorProto,
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
) -> Vec<String> {
    let name = names::snake(field.name());
    let bare = name.trim_start_matches("r#");
    let is_optional = field.proto3_optional() || file.syntax() != "proto3";
    match (field.r#type(), field.label()) {
        (Type::Enum, Label::Repeated) => vec![format!("push_{bare}()"), format!("{name}()")],
        (Type::Enum, _) => vec![format!("set_{bare}()"), format!("{name}()")],
        _ if is_map_of_enums(message, field) => {
            vec![format!("get_{bare}()"), format!("insert_{bare}()")]
        }
        (Type::Message | Type::Group, _) => Vec::new(),
        (_, Label::Optional) if is_optional => vec![format!("{name}()")],
        _ => Vec::new(),
    }
}

fn is_map_of_enums(message: &DescriptorProto, field: &FieldDescriptorProto) -> bool {
    map_value(message, field).is_some_and(|value| value.r#type() == Type::Enum)
}
