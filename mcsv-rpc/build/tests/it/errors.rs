use std::fs;

use mcsv_rpc_build::{Builder, Error};

/// The error for one file named `bad.proto`.
fn error_of(proto: &str) -> Error {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bad.proto"), proto).unwrap();
    let protos = [dir.path().join("bad.proto")];
    Builder::new().with_out_dir(dir.path()).compile(&protos, &[dir.path()]).unwrap_err()
}

/// Checks the start of the error and a part of it.
#[track_caller]
pub(crate) fn check(proto: &str, start: &str, part: &str) {
    let error = error_of(proto);
    let text = error.to_string();
    assert!(error.is_proto(), "{text}");
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains(part), "{text}");
    assert_eq!(format!("{error:?}"), text, "a build script prints Debug");
}

#[test]
fn a_syntax_error_has_file_line_and_column() {
    check("syntax = \"proto3\";\nmessage {}", "bad.proto:2:9: ", "expected");
}

#[test]
fn an_unknown_type_has_file_line_and_column() {
    check("syntax = \"proto3\";\n\nmessage A {\n  Missing m = 1;\n}", "bad.proto:4:3: ", "Missing");
}

#[test]
fn an_import_that_is_not_there_has_file_and_line() {
    check("syntax = \"proto3\";\nimport \"gone.proto\";", "bad.proto:2:1: ", "gone.proto");
}

#[test]
fn a_streaming_method_is_refused_by_line() {
    let proto = "syntax = \"proto3\";\nmessage M {}\nservice S {\n  rpc A(M) returns (M);\n  \
                 rpc B(M) returns (stream M);\n}";
    check(proto, "bad.proto:5:7: ", "S.B streams");
}

#[test]
fn an_edition_is_refused_by_line_with_the_way_out() {
    check("edition = \"2023\";\nmessage M {}", "bad.proto:1:1: ", "write `syntax = \"proto3\"`");
}

#[test]
fn an_error_in_an_import_names_the_import() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("part.proto", "syntax = \"proto3\";\n\nmessage Part {\n  string name = 0;\n}");
    write("whole.proto", "syntax = \"proto3\";\nimport public \"part.proto\";");
    let protos = [dir.path().join("whole.proto")];
    let builder = Builder::new().with_out_dir(dir.path());
    let error = builder.compile(&protos, &[dir.path()]).unwrap_err();
    assert!(error.to_string().starts_with("part.proto:4:"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = Builder::new()
        .with_out_dir(dir.path())
        .compile(&[dir.path().join("none.proto")], &[dir.path()])
        .unwrap_err();
    assert!(error.to_string().contains("none.proto"), "{error}");
}

#[test]
fn an_out_dir_that_can_t_be_written_to_is_no_proto_s_fault() {
    let dir = tempfile::tempdir().unwrap();
    let proto = dir.path().join("good.proto");
    fs::write(&proto, "syntax = \"proto3\"; package good.v1; message M {}").unwrap();
    let error = Builder::new()
        .with_out_dir(dir.path().join("not/there"))
        .compile(&[&proto], &[dir.path()])
        .unwrap_err();
    assert!(!error.is_proto(), "{error}");
}
