use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// Where the service is reached: an origin and the path before the keys.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrl {
    /// Without a `/` at its end.
    text: Box<str>,
    path: Box<str>,
}

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let fault = |rule: &str| Error::new(ErrorKind::Config, format!("base URL: {rule}"));
        let url = Url::parse(text).map_err(|e| {
            fault("give an absolute URL, such as https://host/files").with_source(e)
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(fault("give http or https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fault("it must hold no user and no password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(fault("it must end before ? and #: the token goes there"));
        }
        // The two crates differ on what may be in a host, and requests are made of the other one.
        if url.as_str().parse::<http::Uri>().is_err() {
            return Err(fault("its host is none that a request can name"));
        }
        let path = url.path().trim_end_matches('/');
        if path.contains('%') {
            return Err(fault("its path needs escapes: keep to A-Z, a-z, 0-9, '-', '_', '.'"));
        }
        Ok(BaseUrl { text: url.as_str().trim_end_matches('/').into(), path: path.into() })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The path before the keys, without a `/` at its end; empty at the root.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}
