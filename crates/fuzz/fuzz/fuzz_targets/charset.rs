//! `cargo fuzz run charset`, on a nightly compiler.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz::find("charset").expect("a target").run)(data));
