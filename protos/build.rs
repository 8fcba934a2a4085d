//! Compiles the contracts of the five services; no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protos =
        ["user", "email", "image", "job", "client"].map(|name| format!("mcsv/v1/{name}.proto"));
    mcsv_rpc_build::compile(&protos, &["."])?;
    Ok(())
}
