use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{Method, StatusCode};
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// The pages whose scripts may use the service ([CORS protocol]).
///
/// [CORS protocol]: https://fetch.spec.whatwg.org/#http-cors-protocol
#[derive(Clone, Debug, Default)]
pub(crate) enum Origins {
    /// Those of the service's own site.
    #[default]
    Same,
    Listed(Arc<[HeaderValue]>),
    Any,
}

impl Origins {
    pub(crate) fn and(self, text: &str) -> Result<Self> {
        let fault = || {
            let message = "allowed origin: give scheme, host and perhaps port, https://app.example";
            Error::new(ErrorKind::Config, message)
        };
        let url = Url::parse(text).map_err(|e| fault().with_source(e))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !bare || !anonymous || !matches!(url.scheme(), "http" | "https") {
            return Err(fault());
        }
        // What a browser sends: lower case, without a default port and a slash.
        let origin = HeaderValue::try_from(url.origin().ascii_serialization())
            .map_err(|e| fault().with_source(e))?;
        Ok(match self {
            Origins::Any => Origins::Any,
            Origins::Same => Origins::Listed(Arc::new([origin])),
            Origins::Listed(known) => {
                Origins::Listed(known.iter().cloned().chain([origin]).collect())
            }
        })
    }

    /// What an answer to `asked` says of who may read it.
    pub(crate) fn grant(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        const ANY: HeaderValue = HeaderValue::from_static("*");
        let allowed = match self {
            Origins::Same => return,
            Origins::Any => Some(ANY),
            Origins::Listed(known) => {
                answer.append(VARY, HeaderValue::from_static("origin"));
                asked.get(ORIGIN).filter(|origin| known.contains(origin)).cloned()
            }
        };
        let Some(allowed) = allowed else { return };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        let readable = "accept-ranges, content-disposition, content-range, etag";
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(readable));
    }

    /// The answer to a browser that asks before it sends, if it is such a request.
    pub(crate) fn preflight(
        &self,
        method: &Method,
        asked: &HeaderMap,
    ) -> Option<(StatusCode, [(HeaderName, HeaderValue); 3])> {
        let asks = *method == Method::OPTIONS
            && asked.contains_key(ORIGIN)
            && asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || matches!(self, Origins::Same) {
            return None;
        }
        let allows = [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, PUT"),
            (
                ACCESS_CONTROL_ALLOW_HEADERS,
                "content-type, if-match, if-modified-since, if-none-match, if-range, \
                 if-unmodified-since, range, traceparent, tracestate",
            ),
            // Browsers keep it for two hours at most.
            (ACCESS_CONTROL_MAX_AGE, "7200"),
        ];
        let allows = allows.map(|(name, value)| (name, HeaderValue::from_static(value)));
        Some((StatusCode::NO_CONTENT, allows))
    }
}
