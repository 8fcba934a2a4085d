//! The two headers of [W3C Trace Context](https://www.w3.org/TR/trace-context/).

use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::TraceContext;

use crate::carried::{Carried, Once};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The caller's context; `None` also where the headers hold none that can be read, since a broken
/// trace must never cost the call. So are two parents, of which neither is known to be right.
pub(crate) fn read(headers: &HeaderMap, carried: &Carried<'_>) -> Option<TraceContext> {
    let Once::One(parent) = carried.traceparent else { return None };
    // What has bytes beyond ASCII fails to be read, so it need not be looked for.
    let parent = str::from_utf8(parent.as_bytes()).ok()?;
    match carried.tracestate {
        Once::None => TraceContext::parse(parent, None).ok(),
        Once::One(state) => TraceContext::parse(parent, state.to_str().ok()).ok(),
        // One list may come in several lines.
        Once::Several(_) => {
            let lines = headers.get_all(TRACESTATE).iter();
            let all: Vec<_> = lines.filter_map(|value| value.to_str().ok()).collect();
            TraceContext::parse(parent, Some(&all.join(","))).ok()
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_state_in_several_lines_and_no_second_parent() {
        const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        headers.append(TRACESTATE, HeaderValue::from_static("a=1"));
        headers.append(TRACESTATE, HeaderValue::from_static("b=2,c=3"));
        assert_eq!(
            read(&headers, &Carried::by(&headers)).unwrap().tracestate(),
            Some("a=1,b=2,c=3")
        );

        headers.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert_eq!(read(&headers, &Carried::by(&headers)), None);
    }

    #[test]
    fn writes_what_the_context_says() {
        let written = |context: &TraceContext| {
            let mut headers = HeaderMap::new();
            write(context, &mut headers);
            headers[TRACEPARENT].clone()
        };
        for _ in 0..100 {
            let context = TraceContext::random_root();
            assert_eq!(written(&context), context.traceparent());
        }
        let unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let context = TraceContext::parse(unsampled, None).unwrap();
        assert_eq!(written(&context), unsampled);
    }
}
