#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcsv_rpc_fuzz::targets::response::run(bytes));
