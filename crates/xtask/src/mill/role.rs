//! A role of `speechmill` as a child process, in a group of its own.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::bail;
use servers::{ChildProcess, ProcessOptions};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

const START_LIMIT: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(25);
const STEP: Duration = Duration::from_millis(20);
const ADDRESS: &str = "http://127.0.0.1:";

/// It runs until it is stopped or dropped.
pub(crate) struct Role {
    name: String,
    child: ChildProcess,
    /// Of its health and metrics; 0 until it has printed it.
    port: u16,
}

impl Role {
    pub(crate) fn spawn(mut command: Command, name: &str, folder: &Path) -> anyhow::Result<Self> {
        command
            .env("SPEECHMILL_HTTP", "127.0.0.1:0")
            .env("RUST_LOG", "info,async_nats=warn")
            .env("NO_COLOR", "1")
            // As in the containers.
            .env("MALLOC_ARENA_MAX", "2")
            .current_dir(folder);
        let options = ProcessOptions {
            name: name.to_owned(),
            log: folder.join(format!("{name}.log")),
            own_group: true,
        };
        Ok(Self {
            name: name.to_owned(),
            child: ChildProcess::spawn(command, &options)?,
            port: 0,
        })
    }

    pub(crate) async fn wait_ready(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + START_LIMIT;
        loop {
            if let Some(status) = self.exited() {
                let log = self.log_tail();
                let last = log.lines().last().unwrap_or("its log is empty");
                bail!("{} ended before it was ready ({status}): {last}", self.name);
            }
            if self.port == 0 {
                self.port = port_in(&self.log_tail()).unwrap_or_default();
            }
            if self.port != 0 && servers::http_status(self.port, "/readyz").await == Some(200) {
                return Ok(());
            }
            if Instant::now() >= until {
                bail!("{} was not ready within {START_LIMIT:?}", self.name);
            }
            sleep(STEP).await;
        }
    }

    /// `crawler`, `extractor`, `indexer`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where /metrics is.
    pub(crate) fn url(&self) -> String {
        format!("{ADDRESS}{}", self.port)
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.pid()
    }

    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.exited()
    }

    pub(crate) fn log_tail(&self) -> String {
        self.child.log_tail()
    }

    /// SIGKILL; returns when it is gone.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGSTOP.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        Ok(self.child.pause()?)
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        Ok(self.child.resume()?)
    }

    /// SIGTERM; does not wait.
    pub(crate) fn terminate(&self) -> anyhow::Result<()> {
        Ok(self.child.terminate()?)
    }

    /// Waits for its end, and brings it about if need be.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        if self.child.wait(GRACE).await.is_none() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

/// The port of the first address in a log; 0 is only what was asked for.
fn port_in(log: &str) -> Option<u16> {
    log.split(ADDRESS).skip(1).find_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())]
            .parse()
            .ok()
            .filter(|&port| port != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_the_one_that_was_taken_not_the_one_that_was_asked_for() {
        let log = "asked for http://127.0.0.1:0, metrics at http://127.0.0.1:9464\n";
        assert_eq!(port_in(log), Some(9464));
        assert_eq!(port_in("nothing yet"), None);
    }
}
