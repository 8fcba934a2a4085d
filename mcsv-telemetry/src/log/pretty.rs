use std::fmt::Write as _;

use tracing::Level;

use super::fields::Value;
use super::line::{Line, is_unsafe, push_now};

/// Where in `2026-11-24T03:06:02.123456Z` the time of day stands, to milliseconds.
const TIME_OF_DAY: std::ops::Range<usize> = 11..23;

/// Whether ANSI colours are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    On,
    Off,
}

/// Writes one short line and a line feed.
pub(crate) fn write(line: &Line<'_>, colour: Colour, out: &mut String) {
    let mut now = String::with_capacity(27);
    push_now(&mut now);
    paint(out, colour, "2", |out| out.push_str(now.get(TIME_OF_DAY).unwrap_or(&now)));
    out.push(' ');
    paint(out, colour, level_colour(line.level), |out| {
        // Writing into a String does not fail, here and below.
        let _ = write!(out, "{:5}", line.level.as_str());
    });
    out.push(' ');
    push_text(out, line.service);
    if let Some(span) = line.span {
        out.push(' ');
        push_text(out, span);
    }
    out.push_str(": ");
    push_text(out, line.message);
    for (name, value) in line.fields.iter().chain(line.span_fields) {
        out.push(' ');
        paint(out, colour, "2", |out| {
            push_text(out, name);
            out.push('=');
        });
        push_value(out, value);
    }
    if let Some((trace_id, _)) = line.trace {
        out.push(' ');
        paint(out, colour, "2", |out| {
            let _ = write!(out, "trace_id={trace_id}");
        });
    }
    if line.truncated {
        out.push_str(" (truncated)");
    }
    out.push('\n');
}

fn level_colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        Level::DEBUG => "34",
        Level::TRACE => "35",
    }
}

fn paint(out: &mut String, colour: Colour, code: &str, write_inside: impl FnOnce(&mut String)) {
    if colour == Colour::Off {
        return write_inside(out);
    }
    let _ = write!(out, "\x1b[{code}m");
    write_inside(out);
    out.push_str("\x1b[0m");
}

fn push_value(out: &mut String, value: &Value) {
    let _ = match value {
        Value::I64(number) => write!(out, "{number}"),
        Value::U64(number) => write!(out, "{number}"),
        Value::F64(number) => write!(out, "{number:?}"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Text(text) if text.is_empty() || text.contains([' ', '"', '=']) => {
            out.push('"');
            push_text(out, &text.replace('"', "\\\""));
            out.push('"');
            Ok(())
        }
        Value::Text(text) => {
            push_text(out, text);
            Ok(())
        }
    };
}

fn push_text(out: &mut String, text: &str) {
    for c in text.chars() {
        if is_unsafe(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
}
