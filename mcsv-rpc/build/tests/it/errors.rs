use std::fs;

use mcsv_rpc_build::{Builder, Error};

/// The error for one file named `bad.proto`.
fn error_of(proto: impl AsRef<[u8]>) -> Error {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bad.proto"), proto).unwrap();
    let protos = [dir.path().join("bad.proto")];
    Builder::new().with_out_dir(dir.path()).compile(&protos, &[dir.path()]).unwrap_err()
}

/// Checks the start of the error and a part of it.
#[track_caller]
pub(crate) fn check(proto: impl AsRef<[u8]>, start: &str, part: &str) {
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
fn text_that_is_not_utf_8_has_file_line_and_column() {
    let proto = b"syntax = \"proto3\";\n\n// Caf\xe9\nmessage M {}";
    check(proto, "bad.proto:3:7: the byte 0xE9 is not UTF-8", "save the file in that encoding");
    check(b"\xff\xfes\0", "bad.proto:1:1: the byte 0xFF is not UTF-8", "");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        fs::write(dir.path().join(name), format!("\u{feff}{text}")).unwrap();
    };
    write("part.proto", "syntax = \"proto3\"; package m.v1; message Part {}");
    write("whole.proto", "syntax = \"proto3\"; package m.v1; import \"part.proto\"; // Caf\u{e9}");
    let builder = Builder::new().with_out_dir(dir.path());
    builder.compile(&[dir.path().join("whole.proto")], &[dir.path()]).unwrap();
    let code = fs::read_to_string(dir.path().join("m.v1.rs")).unwrap();
    assert!(code.contains("pub struct Part"), "{code}");

    check("\u{feff}syntax = \"proto3\"; message {}", "bad.proto:1:28: ", "expected");
    check("syntax = \"proto3\";\n\u{feff}message M {}", "bad.proto:2:1: ", "invalid token");
}

#[test]
fn two_fields_with_one_json_name_are_both_named() {
    check(
        "message M {\n  optional int32 foo_bar = 1;\n  optional int32 fooBar = 2;\n}",
        "bad.proto:3:18: field `fooBar` and field `foo_bar` (line 2) are both `fooBar` in JSON: rename",
        "rename one of them, or give it a `json_name`",
    );
    check(
        "syntax = \"proto3\";\nmessage M { message N {\n  int32 a = 1;\n  int32 b = 2 [json_name = \"a\"];\n} }",
        "bad.proto:4:9: field `b` and field `a` (line 3) are both `a` in JSON",
        "",
    );
    check(
        "message M {\n  optional int32 a = 1;\n  optional int32 a = 2;\n}",
        "bad.proto:3:18: ",
        "twice",
    );
}

#[test]
fn an_entry_of_a_map_is_not_to_be_written() {
    check(
        "syntax = \"proto3\";\nmessage M {\n  message FooEntry { option map_entry = true; }\n  \
         repeated FooEntry foo = 1;\n}",
        "bad.proto:3:11: message `FooEntry` sets `map_entry`",
        "write the field as a `map<..>`",
    );
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
