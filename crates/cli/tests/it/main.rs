//! Every command of the real binary against real servers: what it prints, and its exit code.

// What a test sets up either works or ends the test.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod check;
mod dead;
mod extract;
mod hosts;
mod keys;
mod lab;
mod nats_keys;
mod refusals;
mod remove;
mod replay;
mod robots;
mod schedule;
mod search;
mod stats;
mod status;
mod submit;
mod up;
mod usage;
