use std::fmt;

use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result};

/// A scheme, a host and a port: exactly one server.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    scheme: String,
    host: Host<String>,
    port: u16,
}

impl Origin {
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let host = url.host()?.to_owned();
        let port = url.port_or_known_default()?;
        Some(Origin { scheme: url.scheme().to_owned(), host, port })
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let fault = |rule: &str| Error::new(ErrorKind::Config, format!("allowed origin: {rule}"));
        let url = Url::parse(text)
            .map_err(|e| fault("give scheme, host and port, http://host:8081").with_source(e))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(fault("give http or https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fault("it must hold no user and no password"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(fault("it must end after the port: paths are not told apart"));
        }
        Origin::of(&url).ok_or_else(|| fault("it has no host"))
    }

    pub(crate) fn host(&self) -> &Host<String> {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// What errors and logs show of a URL: never its path or query.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
