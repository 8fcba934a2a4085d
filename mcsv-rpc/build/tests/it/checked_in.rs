//! Generated code that is checked in, so that mcsv-rpc needs no build script for its documentation
//! and its tests. `UPDATE_GENERATED=1 cargo test -p mcsv-rpc-build` writes it anew.

use std::error::Error;
use std::fs;
use std::path::Path;

use mcsv_rpc_build::Builder;

#[track_caller]
fn check(folder: &str, protos: &[&str], include: &str, outputs: &[&str]) {
    generate(folder, protos, include, outputs).unwrap();
}

fn generate(
    folder: &str,
    protos: &[&str],
    include: &str,
    outputs: &[&str],
) -> Result<(), Box<dyn Error>> {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = tempfile::tempdir()?;
    Builder::new().with_out_dir(out.path()).compile(protos, &[runtime.join(include)])?;
    for output in outputs {
        let fresh = fs::read_to_string(out.path().join(output))?;
        let kept = runtime.join(folder).join(output);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            fs::create_dir_all(runtime.join(folder))?;
            fs::write(&kept, &fresh)?;
        }
        assert!(
            fs::read_to_string(&kept)? == fresh,
            "{} is stale: run UPDATE_GENERATED=1 cargo test -p mcsv-rpc-build",
            kept.display()
        );
    }
    Ok(())
}

#[test]
fn the_hello_example_is_fresh() {
    check("examples/hello", &["hello.proto"], "examples/hello", &["hello.v1.rs"]);
}

#[test]
fn the_shelf_of_the_guide_is_fresh() {
    check("examples/shelf", &["shelf.proto"], "examples/shelf", &["shelf.v1.rs"]);
    let page = fs::read_to_string("../docs/first_service.md").unwrap();
    assert!(page.contains(&fs::read_to_string("../examples/shelf/shelf.proto").unwrap()));
}

#[test]
fn the_party_of_the_examples_is_fresh() {
    check("examples/two_services", &["party.proto"], "examples/two_services", &["party.v1.rs"]);
}

#[test]
fn the_service_of_the_interop_example_is_fresh() {
    check("examples/interop", &["interop.proto"], "interop", &["interop.v1.rs"]);
}

#[test]
fn the_health_service_is_fresh() {
    check("src/grpc_health", &["grpc/health/v1/health.proto"], "protos", &["grpc.health.v1.rs"]);
}

#[test]
fn the_runtime_s_test_services_are_fresh() {
    let protos = ["echo/v1/echo.proto", "shapes/v1/shapes.proto", "bare.proto"];
    let outputs = ["echo.v1.rs", "shapes.v1.rs", "shapes.parts.v1.rs", "_.rs"];
    check("tests/it/generated", &protos, "tests/protos", &outputs);
    let protos = ["json/v1/json.proto", "json/v1/old.proto"];
    let outputs = ["json.v1.rs"];
    check("tests/it/generated", &protos, "tests/protos", &outputs);
}
