use std::fs;

use mcsv_rpc_build::Builder;

const PROTO: &str = "syntax = \"proto3\";\npackage s.v1;\nmessage M {}\nservice Mixed {\n  \
                     rpc Ask(M) returns (M);\n  rpc Up(stream M) returns (M);\n  \
                     rpc Down(M) returns (stream M);\n}\nservice Streams {\n  \
                     rpc Both(stream M) returns (stream M);\n}";

/// The code of `PROTO` without its streaming methods.
fn generated() -> String {
    let dir = tempfile::tempdir().unwrap();
    let proto = dir.path().join("s.proto");
    fs::write(&proto, PROTO).unwrap();
    let builder = Builder::new().skip_streaming().with_out_dir(dir.path());
    builder.compile(&[&proto], &[dir.path()]).unwrap();
    fs::read_to_string(dir.path().join("s.v1.rs")).unwrap()
}

#[test]
fn streaming_methods_are_left_out_and_the_others_keep_their_place() {
    let code = generated();
    assert!(code.contains("RpcMethod::new(\"s.v1.Mixed/Ask\")"), "{code}");
    for gone in ["fn up(", "fn down(", "fn both(", "Mixed/Up", "Mixed/Down", "Streams/Both"] {
        assert!(!code.contains(gone), "{gone} is in {code}");
    }
}

#[test]
fn the_description_has_no_streaming_methods_either() {
    let code = generated();
    assert!(code.contains(r#"\"name\":\"Ask\""#), "{code}");
    assert!(!code.contains(r#"\"name\":\"Up\""#) && !code.contains(r#"\"name\":\"Both\""#));
}

#[test]
fn a_service_that_only_streams_is_one_without_methods() {
    let code = generated();
    assert!(code.contains("pub trait Streams"), "{code}");
}
