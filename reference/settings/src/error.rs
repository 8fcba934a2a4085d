use std::fmt;

/// One or more variables hold what they can't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    faults: Vec<String>,
}

impl SettingsError {
    pub(crate) fn new(faults: Vec<String>) -> Self {
        SettingsError { faults }
    }

    /// Each fault in one line: the variable, its value unless it is a secret, what is accepted.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("; "))
    }
}

impl std::error::Error for SettingsError {}
