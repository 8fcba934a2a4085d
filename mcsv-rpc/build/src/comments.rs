//! The comments of a proto file, found by what they stand before.

use std::collections::HashMap;

use prost_types::FileDescriptorProto;

pub(crate) struct Comments(HashMap<Vec<i32>, String>);

impl Comments {
    pub(crate) fn of(file: &FileDescriptorProto) -> Self {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let texts = locations.filter_map(|location| {
            let parts = [location.leading_comments(), location.trailing_comments()];
            let parts = parts.map(tidy);
            let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            (!text.is_empty()).then(|| (location.path.clone(), text.join("\n\n")))
        });
        Comments(texts.collect())
    }

    /// The text for an item, by its path in the descriptor; empty where there is none.
    pub(crate) fn get(&self, path: &[i32]) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }
}

/// Takes off the space that follows each `//`, and keeps deeper indents.
fn tidy(comment: &str) -> String {
    let lines = comment.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
}

/// The first sentence of a text, on one line and without its full stop.
pub(crate) fn summary(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = line.split_once(". ").map_or(&*line, |(first, _)| first);
    sentence.trim_end_matches(['.', ':']).to_owned()
}
