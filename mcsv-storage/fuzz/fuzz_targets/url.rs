#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcsv_storage_fuzz::targets::url::run(bytes));
