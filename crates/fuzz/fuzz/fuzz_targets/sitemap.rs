//! `cargo fuzz run sitemap`, on a nightly compiler.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| (fuzz::find("sitemap").expect("a target").run)(data));
