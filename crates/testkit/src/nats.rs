//! A nats-server for one test, in a folder that is thrown away with it.

use servers::{NatsOptions, NatsServer};
use tempfile::TempDir;

/// A running nats-server; ends when it is dropped.
#[derive(Debug)]
pub struct TestNats {
    // Dropped before its folder.
    server: NatsServer,
    _data: TempDir,
}

impl TestNats {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts one whose options were changed: configuration lines, limits, the sync interval.
    pub async fn start_with(change: impl FnOnce(&mut NatsOptions)) -> Self {
        let data = TempDir::with_prefix("speechmill-nats-").expect("a temporary folder");
        let mut options = NatsOptions::new(data.path());
        change(&mut options);
        match NatsServer::start(options).await {
            Ok(server) => Self {
                server,
                _data: data,
            },
            Err(error) => panic!("{error} ({error:?})"),
        }
    }

    /// `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// `127.0.0.1:PORT`, for a [`crate::ChaosProxy`].
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&mut self) {
        self.server.kill().await.expect("nats-server is killed");
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.server.pause().expect("nats-server is paused");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.server.resume().expect("nats-server is resumed");
    }

    /// Kills it if it runs and starts it again on the same port and store.
    pub async fn restart(&mut self) {
        if let Err(error) = self.server.restart().await {
            panic!("nats-server did not come back: {error}");
        }
    }

    /// The server itself.
    pub fn server(&mut self) -> &mut NatsServer {
        &mut self.server
    }
}
