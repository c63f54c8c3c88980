//! nats-server with `JetStream` as a child process.
//!
//! In: [`NatsOptions`]. Out: a [`NatsServer`] that answers on `url()`. It writes its configuration
//! into the data folder; the store beside it survives kills and restarts.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use crate::running::Running;
use crate::start::{Launch, Server, absolute};
use crate::{ServerError, binary, probe};

const NAME: &str = "nats-server";
const MAX_PAYLOAD_BYTES: u32 = 8 * 1024 * 1024;
const GRACE: Duration = Duration::from_secs(20);

/// When the store is flushed to disk.
///
/// Source: nats-server configuration, `jetstream.sync_interval`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyncInterval {
    /// The server's own: every two minutes, after the `PubAck`. Survives our kills, not a power cut.
    #[default]
    ServerDefault,
    /// Before every `PubAck`.
    Always,
    /// This often.
    Every(Duration),
}

/// How a nats-server is run.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Its folder: configuration, store, log, lock. Created if absent.
    pub data: PathBuf,
    /// The client port on 127.0.0.1; None: a free one.
    pub port: Option<u16>,
    /// The server's name; None: one that no other server has. A cluster needs a lasting one.
    pub server_name: Option<String>,
    /// When the store is flushed to disk.
    pub sync: SyncInterval,
    /// The most that the store may hold; None: what the server finds free on the disk.
    pub max_store_bytes: Option<u64>,
    /// More lines of configuration: TLS, accounts, cluster, monitoring.
    pub extra_config: String,
    /// Variables for it: the configuration may name them with a `$`.
    pub env: Vec<(String, String)>,
    /// See [`crate::ProcessOptions::own_group`].
    pub own_group: bool,
    /// How long it may take to become ready.
    pub start_limit: Duration,
    /// The executable; None: what [`binary::nats_server`] finds.
    pub binary: Option<PathBuf>,
}

impl NatsOptions {
    /// A server on a free port with its store in this folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            port: None,
            server_name: None,
            sync: SyncInterval::default(),
            max_store_bytes: None,
            extra_config: String::new(),
            env: Vec::new(),
            own_group: false,
            start_limit: Duration::from_secs(30),
            binary: None,
        }
    }
}

/// A running nats-server. Dropping it kills it.
pub type NatsServer = Running<Nats>;

impl NatsServer {
    /// Starts it and waits until it answers.
    pub async fn start(options: NatsOptions) -> Result<Self, ServerError> {
        let program = match &options.binary {
            Some(path) => path.clone(),
            None => binary::nats_server()?,
        };
        let data = absolute(&options.data)?;
        let launch = Launch {
            name: NAME,
            log: data.join("nats-server.log"),
            data,
            own_group: options.own_group,
            limit: options.start_limit,
        };
        let wanted = options.port;
        let setup = Nats::new(program, launch.data.clone(), options);
        Self::launch(setup, launch, wanted).await
    }
}

/// How it is run.
#[derive(Debug)]
pub struct Nats {
    program: PathBuf,
    data: PathBuf,
    server_name: String,
    options: NatsOptions,
}

impl Nats {
    fn new(program: PathBuf, data: PathBuf, options: NatsOptions) -> Self {
        let server_name = options.server_name.clone().unwrap_or_else(|| {
            let id = RandomState::new().hash_one(std::process::id());
            format!("speechmill-{id:016x}")
        });
        Self {
            program,
            data,
            server_name,
            options,
        }
    }

    /// A duration without quotes would be read as a number.
    fn config(&self, port: u16) -> String {
        let mut jetstream = format!(
            "  store_dir: {}\n",
            quoted(&self.data.join("store").to_string_lossy())
        );
        if let Some(bytes) = self.options.max_store_bytes {
            let _ = writeln!(jetstream, "  max_file_store: {bytes}");
        }
        match self.options.sync {
            SyncInterval::ServerDefault => {}
            SyncInterval::Always => jetstream.push_str("  sync_interval: \"always\"\n"),
            SyncInterval::Every(interval) => {
                let _ = writeln!(jetstream, "  sync_interval: \"{}ms\"", interval.as_millis());
            }
        }
        format!(
            "server_name: {}\nlisten: \"127.0.0.1:{port}\"\nmax_payload: {MAX_PAYLOAD_BYTES}\n\
             jetstream {{\n{jetstream}}}\n{}\n",
            quoted(&self.server_name),
            self.options.extra_config
        )
    }
}

/// A string of the configuration; a path with a backslash or a quote in it is escaped as in Rust.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

impl Server for Nats {
    const SCHEME: &str = "nats";
    const GRACE: Duration = GRACE;

    fn command(&self, port: u16) -> Result<Command, ServerError> {
        let file = self.data.join("nats-server.conf");
        std::fs::write(&file, self.config(port))
            .map_err(ServerError::io("writing the configuration of nats-server"))?;
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(file).current_dir(&self.data);
        command.envs(self.options.env.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    async fn is_ready(&self, port: u16) -> bool {
        probe::nats_info(port)
            .await
            .is_some_and(|info| info.contains(&format!("\"server_name\":\"{}\"", self.server_name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_quotes_durations_and_keeps_extra_lines() {
        let mut options = NatsOptions::new("/data");
        options.sync = SyncInterval::Every(Duration::from_secs(120));
        options.max_store_bytes = Some(1 << 30);
        options.extra_config = "http: \"127.0.0.1:8222\"".to_owned();
        options.server_name = Some("n1".to_owned());
        let config = Nats::new("nats-server".into(), "/data".into(), options).config(4222);
        assert_eq!(
            config,
            "server_name: \"n1\"\nlisten: \"127.0.0.1:4222\"\nmax_payload: 8388608\n\
             jetstream {\n  store_dir: \"/data/store\"\n  max_file_store: 1073741824\n  \
             sync_interval: \"120000ms\"\n}\nhttp: \"127.0.0.1:8222\"\n"
        );
    }
}
