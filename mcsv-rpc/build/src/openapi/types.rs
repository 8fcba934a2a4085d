//! Every message and enum of a set of files, by its full name.

use std::collections::HashMap;
use std::rc::Rc;

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use crate::comments::Comments;

// Field numbers in FileDescriptorProto and DescriptorProto.
const MESSAGE: i32 = 4;
const ENUM: i32 = 5;
const NESTED: i32 = 3;
const NESTED_ENUM: i32 = 4;

pub(crate) enum Definition<'a> {
    Message(&'a DescriptorProto),
    Enum(&'a EnumDescriptorProto),
}

pub(crate) struct Known<'a> {
    pub(crate) definition: Definition<'a>,
    comments: Rc<Comments>,
    path: Vec<i32>,
}

impl Known<'_> {
    /// The comment of the type itself.
    pub(crate) fn comment(&self) -> &str {
        self.comments.get(&self.path)
    }

    /// The comment of its field or value with this index.
    pub(crate) fn member_comment(&self, index: usize) -> &str {
        // The field number of `field` in DescriptorProto, and of `value` in EnumDescriptorProto.
        const MEMBER: i32 = 2;
        self.comments.get(&below(&self.path, MEMBER, index))
    }
}

/// Keyed as descriptors refer to types: with a leading dot.
pub(crate) struct Types<'a>(HashMap<String, Known<'a>>);

impl<'a> Types<'a> {
    pub(crate) fn of(files: &'a [FileDescriptorProto]) -> Self {
        let mut types = Types(HashMap::new());
        for file in files {
            let comments = Rc::new(Comments::of(file));
            let scope = match file.package() {
                "" => String::new(),
                package => format!(".{package}"),
            };
            for (index, message) in file.message_type.iter().enumerate() {
                types.add_message(&scope, message, &comments, below(&[], MESSAGE, index));
            }
            for (index, enumeration) in file.enum_type.iter().enumerate() {
                types.add_enum(&scope, enumeration, &comments, below(&[], ENUM, index));
            }
        }
        types
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Known<'a>> {
        self.0.get(name)
    }

    fn add_message(
        &mut self,
        scope: &str,
        message: &'a DescriptorProto,
        comments: &Rc<Comments>,
        path: Vec<i32>,
    ) {
        let name = format!("{scope}.{}", message.name());
        for (index, nested) in message.nested_type.iter().enumerate() {
            self.add_message(&name, nested, comments, below(&path, NESTED, index));
        }
        for (index, nested) in message.enum_type.iter().enumerate() {
            self.add_enum(&name, nested, comments, below(&path, NESTED_ENUM, index));
        }
        let definition = Definition::Message(message);
        self.0.insert(name, Known { definition, comments: comments.clone(), path });
    }

    fn add_enum(
        &mut self,
        scope: &str,
        enumeration: &'a EnumDescriptorProto,
        comments: &Rc<Comments>,
        path: Vec<i32>,
    ) {
        let name = format!("{scope}.{}", enumeration.name());
        let definition = Definition::Enum(enumeration);
        self.0.insert(name, Known { definition, comments: comments.clone(), path });
    }
}

fn below(path: &[i32], kind: i32, index: usize) -> Vec<i32> {
    [path, &[kind, index as i32]].concat()
}
