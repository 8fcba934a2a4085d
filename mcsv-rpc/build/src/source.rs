//! Reading proto files, of which the parser takes text in UTF-8 alone.

use std::fs;
use std::path::{Path, PathBuf};

use protox::file::{File, FileResolver, IncludeFileResolver};

use crate::place::Place;
use crate::{Error, json_names};

/// What some editors write at the start of a file in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The files below one folder.
pub(crate) struct Include {
    folder: PathBuf,
    resolver: IncludeFileResolver,
}

impl Include {
    pub(crate) fn new(folder: &Path) -> Self {
        Include { folder: folder.to_owned(), resolver: IncludeFileResolver::new(folder.to_owned()) }
    }
}

impl FileResolver for Include {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        self.resolver.resolve_path(path)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        // Of what can't be read, the resolver says why.
        let bytes = fs::read(self.folder.join(name)).unwrap_or_default();
        let marked = bytes.strip_prefix(BYTE_ORDER_MARK);
        let text = text(name, marked.unwrap_or(&bytes)).map_err(protox::Error::new)?;
        let file = match marked {
            // As protoc does. The compiler is told no path, and `parse` finds it by the name.
            Some(_) => File::from_source(name, text)?,
            None => self.resolver.open_file(name)?,
        };
        json_names::check(file.file_descriptor_proto()).map_err(protox::Error::new)?;
        Ok(file)
    }
}

fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, Error> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let (before, rest) = bytes.split_at(error.valid_up_to());
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let place = Place {
        file: name.to_owned(),
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: before.len() - line_start + 1,
    };
    let byte = rest.first().copied().unwrap_or_default();
    let text = format!("the byte 0x{byte:02X} is not UTF-8: save the file in that encoding");
    Err(Error::at(place, text))
}
