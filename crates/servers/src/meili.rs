//! Meilisearch as a child process.
//!
//! In: [`MeiliOptions`]. Out: a [`MeiliServer`] that answers on `url()`. The key travels in the
//! environment, never in the arguments, which every user of the machine can read.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use crate::running::Running;
use crate::start::{Launch, Server, absolute};
use crate::{ServerError, binary, probe};

const NAME: &str = "meilisearch";
const GRACE: Duration = Duration::from_secs(30);

/// How a Meilisearch is run.
#[derive(Clone)]
pub struct MeiliOptions {
    /// Its folder: database, log, lock. Created if absent.
    pub data: PathBuf,
    /// The HTTP port on 127.0.0.1; None: a free one.
    pub port: Option<u16>,
    /// The master key; None: no key is asked for.
    pub master_key: Option<String>,
    /// The most memory that indexing may take, in bytes. The server's own limit is two thirds of
    /// the machine.
    pub max_indexing_memory_bytes: u64,
    /// The most threads that indexing may use.
    pub max_indexing_threads: u16,
    /// See [`crate::ProcessOptions::own_group`].
    pub own_group: bool,
    /// How long it may take to become ready.
    pub start_limit: Duration,
    /// The executable; None: what [`binary::meilisearch`] finds.
    pub binary: Option<PathBuf>,
}

impl MeiliOptions {
    /// A server on a free port, without a key, with its database in this folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            port: None,
            master_key: None,
            max_indexing_memory_bytes: 1024 * 1024 * 1024,
            max_indexing_threads: 2,
            own_group: false,
            start_limit: Duration::from_secs(60),
            binary: None,
        }
    }
}

/// Doesn't print the key.
impl std::fmt::Debug for MeiliOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeiliOptions")
            .field("data", &self.data)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// A running Meilisearch. Dropping it kills it.
pub type MeiliServer = Running<Meili>;

impl MeiliServer {
    /// Starts it and waits until it is available.
    pub async fn start(options: MeiliOptions) -> Result<Self, ServerError> {
        let program = match &options.binary {
            Some(path) => path.clone(),
            None => binary::meilisearch()?,
        };
        let data = absolute(&options.data)?;
        let launch = Launch {
            name: NAME,
            log: data.join("meilisearch.log"),
            data: data.clone(),
            own_group: options.own_group,
            limit: options.start_limit,
        };
        let wanted = options.port;
        let setup = Meili {
            program,
            data,
            options,
        };
        Self::launch(setup, launch, wanted).await
    }
}

/// How it is run.
#[derive(Debug)]
pub struct Meili {
    program: PathBuf,
    data: PathBuf,
    options: MeiliOptions,
}

impl Server for Meili {
    const SCHEME: &str = "http";
    const GRACE: Duration = GRACE;

    fn command(&self, port: u16) -> Result<Command, ServerError> {
        let mut command = Command::new(&self.program);
        // The user's own variables are meant for their own server.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MEILI_") {
                command.env_remove(name);
            }
        }
        if let Some(key) = &self.options.master_key {
            command.env("MEILI_MASTER_KEY", key);
        }
        // It reads ./config.toml and writes ./dumps: in its own folder, then.
        command
            .current_dir(&self.data)
            .args(["--env", "development", "--no-analytics"])
            .arg(format!("--http-addr=127.0.0.1:{port}"))
            .arg("--db-path=db")
            .arg(format!(
                "--max-indexing-memory={} B",
                self.options.max_indexing_memory_bytes
            ))
            .arg(format!(
                "--max-indexing-threads={}",
                self.options.max_indexing_threads
            ));
        Ok(command)
    }

    /// `/health` answers anybody; that our key opens `/version` shows that the server is ours.
    async fn is_ready(&self, port: u16) -> bool {
        let healthy = probe::http_get(port, "/health", None)
            .await
            .is_some_and(|answer| answer.status == 200 && answer.body.contains("available"));
        healthy
            && probe::http_get(port, "/version", self.options.master_key.as_deref())
                .await
                .is_some_and(|answer| answer.status == 200)
    }
}
