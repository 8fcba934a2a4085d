//! Each framework's own generated code, of one proto and without protoc.

use std::error::Error;
use std::path::{Path, PathBuf};

const PROTO: &str = "bench/v1/bench.proto";

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    mcsv_rpc_build::compile(&[format!("protos/{PROTO}")], &["protos"])?;
    let mut compiler = protox::Compiler::new(["protos"])?;
    compiler.include_imports(true).include_source_info(true).open_file(PROTO)?;
    let descriptors = compiler.file_descriptor_set();

    // The messages are those of mcsv-rpc: a framework is measured here, not a choice of map.
    tonic_prost_build::configure()
        .build_client(false)
        .out_dir(folder(&out, "tonic")?)
        .extern_path(".bench.v1", "crate::messages")
        .compile_fds(descriptors.clone())?;
    // Except where they must be serde's too.
    prost_build::Config::new()
        .out_dir(folder(&out, "twirp")?)
        .bytes(["."])
        .btree_map(["."])
        .type_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)] #[serde(default)]")
        .service_generator(twirp_build::service_generator())
        .compile_fds(descriptors)?;
    let set = out.join("bench.bin");
    std::fs::write(&set, compiler.encode_file_descriptor_set())?;
    connectrpc_build::Config::new()
        .descriptor_set(&set)
        .files(&[PROTO])
        .out_dir(folder(&out, "connect")?)
        .include_file("mod.rs")
        .compile()?;
    Ok(())
}

fn folder(out: &Path, name: &str) -> Result<PathBuf, std::io::Error> {
    let folder = out.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
