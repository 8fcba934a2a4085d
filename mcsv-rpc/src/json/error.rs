use std::borrow::Cow;
use std::fmt;

/// Why a message has no JSON form, or a JSON text is no message.
///
/// It names the field and the place in the text, never a value that was read.
pub struct JsonError(Box<Inner>);

struct Inner {
    problem: Cow<'static, str>,
    /// The fields around the place, innermost first.
    path: Vec<String>,
    at: Option<usize>,
}

/// The most bytes of one name in a path: it may be a stranger's.
const LONGEST_NAME: usize = 64;

impl JsonError {
    /// A value that has no JSON form.
    #[must_use]
    pub fn of_value(problem: impl Into<Cow<'static, str>>) -> Self {
        JsonError(Box::new(Inner { problem: problem.into(), path: Vec::new(), at: None }))
    }

    pub(crate) fn at(at: usize, problem: impl Into<Cow<'static, str>>) -> Self {
        JsonError(Box::new(Inner { problem: problem.into(), path: Vec::new(), at: Some(at) }))
    }

    /// Adds the name of the field that holds what went wrong.
    pub(crate) fn within(mut self, name: &str) -> Self {
        let end = name.floor_char_boundary(LONGEST_NAME);
        self.0.path.push(name[..end].escape_debug().to_string());
        self
    }

    /// The byte of the text where reading stopped; `None` for an error of writing.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        self.0.at
    }

    /// The fields around the problem, outermost first, with dots between; empty at the top.
    #[must_use]
    pub fn path(&self) -> String {
        let names: Vec<&str> = self.0.path.iter().rev().map(String::as_str).collect();
        names.join(".")
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            write!(f, "field {}: ", self.path())?;
        }
        f.write_str(&self.0.problem)?;
        match self.0.at {
            Some(at) => write!(f, " at byte {at}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonError({self})")
    }
}

impl std::error::Error for JsonError {}
