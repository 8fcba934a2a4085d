//! Generated code that is checked in, so that mcsv-rpc needs no build script for its documentation
//! and its tests. `UPDATE_GENERATED=1 cargo test -p mcsv-rpc-build` writes it anew.

use std::path::Path;

use mcsv_rpc_build::Builder;

#[track_caller]
fn check(folder: &str, protos: &[&str], include: &str) {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Builder::new().check(runtime.join(folder), protos, &[runtime.join(include)]).unwrap();
}

#[test]
fn the_hello_example_is_fresh() {
    check("examples/hello", &["hello.proto"], "examples/hello");
}

#[test]
fn the_program_of_the_readme_is_fresh() {
    check("docs/readme", &["hello.proto"], "docs/readme");
}

/// That it compiles is the test.
#[allow(dead_code)]
mod build_script_of_the_readme {
    include!("../../../docs/readme/build.rs");
}

#[test]
fn the_shelf_of_the_guide_is_fresh() {
    check("examples/shelf", &["shelf.proto"], "examples/shelf");
    let page = std::fs::read_to_string("../docs/first_service.md").unwrap();
    assert!(page.contains(&std::fs::read_to_string("../examples/shelf/shelf.proto").unwrap()));
}

#[test]
fn the_party_of_the_examples_is_fresh() {
    check("examples/two_services", &["party.proto"], "examples/two_services");
}

#[test]
fn the_service_of_the_interop_example_is_fresh() {
    check("examples/interop", &["interop.proto"], "interop");
}

#[test]
fn the_health_service_is_fresh() {
    check("src/grpc_health", &["grpc/health/v1/health.proto"], "protos");
}

#[test]
fn the_runtime_s_test_services_are_fresh() {
    let protos = ["echo/v1/echo.proto", "shapes/v1/shapes.proto", "bare.proto"];
    check("tests/it/generated", &protos, "tests/protos");
    check("tests/it/generated", &["json/v1/json.proto", "json/v1/old.proto"], "tests/protos");
    check("tests/it/generated", &["names/v1/names.proto"], "tests/protos");
    let folder = Path::new("../tests");
    let parts = "crate::generated::shapes::parts::v1";
    let outer = Builder::new().with_extern_path("shapes.parts.v1", parts);
    let protos = [folder.join("protos/outer/v1/outer.proto")];
    outer.check(folder.join("it/generated"), &protos, &[folder.join("protos")]).unwrap();
    let awkward = [folder.join("protos/awkward/v1/awkward.proto")];
    let builder = Builder::new().skip_streaming();
    builder.check(folder.join("it/generated"), &awkward, &[folder.join("protos")]).unwrap();
}
