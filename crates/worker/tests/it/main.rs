//! The loop against a real nats-server: every line of the settlement table.

// What a test sets up either works or ends the test.
#![allow(clippy::unwrap_used)]

mod batches;
mod counts;
mod faults;
mod interruptions;
mod large_records;
mod publishing;
mod replaying;
mod settlement;
mod setup;
mod sinks;
mod streams;
mod sweeping;
mod topology;
