use std::borrow::Cow;

use super::JsonError;
use super::number;

/// Reads one JSON text, token by token.
///
/// It keeps to the grammar of RFC 8259: no comments, no trailing commas, one value and no more.
#[derive(Clone, Debug)]
pub struct JsonReader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The bytes that may still be read ahead, over the whole text.
    ahead: usize,
}

impl<'a> JsonReader<'a> {
    /// How deep objects and arrays may nest: 100, as for protobuf's binary form.
    pub const DEPTH_LIMIT: usize = 100;

    /// Reads `text`.
    ///
    /// # Errors
    ///
    /// The text is not in UTF-8.
    pub fn new(text: &'a [u8]) -> Result<Self, JsonError> {
        match std::str::from_utf8(text) {
            Ok(text) => Ok(JsonReader { text, at: 0, depth: 0, ahead: text.len() * 4 }),
            Err(error) => Err(JsonError::at(error.valid_up_to(), "the text is not in UTF-8")),
        }
    }

    /// Checks that nothing follows.
    ///
    /// # Errors
    ///
    /// Something follows.
    pub fn finish(mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("there is more after the end of the value")),
        }
    }

    /// Reads an object and gives each name to `entry`, which reads the value.
    ///
    /// # Errors
    ///
    /// There is no object, it nests too deep, or `entry` fails.
    pub fn object(
        &mut self,
        mut entry: impl FnMut(&mut Self, &str) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.entries(|input, name| entry(input, name).map_err(|error| error.within(name)))
    }

    /// Reads an object whose names are data, which an error does not show.
    pub(crate) fn map_entries(
        &mut self,
        mut entry: impl FnMut(&mut Self, &str) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.entries(|input, name| entry(input, name).map_err(|error| error.within("*")))
    }

    fn entries(
        &mut self,
        mut entry: impl FnMut(&mut Self, &str) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.open(b'{', "expected an object")?;
        let mut first = true;
        while self.more(b'}', &mut first)? {
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a name in quotes"));
            }
            let name = self.string()?;
            if !self.take(b':') {
                return Err(self.error("expected a colon"));
            }
            entry(self, &name)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array and calls `element` at each element, which reads it.
    ///
    /// # Errors
    ///
    /// There is no array, it nests too deep, or `element` fails.
    pub fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.open(b'[', "expected an array")?;
        let (mut first, mut index) = (true, 0);
        while self.more(b']', &mut first)? {
            element(self).map_err(|error| error.within(&format!("{index}")))?;
            index += 1;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a string.
    ///
    /// # Errors
    ///
    /// There is no string, or it holds a bad escape, half of a surrogate pair, or a control
    /// character.
    pub fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if !self.take(b'"') {
            return Err(self.error("expected a string"));
        }
        let mut owned = String::new();
        loop {
            let plain = self.plain()?;
            if self.byte() == Some(b'"') {
                self.at += 1;
                return Ok(match owned.is_empty() {
                    true => Cow::Borrowed(plain),
                    false => Cow::Owned(owned + plain),
                });
            }
            owned.push_str(plain);
            self.at += 1;
            owned.push(self.escaped()?);
        }
    }

    /// Characters up to a quote or a backslash.
    fn plain(&mut self) -> Result<&'a str, JsonError> {
        let rest = &self.text[self.at..];
        let special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        let end = rest.bytes().position(special).unwrap_or(rest.len());
        self.at += end;
        match self.byte() {
            Some(b'"' | b'\\') => Ok(&rest[..end]),
            Some(_) => Err(self.error("a control character in a string: escape it")),
            None => Err(self.error("the string does not end")),
        }
    }

    /// The character of an escape, after its backslash.
    fn escaped(&mut self) -> Result<char, JsonError> {
        let letter = self.byte();
        self.at += usize::from(letter.is_some_and(|byte| byte.is_ascii()));
        Ok(match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.escaped_unicode(),
            _ => return Err(self.error("no such escape")),
        })
    }

    fn escaped_unicode(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        let mut units = [first, 0];
        let mut length = 1;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            units[1] = self.four_digits()?;
            length = 2;
        }
        let mut characters = char::decode_utf16(units[..length].iter().copied());
        match (characters.next(), characters.next()) {
            (Some(Ok(character)), None) => Ok(character),
            _ => Err(self.error("half of a surrogate pair")),
        }
    }

    fn four_digits(&mut self) -> Result<u16, JsonError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let hex = digits.iter().filter_map(|digit| char::from(*digit).to_digit(16));
        if digits.len() != 4 || hex.clone().count() != 4 {
            return Err(self.error("expected four hexadecimal digits"));
        }
        self.at += 4;
        Ok(hex.fold(0, |number, digit| number << 4 | digit as u16))
    }

    /// Reads a number and gives it as it is written.
    pub(crate) fn number(&mut self) -> Result<&'a str, JsonError> {
        self.peek();
        let rest = &self.text[self.at..];
        let length = number::length(rest.as_bytes());
        if length == 0 {
            return Err(self.error("expected a number"));
        }
        self.at += length;
        Ok(&rest[..length])
    }

    /// Reads a number with or without quotes.
    pub(crate) fn number_or_string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        match self.peek() {
            Some(b'"') => self.string(),
            _ => self.number().map(Cow::Borrowed),
        }
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, JsonError> {
        self.peek();
        match (self.word("true"), self.word("false")) {
            (true, _) => Ok(true),
            (_, true) => Ok(false),
            _ => Err(self.error("expected true or false")),
        }
    }

    /// Reads `null`, if that comes next.
    pub(crate) fn null(&mut self) -> bool {
        self.peek() == Some(b'n') && self.word("null")
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Passes over one value, which must be JSON all the same.
    ///
    /// # Errors
    ///
    /// There is no value, or it nests too deep.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'{') => self.object(|input, _| input.skip()),
            Some(b'[') => self.array(Self::skip),
            Some(b'"') => self.string().map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            Some(b'n') if self.null() => Ok(()),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            _ => Err(self.error("expected a value")),
        }
    }

    /// The `@type` of the object that comes next, which is not read yet.
    pub(crate) fn look_for_type(&mut self) -> Result<Option<String>, JsonError> {
        let mut ahead = self.clone();
        let mut found = None;
        let outcome = ahead.object(|input, name| {
            if name != "@type" {
                return input.skip();
            }
            found = Some(input.string()?.into_owned());
            // An error, only to end the search.
            Err(input.error(""))
        });
        // An Any in an Any in an Any, each with its type last, would be read again and again.
        match self.ahead.checked_sub(ahead.at - self.at) {
            Some(rest) => self.ahead = rest,
            None => return Err(self.error("too much before the @type: put it first")),
        }
        match (found, outcome) {
            (None, Err(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// The byte that comes next, spaces passed over.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// An error at the place that was reached.
    pub(crate) fn error(&self, problem: impl Into<Cow<'static, str>>) -> JsonError {
        JsonError::at(self.at, problem)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<(), JsonError> {
        if !self.take(bracket) {
            return Err(self.error(expected));
        }
        if self.depth == Self::DEPTH_LIMIT {
            return Err(self.error("nested too deep: the limit is 100"));
        }
        self.depth += 1;
        Ok(())
    }

    /// Whether another entry comes before the bracket that ends the object or array.
    fn more(&mut self, end: u8, first: &mut bool) -> Result<bool, JsonError> {
        if self.take(end) {
            return Ok(false);
        }
        if !std::mem::replace(first, false) && !self.take(b',') {
            return Err(self.error(format!("expected a comma or {}", char::from(end))));
        }
        Ok(true)
    }
}
