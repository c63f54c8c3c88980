//! `cargo fuzz run url`, on a nightly compiler.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz::find("url").expect("a target").run)(data));
