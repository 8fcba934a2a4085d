use std::fs;
use std::path::Path;

use mcsv_rpc_build::{Builder, Error};

/// Checks the code of two packages that is in `dir`.
fn check(dir: &Path) -> Result<(), Error> {
    let source = tempfile::tempdir().unwrap();
    let protos = ["a", "b"].map(|name| {
        let proto = source.path().join(format!("{name}.proto"));
        fs::write(&proto, format!("syntax = \"proto3\"; package {name}; message M {{}}")).unwrap();
        proto
    });
    Builder::new().check(dir, &protos, &[source.path()])
}

fn written() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let proto = dir.path().join(format!("{name}.proto"));
        fs::write(&proto, format!("syntax = \"proto3\"; package {name}; message M {{}}")).unwrap();
        Builder::new().with_out_dir(dir.path()).compile(&[proto], &[dir.path()]).unwrap();
    }
    dir
}

#[test]
fn fresh_files_pass_also_with_the_line_ends_of_windows() {
    let dir = written();
    let file = dir.path().join("a.rs");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace('\n', "\r\n")).unwrap();
    check(dir.path()).unwrap();
}

/// Whoever has the checked-in code written has these files written too.
fn writes() -> bool {
    std::env::var_os("UPDATE_GENERATED").is_some()
}

#[test]
fn every_file_that_is_missing_or_differs_is_named_with_the_way_to_write_it() {
    if writes() {
        return;
    }
    let dir = written();
    fs::write(dir.path().join("a.rs"), "// old").unwrap();
    fs::remove_file(dir.path().join("b.rs")).unwrap();

    let error = check(dir.path()).unwrap_err();

    let (a, b) = (dir.path().join("a.rs"), dir.path().join("b.rs"));
    let expected = format!(
        "stale generated code: {}, {}: run the test with UPDATE_GENERATED=1",
        a.display(),
        b.display()
    );
    assert_eq!(error.to_string(), expected);
    assert!(error.is_stale() && !error.is_proto());
    assert_eq!(fs::read_to_string(a).unwrap(), "// old", "a check writes nothing");
}
