//! Where something stands in a proto file.

use std::fmt;

use prost_types::FileDescriptorProto;

use crate::Error;

/// A file with a line and a column, both counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// In bytes, as protoc counts but for tabs, and as a parser's error does.
    pub(crate) column: usize,
}

impl Place {
    /// That of the name of an item, by the item's path in the descriptor of its file.
    pub(crate) fn of_name(file: &FileDescriptorProto, path: &[i32]) -> Self {
        // A file that was not read from source, as those of Google's types, has no places.
        Self::written(file, path).unwrap_or_else(|| Self::start(file))
    }

    /// That of the package, by which a file has its module.
    pub(crate) fn of_package(file: &FileDescriptorProto) -> Self {
        const PACKAGE: i32 = 2;
        Self::found(file, &[PACKAGE]).unwrap_or_else(|| Self::start(file))
    }

    /// Like [`of_name`](Self::of_name), where the item is written in the file at all.
    pub(crate) fn written(file: &FileDescriptorProto, path: &[i32]) -> Option<Self> {
        // The field number in the descriptors of messages, fields, enums and all the others.
        const NAME: i32 = 1;
        Self::found(file, &[path, &[NAME]].concat())
    }

    fn found(file: &FileDescriptorProto, path: &[i32]) -> Option<Self> {
        let mut locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let location = locations.find(|location| location.path == path)?;
        let [line, column, ..] = *location.span else { return None };
        let (line, column) = (line as usize + 1, column as usize + 1);
        Some(Place { file: file.name().to_owned(), line, column })
    }

    fn start(file: &FileDescriptorProto) -> Self {
        Place { file: file.name().to_owned(), line: 1, column: 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What has a name in a file.
#[derive(Clone)]
pub(crate) struct Item<'a> {
    pub(crate) kind: &'static str,
    pub(crate) name: &'a str,
    pub(crate) file: &'a FileDescriptorProto,
    /// In the descriptor of the file.
    pub(crate) path: Vec<i32>,
}

impl Item<'_> {
    pub(crate) fn place(&self) -> Place {
        Place::of_name(self.file, &self.path)
    }

    /// The error for two items which `outcome`, at the one that comes later in the file.
    pub(crate) fn clash(one: &Self, other: &Self, outcome: &str) -> Error {
        let (mut first, mut second) = ((one.place(), one), (other.place(), other));
        let position = |place: &Place| (place.line, place.column);
        if first.0.file == second.0.file && position(&first.0) > position(&second.0) {
            (first, second) = (second, first);
        }
        let where_first = match &first.0 {
            place if place.file == second.0.file => format!("line {}", place.line),
            place => place.to_string(),
        };
        let name = |item: &Self| format!("{} `{}`", item.kind, item.name);
        let (first, second) = (name(first.1), (second.0, name(second.1)));
        Error::at(second.0, format!("{} and {first} ({where_first}) {outcome}", second.1))
    }
}
