use std::fmt::Write as _;

use super::fields::Value;
use super::line::{Line, is_unsafe, push_now};

/// Writes one JSON object and a line feed.
pub(crate) fn write(line: &Line<'_>, out: &mut String) {
    out.push_str(r#"{"timestamp":""#);
    push_now(out);
    out.push('"');
    member(out, "level", line.level.as_str());
    member(out, "service", line.service);
    member(out, "target", line.target);
    member(out, "message", line.message);
    if let Some((trace_id, span_id)) = line.trace {
        // Hex digits need no escaping, and writing into a String does not fail.
        let _ = write!(out, r#","trace_id":"{trace_id}","span_id":"{span_id}""#);
    }
    if let Some(span) = line.span {
        member(out, "span", span);
    }
    object(out, "fields", line.fields);
    object(out, "span_fields", line.span_fields);
    if line.truncated {
        out.push_str(r#","truncated":true"#);
    }
    out.push_str("}\n");
}

fn member(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    push_string(out, value);
}

fn object(out: &mut String, name: &str, fields: &[(&'static str, Value)]) {
    if fields.is_empty() {
        return;
    }
    push_name(out, name);
    out.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(out, name);
        out.push(':');
        push_value(out, value);
    }
    out.push('}');
}

/// A name of ours, which needs no escaping.
fn push_name(out: &mut String, name: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

fn push_value(out: &mut String, value: &Value) {
    let _ = match value {
        Value::I64(number) => write!(out, "{number}"),
        Value::U64(number) => write!(out, "{number}"),
        // Debug keeps the point or the exponent, and both are JSON.
        Value::F64(number) => write!(out, "{number:?}"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Text(text) => {
            push_string(out, text);
            Ok(())
        }
    };
}

/// RFC 8259, section 7, and more: every character that could end a line or steer a terminal is
/// escaped too.
fn push_string(out: &mut String, text: &str) {
    out.push('"');
    if is_plain(text) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whether all of it is printable ASCII that needs no escape, as nearly all text is.
///
/// It looks to the end where it could stop: so the compiler looks at many bytes at a time.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\');
    text.bytes().fold(true, |all, byte| all & plain(byte))
}
