//! Comments of protos as documentation in Rust, where a block of code would be run as a test and
//! some characters do not compile.

use prost_types::FileDescriptorSet;

/// Rewrites the comments of all files, so that no code in them is a doc test.
pub(crate) fn settle(descriptors: &mut FileDescriptorSet) {
    let infos = descriptors.file.iter_mut().filter_map(|file| file.source_code_info.as_mut());
    for location in infos.flat_map(|info| &mut info.location) {
        for comment in [&mut location.leading_comments, &mut location.trailing_comments] {
            *comment = comment.as_deref().map(documented);
        }
    }
}

/// What the lines are in, and how it ends.
enum Block {
    /// At its start no paragraph is open, so that an indented line begins a block of code.
    Text {
        start: bool,
    },
    Indented,
    /// Ended by as many of the same character.
    Fenced {
        mark: char,
        length: usize,
    },
}

fn documented(comment: &str) -> String {
    let comment = comment.replace("\r\n", "\n").replace(is_refused, " ");
    let mut lines: Vec<String> = Vec::new();
    let mut block = Block::Text { start: true };
    for line in comment.lines() {
        let bare = line.trim();
        match block {
            Block::Fenced { mark, length } => {
                if fence(bare) == Some((mark, bare.len())) && bare.len() >= length {
                    block = Block::Text { start: true };
                    lines.push(format!(" {bare}"));
                } else {
                    lines.push(line.to_owned());
                }
                continue;
            }
            Block::Indented if is_indented(line) || bare.is_empty() => {
                lines.push(line.to_owned());
                continue;
            }
            Block::Indented => {
                lines.push(" ```".to_owned());
                block = Block::Text { start: true };
            }
            Block::Text { .. } => {}
        }
        let Block::Text { start } = block else { continue };
        if let Some((mark, length)) = fence(bare) {
            // Without an indent it is in no list, whose end would end it too.
            lines.push(format!(" {}text", mark.to_string().repeat(length)));
            block = Block::Fenced { mark, length };
        } else if start && is_indented(line) {
            lines.extend([" ```text".to_owned(), line.to_owned()]);
            block = Block::Indented;
        } else {
            lines.push(text(line));
            // After a heading or a rule no paragraph is open either.
            let open = !bare.is_empty() && !bare.starts_with(['#', '-', '*', '_', '=', '|']);
            block = Block::Text { start: !open };
        }
    }
    match block {
        Block::Fenced { mark, length } => {
            lines.push(format!(" {}", mark.to_string().repeat(length)));
        }
        Block::Indented => lines.push(" ```".to_owned()),
        Block::Text { .. } => {}
    }
    lines.join("\n") + "\n"
}

/// A bare carriage return, and marks that turn the direction of text around: rustc refuses both.
fn is_refused(c: char) -> bool {
    matches!(c, '\r' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Far enough for a block of code: a space follows each `//`, and prost may add one.
fn is_indented(line: &str) -> bool {
    let indent = line.chars().take_while(|c| c.is_whitespace());
    indent.map(|c| if c == '\t' { 4 } else { 1 }).sum::<usize>() >= 4
}

/// The character and the length of a fence at the start of `text`.
fn fence(text: &str) -> Option<(char, usize)> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == mark).count();
    // A line with more backticks is a span of code.
    let more = text[length..].contains(mark) && mark == '`';
    (length >= 3 && !more).then_some((mark, length))
}

/// A line of text, without code or HTML that would begin in it.
fn text(line: &str) -> String {
    let mut rest = line;
    while let Some(inner) = in_list_or_quote(rest.trim_start()) {
        rest = inner;
    }
    let outer = &line[..line.len() - rest.len()];
    let inner = rest.trim_start();
    let space = if outer.is_empty() {
        &rest[..rest.len() - inner.len()]
    } else if inner.len() < rest.len() {
        " "
    } else {
        ""
    };
    let html = inner.strip_prefix('<').is_some_and(|tag| {
        tag.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c))
            && !tag.starts_with("http")
    });
    let escape = if html || (!outer.is_empty() && fence(inner).is_some()) { "\\" } else { "" };
    format!("{outer}{space}{escape}{inner}")
}

/// What follows the mark of a list or a quote.
fn in_list_or_quote(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('>') {
        return Some(rest);
    }
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = match text.len() - number.len() {
        0 => text.strip_prefix(['-', '*', '+'])?,
        _ => number.strip_prefix(['.', ')'])?,
    };
    rest.starts_with([' ', '\t']).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(comment: &str, expected: &str) {
        assert_eq!(documented(comment), format!("{expected}\n"));
    }

    #[test]
    fn code_becomes_text_that_no_one_runs() {
        check(" A:\n ```\n f()\n ```\n B", " A:\n ```text\n f()\n ```\n B");
        check(" ~~~~rust\n ~~~\n ~~~~", " ~~~~text\n ~~~\n ~~~~");
        check(" A:\n\n     f()\n\n     g()\n B", " A:\n\n ```text\n     f()\n\n     g()\n ```\n B");
        check("\tf()", " ```text\n\tf()\n ```");
        check(" # A\n     f()", " # A\n ```text\n     f()\n ```");
    }

    #[test]
    fn a_block_without_an_end_ends_with_its_comment() {
        check(" ```", " ```text\n ```");
    }

    #[test]
    fn code_in_a_list_or_a_quote_does_not_begin_there() {
        check(" -     f()\n >     g()", " - f()\n > g()");
        check(" 1. ```rust\n   f()\n    ```", " 1. \\```rust\n   f()\n ```text\n ```");
    }

    #[test]
    fn html_does_not_hide_a_fence() {
        check(" <div>\n ```\n\n ```", " \\<div>\n ```text\n\n ```");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for line in [" `a` and ```b``` and *c*", " - item", "   more", " <https://x.example>", ""] {
            assert_eq!(text(line), line);
        }
        check(" A\n     goes on", " A\n     goes on");
    }

    #[test]
    fn characters_that_rust_refuses_are_spaces() {
        check(" a\rb\u{202e}c", " a b c");
    }
}
