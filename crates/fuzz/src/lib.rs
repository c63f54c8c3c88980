//! Fuzzing: what must hold for every bytes, as functions that panic where it does not, and a driver
//! that makes bytes of seeds. The same targets are those of `cargo fuzz` (folder `fuzz`).
//!
//! The binary runs one target; `cargo xtask fuzz` runs it for each and catches what a process can't
//! catch of itself.

mod mutate;
mod targets;

pub use mutate::Mutator;
pub use targets::{TARGETS, Target, find, seeds};
