//! `cargo fuzz run extraction`, on a nightly compiler.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz::find("extraction").expect("a target").run)(data));
