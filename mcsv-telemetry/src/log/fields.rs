use std::error::Error as StdError;
use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};

use super::secret_names::{REDACTED, is_secret_name, redact_signed_urls};

/// The longest text of one field, in bytes before escaping.
pub(crate) const MAX_TEXT: usize = 8 * 1024;
/// All the text of one event, or of one span, in bytes before escaping.
pub(crate) const MAX_TOTAL: usize = 16 * 1024;
/// The causes of one error that are written.
const MAX_CAUSES: usize = 16;

/// What one field holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Text(String),
}

/// The fields of one event or span, bounded.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) message: Option<String>,
    pub(crate) list: Vec<(&'static str, Value)>,
    /// Whether something did not fit.
    pub(crate) truncated: bool,
    used: usize,
}

impl Fields {
    /// Takes over later values of the same span: one of a known name replaces it.
    pub(crate) fn update(&mut self, newer: Fields) {
        for (name, value) in newer.list {
            self.set(name, value);
        }
        self.truncated |= newer.truncated;
    }

    pub(crate) fn remove_text(&mut self, name: &str) -> Option<String> {
        let at = self.list.iter().position(|(known, _)| *known == name)?;
        match self.list.swap_remove(at).1 {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn set(&mut self, name: &'static str, value: Value) {
        // A replaced value stays counted, so that a span that is updated for ever stays bounded in
        // what it costs to write, at the price of refusing updates at some point.
        match self.list.iter().position(|(known, _)| *known == name) {
            Some(at) if self.fits(name, &value) => self.list[at].1 = value,
            Some(_) => {}
            None => self.push(name, value),
        }
    }

    /// Adds a field that is not there: the names of one record differ.
    fn push(&mut self, name: &'static str, value: Value) {
        if self.fits(name, &value) {
            self.used += size(name, &value);
            self.list.push((name, value));
        }
    }

    fn fits(&mut self, name: &str, value: &Value) -> bool {
        let fits = self.used + size(name, value) <= MAX_TOTAL;
        self.truncated |= !fits;
        fits
    }

    fn text(&mut self, field: &Field, write: impl FnOnce(&mut Bounded) -> fmt::Result) {
        let name = field.name();
        if is_secret_name(name) {
            return self.push(name, Value::Text(REDACTED.to_owned()));
        }
        let mut bounded = Bounded { text: String::new(), full: false };
        // An error here is the bound, or a formatter that gave up: what came before it counts.
        let _ = write(&mut bounded);
        self.truncated |= bounded.full;
        redact_signed_urls(&mut bounded.text);
        if name == "message" {
            self.used += bounded.text.len();
            self.message = Some(bounded.text);
        } else {
            self.push(name, Value::Text(bounded.text));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, |out| write!(out, "{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, |out| out.write_str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn StdError + 'static)) {
        self.text(field, |out| {
            write!(out, "{value}")?;
            let mut cause = value.source();
            for _ in 0..MAX_CAUSES {
                let Some(error) = cause else { break };
                write!(out, ": {error}")?;
                cause = error.source();
            }
            Ok(())
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set_number(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set_number(field, Value::U64(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for infinity or not-a-number.
        let value =
            if value.is_finite() { Value::F64(value) } else { Value::Text(value.to_string()) };
        self.set_number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field.name(), Value::Bool(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.text(field, |out| value.iter().try_for_each(|byte| write!(out, "{byte:02x}")));
    }
}

impl Fields {
    fn set_number(&mut self, field: &Field, value: Value) {
        let secret = is_secret_name(field.name());
        self.push(field.name(), if secret { Value::Text(REDACTED.to_owned()) } else { value });
    }
}

/// The bytes that a field counts for.
pub(crate) fn size(name: &str, value: &Value) -> usize {
    name.len() + if let Value::Text(text) = value { text.len() } else { 8 }
}

/// Text that stops its writer at [`MAX_TEXT`], so that a huge value costs no more than that.
struct Bounded {
    text: String,
    full: bool,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = MAX_TEXT - self.text.len();
        if more.len() <= room {
            self.text.push_str(more);
            return Ok(());
        }
        self.text.push_str(&more[..more.floor_char_boundary(room)]);
        self.full = true;
        Err(fmt::Error)
    }
}
