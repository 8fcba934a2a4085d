//! The tests that documents name are there.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::Path;

use crate::kit::Done;

/// What is in backticks and begins with `it::` or `both::`.
fn named(document: &str) -> BTreeSet<&str> {
    let quoted = document.split('`').skip(1).step_by(2);
    let is_test = |text: &&str| text.starts_with("it::") || text.starts_with("both::");
    // What x is, they explain.
    quoted.filter(is_test).filter(|text| !text.ends_with("::x")).collect()
}

fn check(document: &Path) -> Result<usize, mcsv_jobs::BoxError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = read_to_string(document)?;
    let names = named(&text);
    for name in &names {
        let parts: Vec<&str> = name.split("::").collect();
        let folder = if parts[0] == "it" { "tests/it" } else { "src/testing/cases" };
        let file = root.join(folder).join(parts[1]).with_extension("rs");
        let code = read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
        let function = parts.get(2).map_or_else(String::new, |test| format!("fn {test}("));
        assert!(code.contains(&function), "{name} of {} is no test", document.display());
    }
    Ok(names.len())
}

#[test]
fn every_test_that_a_document_names_is_there() -> Done {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(check(&root.join("docs/from-apalis.md"))? > 20);
    // Only in the repository, not in the published crate.
    let reliability = root.join("../docs/RELIABILITY.md");
    if reliability.exists() {
        assert!(check(&reliability)? > 10);
    }
    Ok(())
}
