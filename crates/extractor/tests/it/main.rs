//! The crate's ring of tests: whole pages in, records out.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, its harness too"
)]

mod golden;
mod hostile;
mod properties;
mod robots;
mod seed;
mod walls;
