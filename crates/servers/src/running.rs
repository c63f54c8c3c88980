//! A server that runs: its address, its log, and the signals to kill, pause and restart it.

use std::path::Path;
use std::process::ExitStatus;

use crate::ServerError;
use crate::process::ChildProcess;
use crate::start::{Launch, Server, start};

/// A running server of the kind `S`. Dropping it kills it.
#[derive(Debug)]
pub struct Running<S> {
    child: ChildProcess,
    port: u16,
    setup: S,
    launch: Launch,
}

// The kinds of servers are ours alone: nobody outside can name another one.
#[allow(private_bounds)]
impl<S: Server> Running<S> {
    pub(crate) async fn launch(
        setup: S,
        launch: Launch,
        wanted: Option<u16>,
    ) -> Result<Self, ServerError> {
        let (child, port) = start(&setup, &launch, wanted).await?;
        Ok(Self {
            child,
            port,
            setup,
            launch,
        })
    }

    /// `nats://127.0.0.1:PORT`, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", S::SCHEME, self.port)
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id; None while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.child.pid()
    }

    /// Its log file.
    pub fn log_path(&self) -> &Path {
        self.child.log_path()
    }

    /// The last lines that it wrote.
    pub fn log_tail(&self) -> String {
        self.child.log_tail()
    }

    /// How it ended; None while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.exited()
    }

    /// SIGKILL; returns when it is gone. [`Self::restart`] brings it back.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        self.child.kill().await
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub fn pause(&self) -> Result<(), ServerError> {
        self.child.pause()
    }

    /// SIGCONT.
    pub fn resume(&self) -> Result<(), ServerError> {
        self.child.resume()
    }

    /// Kills it if it runs and starts it again on the same port and store.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.child.kill().await?;
        (self.child, _) = start(&self.setup, &self.launch, Some(self.port)).await?;
        Ok(())
    }

    /// SIGTERM; returns when it is gone. [`Self::restart`] brings it back.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        self.child.stop(S::GRACE).await.map(drop)
    }
}
