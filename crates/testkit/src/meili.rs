//! A Meilisearch for one test, in a folder that is thrown away with it.

use std::hash::{BuildHasher, RandomState};

use servers::{MeiliOptions, MeiliServer};
use tempfile::TempDir;

/// A running Meilisearch with a master key; ends when it is dropped.
#[derive(Debug)]
pub struct TestMeili {
    // Dropped before its folder.
    server: MeiliServer,
    _data: TempDir,
    key: String,
}

impl TestMeili {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts one whose options were changed.
    pub async fn start_with(change: impl FnOnce(&mut MeiliOptions)) -> Self {
        let data = TempDir::with_prefix("speechmill-meili-").expect("a temporary folder");
        // A key of its own, so that no test ever talks to the server of another one.
        let key = format!(
            "test-key-{:016x}",
            RandomState::new().hash_one(std::process::id())
        );
        let mut options = MeiliOptions::new(data.path());
        options.master_key = Some(key.clone());
        change(&mut options);
        match MeiliServer::start(options).await {
            Ok(server) => Self {
                server,
                _data: data,
                key,
            },
            Err(error) => panic!("{error} ({error:?})"),
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// `127.0.0.1:PORT`, for a [`crate::ChaosProxy`].
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    /// The master key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&mut self) {
        self.server.kill().await.expect("Meilisearch is killed");
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.server.pause().expect("Meilisearch is paused");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.server.resume().expect("Meilisearch is resumed");
    }

    /// Kills it if it runs and starts it again on the same port and database.
    pub async fn restart(&mut self) {
        if let Err(error) = self.server.restart().await {
            panic!("Meilisearch did not come back: {error}");
        }
    }

    /// The server itself.
    pub fn server(&mut self) -> &mut MeiliServer {
        &mut self.server
    }
}
