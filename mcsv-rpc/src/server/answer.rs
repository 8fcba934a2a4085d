use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Response};
use mcsv_core::{Error, Result};

use crate::details::ErrorDetail;
use crate::dialect::{Dialect, Packed};
use crate::{Body, Cx};

/// What goes back: the handler's headers, and a message or an error.
pub(crate) struct Answer {
    headers: HeaderMap,
    details: Vec<ErrorDetail>,
    pub(crate) outcome: Result<Packed>,
}

impl Answer {
    pub(crate) fn of(cx: Cx, outcome: Result<Packed>) -> Self {
        let (headers, details) = cx.into_answer();
        Answer { headers, details, outcome }
    }

    /// The answer of a call whose handler was not asked or did not end.
    pub(crate) fn refused(error: Error) -> Self {
        Answer { headers: HeaderMap::new(), details: Vec::new(), outcome: Err(error) }
    }

    pub(crate) fn into_response(self, dialect: Dialect) -> Response<Body> {
        let Answer { headers, details, outcome } = self;
        let mut response = match outcome {
            Ok(packed) => dialect.answer(packed),
            Err(error) => dialect.refusal(&error, &details),
        };
        if !headers.is_empty() {
            response.headers_mut().extend(without_framing(headers));
        }
        response
    }
}

/// A handler's headers without those that the protocol owns.
fn without_framing(mut headers: HeaderMap) -> HeaderMap {
    let framing = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING, CONNECTION];
    for name in framing {
        headers.remove(name);
    }
    let reserved: Vec<_> =
        headers.keys().filter(|name| name.as_str().starts_with("grpc-")).cloned().collect();
    for name in reserved {
        headers.remove(name);
    }
    headers
}
