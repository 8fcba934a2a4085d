//! Names that differ in a proto and are one in Rust.

use std::fs;

use mcsv_rpc_build::Builder;

use crate::errors::check;

/// Checks the whole error for a proto3 file, whose first line is the syntax.
#[track_caller]
fn clash(proto: &str, error: &str) {
    check(format!("syntax = \"proto3\";\n{proto}"), &format!("bad.proto:{error}"), "");
}

/// The code for a proto3 file without a package.
#[track_caller]
fn code(proto: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("good.proto");
    fs::write(&file, format!("syntax = \"proto3\";\n{proto}")).unwrap();
    Builder::new().with_out_dir(dir.path()).compile(&[file], &[dir.path()]).unwrap();
    fs::read_to_string(dir.path().join("_.rs")).unwrap()
}

#[test]
fn values_of_an_enum_without_its_name_are_told_apart() {
    clash(
        "enum Kind {\n  KIND_A = 0;\n  KIND_B = 1;\n  A = 2;\n}",
        "5:3: enum value `A` and enum value `KIND_A` (line 3) are both `A` in Rust: rename one of them",
    );
    clash(
        "message Outer {\n  message Inner {\n    enum Kind { FOO_BAR = 0; fooBar = 1; }\n  }\n}",
        "4:30: enum value `fooBar` and enum value `FOO_BAR` (line 4) are both `FooBar` in Rust",
    );
    let proto2 = "enum Kind {\n  KIND_A = 1;\n  A = 2;\n}";
    check(
        proto2,
        "bad.proto:3:3: enum value `A` and enum value `KIND_A` (line 2) are both `A`",
        "",
    );
}

#[test]
fn another_name_for_a_number_is_no_variant() {
    let proto = "enum Kind { option allow_alias = true; KIND_A = 0; A = 0; B = 1; }";
    assert!(code(proto).contains("A = 0,"));
}

#[test]
fn types_of_one_scope_are_told_apart() {
    clash(
        "message FooBar {}\nmessage foo_bar {}",
        "3:9: message `foo_bar` and message `FooBar` (line 2) are both `FooBar` in Rust: rename one of \
         them",
    );
    clash(
        "message A { message X {} }\nmessage a { message X {} }",
        "3:9: message `a` and message `A` (line 2) are both `A` in Rust",
    );
    clash(
        "message Outer {\n  enum foo { NONE = 0; }\n  message Foo {}\n}",
        "4:11: message `Foo` and enum `foo` (line 3) are both `Foo` in Rust",
    );
    clash(
        "message _1 { message X {} }",
        "2:9: the module of message `_1` and message `_1` (line 2) are both `_1` in Rust",
    );
    assert!(code("message A { message X {} }\nmessage B { message x {} }").contains("mod b"));
}

#[test]
fn a_type_in_another_file_of_the_package_is_named_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("a.proto", "syntax = \"proto3\";\npackage p.v1;\n\nmessage FooBar {}");
    write(
        "b.proto",
        "syntax = \"proto3\";\npackage p.v1;\nimport \"a.proto\";\nmessage Foo_Bar {}",
    );
    let builder = Builder::new().with_out_dir(dir.path());
    let compiled = builder.compile(&[dir.path().join("b.proto")], &[dir.path()]);
    let text = compiled.unwrap_err().to_string();
    let start =
        "b.proto:4:9: message `Foo_Bar` and message `FooBar` (a.proto:4:9) are both `FooBar`";
    assert!(text.starts_with(start), "{text}");

    // Those of another crate are not in this one's module.
    let externs = builder.with_extern_path("p.v1.FooBar", "::other::FooBar");
    externs.compile(&[dir.path().join("b.proto")], &[dir.path()]).unwrap();
}

#[test]
fn services_are_told_apart() {
    clash(
        "message M {}\nservice S { rpc A(M) returns (M); }\nservice s { rpc A(M) returns (M); }",
        "4:9: service `s` and service `S` (line 3) are both `S` in Rust: rename one of them",
    );
}

#[test]
fn a_method_beside_one_of_its_name_gets_an_underscore() {
    let proto = "message M {}\nservice S {\n  rpc GetUser(M) returns (M);\n  rpc get_user(M) returns \
                 (M);\n}";
    let code = code(proto);
    assert!(code.contains("fn get_user(") && code.contains("fn get_user_("), "{code}");
}

#[test]
fn fields_and_oneofs_are_told_apart() {
    // The parser knows what is one name in JSON.
    check(
        "message M {\n  optional int32 foo_bar = 1;\n  optional int32 fooBar = 2 [json_name = \"b\"];\n}",
        "bad.proto:3:18: field `fooBar` and field `foo_bar` (line 2) are both `foo_bar` in Rust: rename",
        "rename one of them",
    );
    clash(
        "message M {\n  oneof kind {\n    string a = 1;\n  }\n  string Kind = 2;\n}",
        "6:10: field `Kind` and oneof `kind` (line 3) are both `kind` in Rust",
    );
    clash(
        "message M {\n  oneof kind { string a = 1; }\n  oneof _kind { string b = 2; }\n}",
        "4:9: oneof `_kind` and oneof `kind` (line 3) are both `kind` in Rust",
    );
    check(
        "message M {\n  oneof kind {\n    int32 a_b = 1;\n    int32 aB = 2 [json_name = \"c\"];\n  }\n}",
        "bad.proto:4:11: field `aB` and field `a_b` (line 3) are both `AB` in Rust",
        "",
    );
}

#[test]
fn a_oneof_beside_a_type_of_its_name_has_a_longer_one() {
    let code = code("message M {\n  oneof kind { string a = 1; }\n  message Kind {}\n}");
    assert!(code.contains("pub enum KindOneOf") && code.contains("m::KindOneOf::A("), "{code}");
    clash(
        "message M {\n  oneof kind { string a = 1; }\n  message Kind {}\n  message KindOneOf {}\n}",
        "5:11: message `KindOneOf` and oneof `kind` (line 3) are both `KindOneOf` in Rust",
    );
}

#[test]
fn the_methods_that_fields_have_are_told_apart() {
    clash(
        "enum Kind { NONE = 0; }\nmessage M {\n  optional string set_kind = 1;\n  Kind kind = 2;\n}",
        "5:8: field `kind` and field `set_kind` (line 4) are both `set_kind()` in Rust",
    );
    clash(
        "enum Kind { NONE = 0; }\nmessage M {\n  map<string, Kind> kind = 1;\n  Kind get_kind = 2;\n}",
        "5:8: field `get_kind` and field `kind` (line 4) are both `get_kind()` in Rust",
    );
    code("enum Kind { NONE = 0; }\nmessage M {\n  string set_kind = 1;\n  Kind kind = 2;\n}");
}

#[test]
fn a_name_of_underscores_is_none() {
    for (proto, error) in [
        ("message _ {}", "2:9: message `_` has no name in Rust: give it one with a letter"),
        ("message M { string __ = 1; }", "2:20: field `__` has"),
        ("message M { oneof _ { string a = 1; } }", "2:19: oneof `_` has"),
        ("enum _ { A = 0; }", "2:6: enum `_` has"),
        ("enum E { _ = 0; }", "2:10: enum value `_` has"),
        ("service _ {}", "2:9: service `_` has"),
        ("message M {}\nservice S { rpc _(M) returns (M); }", "3:17: method `_` has"),
        ("package a._.b;\nmessage M {}", "2:1: package part `_` has"),
    ] {
        clash(proto, error);
    }
}

#[test]
fn a_map_of_enums_with_a_keyword_for_a_name_is_refused() {
    let kind = "enum Kind { NONE = 0; }";
    clash(
        &format!("{kind}\nmessage M {{ map<string, Kind> type = 1; }}"),
        "3:31: field `type` is a map of enums, and its name is a keyword in Rust: rename it",
    );
    code(&format!("{kind}\nmessage M {{ map<string, string> type = 1; Kind match = 2; }}"));
}
