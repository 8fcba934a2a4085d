use std::fmt::{self, Write as _};

use super::{JsonError, JsonReader};

/// Writes one JSON text, without spaces.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: String,
    /// Whether the next entry of the object or array at hand is its first.
    first: bool,
    depth: usize,
    /// The type of an `Any`, to be written into the object that comes next.
    type_url: Option<String>,
    error: Option<JsonError>,
}

impl JsonWriter {
    /// A writer that has written nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The text in UTF-8.
    ///
    /// # Errors
    ///
    /// What was reported to [`fail`](Self::fail) first.
    pub fn finish(self) -> Result<Vec<u8>, JsonError> {
        match self.error {
            None => Ok(self.out.into_bytes()),
            Some(error) => Err(error),
        }
    }

    /// Reports a value that has no JSON form; the text is lost.
    pub fn fail(&mut self, error: JsonError) {
        self.error.get_or_insert(error);
    }

    /// Writes an object whose entries `entries` writes.
    pub fn object(&mut self, entries: impl FnOnce(&mut Self)) {
        self.out.push('{');
        self.first = true;
        self.depth += 1;
        if let Some(type_url) = self.type_url.take() {
            self.key("@type");
            self.string(&type_url);
        }
        entries(self);
        self.depth -= 1;
        self.out.push('}');
        self.first = false;
    }

    /// Writes an array whose elements `elements` writes, each after a call of
    /// [`element`](Self::element).
    pub fn array(&mut self, elements: impl FnOnce(&mut Self)) {
        self.out.push('[');
        self.first = true;
        self.depth += 1;
        elements(self);
        self.depth -= 1;
        self.out.push(']');
        self.first = false;
    }

    /// Begins an entry of an object; its value must follow.
    pub fn key(&mut self, name: &str) {
        self.element();
        self.string(name);
        self.out.push(':');
    }

    /// Begins an element of an array; its value must follow.
    pub fn element(&mut self) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
    }

    /// Writes `text` as a string.
    pub fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            // Only ASCII is escaped, so these are boundaries of characters.
            self.out.push_str(&text[plain..at]);
            self.escape(byte);
            plain = at + 1;
        }
        self.out.push_str(&text[plain..]);
        self.out.push('"');
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' => self.out.push_str("\\\""),
            b'\\' => self.out.push_str("\\\\"),
            b'\n' => self.out.push_str("\\n"),
            b'\r' => self.out.push_str("\\r"),
            b'\t' => self.out.push_str("\\t"),
            _ => self.literal(format_args!("\\u{byte:04x}")),
        }
    }

    /// Writes what needs no quotes and no escapes: a number, `true`, `false`, `null`.
    pub(crate) fn literal(&mut self, text: fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = self.out.write_fmt(text);
    }

    /// Writes a string that needs no escapes.
    pub(crate) fn quoted(&mut self, text: fmt::Arguments<'_>) {
        self.out.push('"');
        self.literal(text);
        self.out.push('"');
    }

    pub(crate) fn null(&mut self) {
        self.out.push_str("null");
    }

    pub(crate) fn is_too_deep(&self) -> bool {
        self.depth >= JsonReader::DEPTH_LIMIT
    }

    /// The object that comes next is the message of an `Any` and says so.
    pub(crate) fn announce_type(&mut self, type_url: &str) {
        self.type_url = Some(type_url.to_owned());
    }
}
