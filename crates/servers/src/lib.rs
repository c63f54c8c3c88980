//! nats-server and Meilisearch as child processes, for `speechmill up`, the demo and the tests.
//!
//! In: a data folder and a few options. Out: a running server, its URL, and the signals to kill,
//! pause and restart it. It never adopts a server that happens to answer on a port, and it never
//! talks to what it starts beyond the question "are you ready?".
//!
//! Map: [`binary`] finds the executables, [`nats`] and [`meili`] start them, [`process`] is the
//! child process both stand on, `lock` keeps a data folder to one server, [`port`] finds free
//! ports, `start` and `probe` wait for readiness.

pub mod binary;
pub mod error;
mod lock;
pub mod meili;
pub mod nats;
pub mod port;
mod probe;
pub mod process;
mod running;
mod start;

pub use error::ServerError;
pub use meili::{MeiliOptions, MeiliServer};
pub use nats::{NatsConfigFile, NatsOptions, NatsServer, SyncInterval};
pub use port::free_port;
pub use probe::http_status;
pub use process::{ChildProcess, ProcessOptions};
pub use running::Running;
