//! The loop between the broker and the stages: pull, decode, handle, publish, record, ack.
//!
//! A [`Stage`] turns one message into others; a [`Sink`] takes a batch out of the broker. Neither
//! sees a NATS message, so neither can ack wrongly. This is the only crate that names `async_nats`,
//! and the only place that acks.

mod attempts;
mod broker;
mod config;
mod counts;
mod crash;
mod dead_letters;
mod error;
mod large_records;
mod latest;
mod metrics;
mod outbox;
pub mod permissions;
mod process;
mod publish;
mod pull;
mod read;
mod records;
mod schedules;
mod settle;
mod sink;
mod sink_loop;
mod stage;
mod stage_loop;
mod streams;
mod sweep;
mod takedown;
pub mod topology;
mod trim;
mod turns;
mod user_key;
mod walk;

pub use broker::Broker;
pub use config::{BrokerConfig, RetryConfig, WorkerConfig, parse_duration};
pub use counts::Ends;
pub use dead_letters::{DeadFilter, FiledLetter};
pub use error::{BrokerError, Failure, Stop, Verdict, WorkerError, chain};
pub use large_records::LargeRecord;
pub use latest::Latest;
pub use outbox::{Merge, Outbox, Published};
pub use process::{Process, blocking};
pub use records::Record;
pub use schedules::Recurring;
pub use settle::Outcome;
pub use sink::{BatchLimits, Sink};
pub use stage::{Delivery, Stage, Stored};
pub use streams::{ConsumerState, StreamState};
pub use user_key::UserKey;
pub use walk::Run;
