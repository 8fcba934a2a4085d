//! What mcsv-core reads from headers: a trace, a code, an idempotency key.

use mcsv_core::{Code, IdempotencyKey, TraceContext};

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (parent, state) = match text.split_once('\n') {
        Some((parent, state)) => (parent, Some(state)),
        None => (text, None),
    };
    if let Ok(context) = TraceContext::parse(parent, state) {
        let again = TraceContext::parse(&context.traceparent(), context.tracestate());
        assert_eq!(again.as_ref(), Ok(&context));
        assert!(context.tracestate().is_none_or(|s| s.len() <= TraceContext::MAX_TRACESTATE));
    }
    if let Ok(code) = text.parse::<Code>() {
        assert_eq!(code.as_str().parse::<Code>().ok(), Some(code));
    }
    if let Ok(key) = text.parse::<IdempotencyKey>() {
        assert_eq!(key.as_str(), text);
    }
}
