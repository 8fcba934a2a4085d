//! Types that other crates have already.

use std::collections::BTreeMap;

use crate::names;

/// Where the types of a package, or single ones, are to be found; by their full names, which begin
/// with a dot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Externs(BTreeMap<String, String>);

impl Externs {
    pub(crate) fn insert(&mut self, proto_path: &str, rust_path: &str) {
        let proto_path = format!(".{}", proto_path.trim_matches('.'));
        self.0.insert(proto_path, rust_path.trim_end_matches("::").to_owned());
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    /// Whether another crate has the message, enum or service.
    pub(crate) fn has(&self, full_name: &str) -> bool {
        self.found(full_name).is_some()
    }

    /// The path of a type in Rust, where another crate has it.
    pub(crate) fn path(&self, full_name: &str) -> Option<String> {
        let (rust_path, rest) = self.found(full_name)?;
        match rest {
            "" => Some(rust_path.to_owned()),
            rest => Some(format!("{rust_path}::{}", names::segments(rest.split('.')))),
        }
    }

    /// The nearest path, and what of the name lies below it.
    fn found<'a>(&self, full_name: &'a str) -> Option<(&str, &'a str)> {
        let ends = full_name.rmatch_indices('.').map(|(end, _)| end);
        let starts = std::iter::once(full_name.len()).chain(ends);
        starts.map(|end| full_name.split_at(end)).find_map(|(start, rest)| {
            Some((self.0.get(start)?.as_str(), rest.trim_start_matches('.')))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_path_is_the_one_that_counts() {
        let mut externs = Externs::default();
        externs.insert("a.v1", "::a::v1::");
        externs.insert(".a.v1.Special.Case", "crate::Case");
        for (name, path) in [
            (".a.v1.Thing", Some("::a::v1::Thing")),
            (".a.v1.Thing.type.Part", Some("::a::v1::thing::r#type::Part")),
            (".a.v1.Special", Some("::a::v1::Special")),
            (".a.v1.Special.Case", Some("crate::Case")),
            (".a.v10.Thing", None),
            (".a.Thing", None),
        ] {
            assert_eq!(externs.path(name).as_deref(), path, "{name}");
            assert_eq!(externs.has(name), path.is_some());
        }
    }
}
