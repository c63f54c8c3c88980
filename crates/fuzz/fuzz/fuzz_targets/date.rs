//! `cargo fuzz run date`, on a nightly compiler.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz::find("date").expect("a target").run)(data));
