//! What can go wrong when a server is found, started or stopped.
//!
//! Each error has a short stable code for logs and tests; its text says what to do about it.

use std::path::PathBuf;
use std::time::Duration;

/// A server could not be found, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The executable is nowhere to be found.
    #[error(
        "{name} was not found: run `cargo xtask tools`, put it on PATH, or set {variable} to its path"
    )]
    BinaryMissing {
        /// The executable's name.
        name: &'static str,
        /// The environment variable that may name it.
        variable: &'static str,
    },
    /// The environment variable names a file that does not exist or may not be executed.
    #[error("{variable} is {}, which is not an executable file", path.display())]
    BinaryUnusable {
        /// The environment variable that names it.
        variable: &'static str,
        /// What the variable says.
        path: PathBuf,
    },
    /// The port that was asked for belongs to another process.
    #[error("port {port} on 127.0.0.1 is taken: stop what listens there or choose another port")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// Another server is using the data folder.
    #[error("{} is in use by another {name} (process {pid}): stop it first", data.display())]
    DataInUse {
        /// The server's name.
        name: &'static str,
        /// The folder both want.
        data: PathBuf,
        /// The process that has it, as it wrote itself down; `unknown` if it could not.
        pid: String,
    },
    /// The server ended before it was ready.
    #[error("{name} ended before it was ready ({status}); the end of its log:\n{log}")]
    Exited {
        /// The server's name.
        name: String,
        /// How it ended.
        status: String,
        /// The last lines that it wrote.
        log: String,
    },
    /// The server did not become ready within the time limit; it was killed.
    #[error("{name} was not ready within {limit:?}; the end of its log:\n{log}")]
    NotReady {
        /// The server's name.
        name: String,
        /// The time limit.
        limit: Duration,
        /// The last lines that it wrote.
        log: String,
    },
    /// A file, a process or a signal failed.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl ServerError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BinaryMissing { .. } => "binary_missing",
            Self::BinaryUnusable { .. } => "binary_unusable",
            Self::PortTaken { .. } => "port_taken",
            Self::DataInUse { .. } => "data_in_use",
            Self::Exited { .. } => "server_exited",
            Self::NotReady { .. } => "server_not_ready",
            Self::Io { .. } => "io",
        }
    }

    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
