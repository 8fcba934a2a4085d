use metrics::Key;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};

/// The most labels that one series keeps.
const MAX_LABELS: usize = 32;
/// The longest label value, in bytes; a longer one is cut.
const MAX_VALUE: usize = 256;

/// The labels of one series: names that the format allows, each once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Labels(Vec<(String, String)>);

impl Labels {
    pub(crate) fn of(key: &Key) -> Self {
        let mut labels: Vec<(String, String)> = Vec::new();
        for label in key.labels().take(MAX_LABELS) {
            let name = label_name(label.key());
            if labels.iter().all(|(known, _)| *known != name) {
                labels.push((name, label_value(label.value())));
            }
        }
        labels.sort();
        Labels(labels)
    }

    /// The labels under which everything beyond the limit is counted.
    pub(crate) fn overflow() -> Self {
        Labels(vec![("otel_metric_overflow".to_owned(), "true".to_owned())])
    }
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        self.0.as_slice().encode(encoder)
    }
}

/// A metric's name in the characters that the format allows.
pub(crate) fn metric_name(name: &str) -> String {
    sanitised(name, |c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

fn label_name(name: &str) -> String {
    let name = sanitised(name, |c| c.is_ascii_alphanumeric() || c == '_');
    // A histogram's buckets and a summary's quantiles have these for themselves.
    if matches!(name.as_str(), "le" | "quantile") { format!("exported_{name}") } else { name }
}

fn sanitised(name: &str, is_allowed: impl Fn(char) -> bool) -> String {
    let mut clean: String =
        name.chars().take(MAX_VALUE).map(|c| if is_allowed(c) { c } else { '_' }).collect();
    if clean.is_empty() || clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert(0, '_');
    }
    clean
}

fn label_value(value: &str) -> String {
    // The encoder escapes the line feed; no other control character has a place in a label.
    let cut = &value[..value.floor_char_boundary(MAX_VALUE)];
    cut.replace(|c: char| c.is_control() && c != '\n', " ")
}

/// A help text on one line.
pub(crate) fn help_text(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(4 * MAX_VALUE)];
    cut.replace(|c: char| c.is_control(), " ").replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_what_the_format_allows() {
        assert_eq!(metric_name("rpc.server-duration"), "rpc_server_duration");
        assert_eq!(metric_name("2xx"), "_2xx");
        assert_eq!(metric_name(""), "_");
        assert_eq!(label_name("le"), "exported_le");
    }
}
