fn main() -> Result<(), mcsv_rpc_build::Error> {
    mcsv_rpc_build::compile(&["hello.proto"], &["proto"])
}
