use std::collections::{HashMap, HashSet};

type Labels = Vec<(String, String)>;

/// A page of metrics, read strictly.
pub(crate) struct Page {
    kinds: HashMap<String, String>,
    samples: HashMap<(String, Labels), f64>,
    exemplars: HashMap<(String, Labels), Labels>,
}

impl Page {
    #[track_caller]
    pub(crate) fn parse_open(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("the end is marked");
        let page = Page::parse(body);
        for (name, kind) in &page.kinds {
            assert!(kind != "counter" || !name.ends_with("_total"), "{name}");
        }
        page
    }

    #[track_caller]
    pub(crate) fn parse_plain(text: &str) -> Self {
        let page = Page::parse(text);
        assert!(page.exemplars.is_empty(), "the plain format has no exemplars");
        for (name, kind) in &page.kinds {
            assert!(kind != "counter" || name.ends_with("_total"), "{name}");
        }
        page
    }

    #[track_caller]
    fn parse(text: &str) -> Self {
        let mut page =
            Page { kinds: HashMap::new(), samples: HashMap::new(), exemplars: HashMap::new() };
        let mut helps = HashSet::new();
        let mut family = String::new();
        for line in text.split_terminator('\n') {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let name = help.split(' ').next().unwrap();
                assert!(helps.insert(name.to_owned()), "{name} is declared once");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(page.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name}");
                family = name.to_owned();
            } else {
                page.sample(line, &family);
            }
        }
        page
    }

    #[track_caller]
    fn sample(&mut self, line: &str, family: &str) {
        let (name, labels, rest) = name_and_labels(line);
        assert!(name.starts_with(family), "{line} belongs to {family}");
        let (value, exemplar) = match rest.split_once(" # ") {
            Some((value, exemplar)) => (value, Some(exemplar)),
            None => (rest, None),
        };
        let key = (name.to_owned(), labels);
        if let Some(exemplar) = exemplar {
            let (_, labels, rest) = name_and_labels(exemplar);
            assert_eq!(rest.split(' ').count(), 2, "an exemplar has a value and a time: {line}");
            self.exemplars.insert(key.clone(), labels);
        }
        let value = value.parse().unwrap_or_else(|_| panic!("{line}: no number"));
        assert!(self.samples.insert(key, value).is_none(), "{line}: twice");
    }

    #[track_caller]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let key = (name.to_owned(), owned(labels));
        *self.samples.get(&key).unwrap_or_else(|| panic!("no {key:?} in {:?}", self.samples))
    }

    pub(crate) fn exemplar(&self, name: &str, labels: &[(&str, &str)]) -> Option<&Labels> {
        self.exemplars.get(&(name.to_owned(), owned(labels)))
    }

    pub(crate) fn kind(&self, family: &str) -> Option<&str> {
        self.kinds.get(family).map(String::as_str)
    }

    /// How many samples a name has.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.samples.keys().filter(|(known, _)| known == name).count()
    }
}

fn owned(labels: &[(&str, &str)]) -> Labels {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Splits `name{label="value"} rest`.
#[track_caller]
fn name_and_labels(line: &str) -> (&str, Labels, &str) {
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | ':')).unwrap();
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap();
            assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
            let (value, after) = unescaped(after);
            assert!(labels.iter().all(|(known, _)| known != label), "{line}: {label} twice");
            labels.push((label.to_owned(), value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    (name, labels, rest.strip_prefix(' ').expect("a space before the value"))
}

/// The text up to the closing quote, and what follows the quote.
#[track_caller]
fn unescaped(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next().unwrap().1 {
                'n' => value.push('\n'),
                c @ ('\\' | '"') => value.push(c),
                c => panic!("\\{c} is no escape"),
            },
            c => value.push(c),
        }
    }
    panic!("the quote is not closed: {text}");
}
