use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};

use crate::error::{Error, ErrorKind, Result};
use crate::sign::claims::{Claims, Purpose};

/// A request that needs no credentials: whoever holds it may make it until it expires.
///
/// `Debug` shows no signature; [`url`](Self::url) is the one way to it.
#[derive(Clone)]
pub struct SignedRequest {
    method: Method,
    url: String,
    headers: HeaderMap,
    expires_at: SystemTime,
}

impl SignedRequest {
    pub(crate) fn new(url: String, claims: &Claims) -> Result<Self> {
        let mut headers = HeaderMap::new();
        if claims.purpose == Purpose::Put {
            if let Some(media_type) = &claims.content_type {
                let value = HeaderValue::from_str(media_type).map_err(|e| {
                    Error::new(ErrorKind::InvalidOption, "content type").with_source(e)
                })?;
                headers.insert(CONTENT_TYPE, value);
            }
            if let Some(len) = claims.exact_len {
                headers.insert(CONTENT_LENGTH, len.into());
            }
        }
        Ok(SignedRequest {
            method: match claims.purpose {
                Purpose::Get => Method::GET,
                Purpose::Put => Method::PUT,
            },
            url,
            headers,
            expires_at: UNIX_EPOCH + Duration::from_secs(claims.expires_at),
        })
    }

    /// A request that the bucket itself answers.
    pub(crate) fn direct(method: Method, url: String, headers: HeaderMap, expires_at: u64) -> Self {
        let expires_at = UNIX_EPOCH + Duration::from_secs(expires_at);
        SignedRequest { method, url, headers, expires_at }
    }

    /// GET or PUT. HEAD passes with the URL of a relayed GET, and not with a direct one.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The URL, a secret until it expires: keep it out of logs.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers that the request must carry. Most clients set `content-length` themselves.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// From when on the request is refused, in whole seconds.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .field("url", &format_args!("{path}?[redacted]"))
            .field("headers", &self.headers)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}
