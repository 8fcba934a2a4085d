use std::fmt;

use crate::BoxError;

/// An empty database for one case, which goes with this value where its maker says so.
pub struct Database {
    url: String,
    _kept: Option<tempfile::TempDir>,
}

impl Database {
    /// One that is there.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Database { url: url.into(), _kept: None }
    }

    /// A SQLite file in a temporary folder.
    ///
    /// # Errors
    ///
    /// The folder can't be made.
    pub fn sqlite() -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("deep/er/jobs.db").display());
        Ok(Database { url, _kept: Some(folder) })
    }

    /// Where it is, as [`Jobs::connect`](crate::Jobs::connect) takes it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
