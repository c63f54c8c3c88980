//! `cargo fuzz run message`, on a nightly compiler.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz::find("message").expect("a target").run)(data));
