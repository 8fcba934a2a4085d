//! Where something stands in a proto file.

use std::fmt;

use prost_types::FileDescriptorProto;

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
        // The field number in the descriptors of messages, fields, enums and all the others.
        const NAME: i32 = 1;
        Self::of(file, &[path, &[NAME]].concat())
    }

    /// That of what has `path` in the descriptor of its file.
    pub(crate) fn of(file: &FileDescriptorProto, path: &[i32]) -> Self {
        let mut locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let span = locations.find(|location| location.path == path).map(|found| &*found.span);
        // A file that was not read from source, as those of Google's types, has no locations.
        let (line, column) = match span {
            Some([line, column, ..]) => (*line as usize + 1, *column as usize + 1),
            _ => (1, 1),
        };
        Place { file: file.name().to_owned(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
