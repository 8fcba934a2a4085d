//! Names that the generated code has other things for.

use std::fs;

use mcsv_rpc_build::Builder;

#[track_caller]
fn code(proto: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("good.proto");
    fs::write(&file, proto).unwrap();
    Builder::new().with_out_dir(dir.path()).compile(&[file], &[dir.path()]).unwrap();
    fs::read_to_string(dir.path().join("_.rs")).unwrap()
}

#[test]
fn a_message_called_as_the_server_s_parameter_is_a_message() {
    let code = code(
        "syntax = \"proto3\"; message T {} message U {}\nservice S { rpc A(T) returns (U); rpc B(U) \
         returns (T); }",
    );
    assert!(code.contains("request: self::T|") && !code.contains("request: T"), "{code}");
    assert!(code.contains("request: U|"), "{code}");
}

#[test]
fn a_service_called_as_the_server_s_parameter_has_a_longer_name() {
    let code = code("syntax = \"proto3\"; message M {} service T { rpc A(M) returns (M); }");
    assert!(code.contains("pub trait TService") && !code.contains("trait T:"), "{code}");
    assert!(code.contains("RpcMethod::new(\"T/A\")"), "{code}");
}

#[test]
fn a_field_called_default_does_not_hide_the_trait_s_method() {
    let code = code("syntax = \"proto3\"; message M { optional string default = 1; }");
    assert!(code.contains("= <Self as ::core::default::Default>::default();"), "{code}");
    assert!(!code.contains("Self::default()"), "{code}");
}

#[test]
fn a_default_that_is_another_name_for_a_value_is_its_variant() {
    let code = code(
        "enum Kind { option allow_alias = true; KIND_A = 1; KIND_B = 2; KIND_C = 2; }\n\
         message M { message N { optional Kind a = 1 [default = KIND_C]; } \
         optional Kind b = 1 [default = KIND_A]; optional string c = 2 [default = \"KIND_C\"]; }",
    );
    for default in ["default = \"B\"", "default = \"A\"", "default = \"KIND_C\""] {
        assert!(code.contains(default), "{default} is not in {code}");
    }
    assert!(!code.contains("default = \"C\""), "{code}");
}
