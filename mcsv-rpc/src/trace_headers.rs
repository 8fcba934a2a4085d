//! The two headers of [W3C Trace Context](https://www.w3.org/TR/trace-context/).

use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::TraceContext;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The caller's context; `None` also where the headers hold none that can be read, since a broken
/// trace must never cost the call.
pub(crate) fn read(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    TraceContext::parse(text(TRACEPARENT)?, text(TRACESTATE)).ok()
}

pub(crate) fn write(context: &TraceContext, headers: &mut HeaderMap) {
    // Both are printable ASCII, so the conversions hold.
    if let Ok(value) = HeaderValue::try_from(context.traceparent()) {
        headers.insert(TRACEPARENT, value);
    }
    if let Some(Ok(value)) = context.tracestate().map(HeaderValue::from_str) {
        headers.insert(TRACESTATE, value);
    }
}
