use std::fmt::Write as _;

use mcsv_core::{SpanId, TraceId};
use tracing::Level;

use super::fields::Value;

/// What one log line says, before it has a format.
pub(crate) struct Line<'a> {
    pub(crate) level: Level,
    pub(crate) service: &'a str,
    pub(crate) target: &'a str,
    pub(crate) message: &'a str,
    pub(crate) trace: Option<(TraceId, SpanId)>,
    /// The name of the innermost span.
    pub(crate) span: Option<&'static str>,
    pub(crate) fields: &'a [(&'static str, Value)],
    /// Fields of the spans around, innermost first.
    pub(crate) span_fields: &'a [(&'static str, Value)],
    pub(crate) truncated: bool,
}

/// The time as both formats write it: RFC 3339, UTC, microseconds.
pub(crate) fn push_now(out: &mut String) {
    // Writing into a String does not fail.
    let _ = write!(out, "{:.6}", jiff::Timestamp::now());
}

/// Whether a character could end a line or steer a terminal.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}')
}
