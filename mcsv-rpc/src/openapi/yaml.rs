//! JSON values as YAML: blocks for objects and arrays, and strings in quotes as in JSON, which YAML
//! reads alike.

use serde_json::Value;

pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0);
    out
}

fn block(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                indent(out, depth);
                out.push_str(&self::key(key));
                out.push(':');
                below(out, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(out, depth);
                out.push('-');
                below(out, item, depth);
            }
        }
        scalar => {
            out.push_str(&quoted(scalar));
            out.push('\n');
        }
    }
}

/// What follows a key or a dash: on the same line, or a block under it.
fn below(out: &mut String, value: &Value, depth: usize) {
    let nested = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    out.push(if nested { '\n' } else { ' ' });
    block(out, value, depth + 1);
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// A key without quotes only where no reader of YAML takes it for anything but a string.
fn key(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .contains(&&*key.to_ascii_lowercase());
    if plain { key.to_owned() } else { quoted(&Value::from(key)) }
}

/// JSON, with what YAML does not allow as it is written out.
fn quoted(scalar: &Value) -> String {
    let mut text = String::new();
    for c in scalar.to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_nest_and_empty_ones_stay_on_their_line() {
        let value = json!({ "a": [{ "b": 1 }, []], "no": {}, "$ref": "x: #\n\u{85}" });
        let expected = "\"$ref\": \"x: #\\n\\u0085\"\na:\n  -\n    b: 1\n  - []\n\"no\": {}\n";
        assert_eq!(write(&value), expected);
    }
}
