//! `cargo fuzz run robots`, on a nightly compiler.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz::find("robots").expect("a target").run)(data));
