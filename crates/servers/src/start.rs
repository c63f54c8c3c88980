//! Starts a server on a port and waits until it is ready.
//!
//! In: what to run on which port. Out: the running process, or an error with the end of its log.
//! A port that turns out to be taken is replaced by another one, unless it was asked for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::lock::DataLock;
use crate::process::{ChildProcess, ProcessOptions};
use crate::{ServerError, port};

const STEP: Duration = Duration::from_millis(20);
const MAX_PORTS_TRIED: usize = 5;

/// What is common to the start of all servers.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) name: &'static str,
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) own_group: bool,
    pub(crate) limit: Duration,
}

/// One kind of server: how to run it, and how to see that it is ready.
pub(crate) trait Server {
    /// Of the URLs that its clients use.
    const SCHEME: &str;
    /// How long it may take to end in good order.
    const GRACE: Duration;

    /// The command that runs it on this port; may write its configuration first.
    fn command(&self, port: u16) -> Result<Command, ServerError>;
    /// Whether the server on this port is ours and ready.
    async fn is_ready(&self, port: u16) -> bool;
}

/// Starts it on the port, or on a free one.
pub(crate) async fn start(
    server: &impl Server,
    launch: &Launch,
    wanted: Option<u16>,
) -> Result<(ChildProcess, u16), ServerError> {
    let mut tried = 1;
    loop {
        let port = match wanted {
            Some(port) => port,
            None => port::free_port().map_err(ServerError::io("finding a free port"))?,
        };
        match start_on(server, launch, port).await {
            Err(ServerError::PortTaken { .. }) if wanted.is_none() && tried < MAX_PORTS_TRIED => {
                tried += 1;
            }
            result => return result.map(|child| (child, port)),
        }
    }
}

async fn start_on(
    server: &impl Server,
    launch: &Launch,
    port: u16,
) -> Result<ChildProcess, ServerError> {
    let lock = DataLock::take(launch.name, &launch.data)?;
    if !port::is_free(port) {
        return Err(ServerError::PortTaken { port });
    }
    let mut command = server.command(port)?;
    command.stdin(lock.as_stdin()?);
    let mut child = ChildProcess::spawn(
        command,
        &ProcessOptions {
            name: launch.name.to_owned(),
            log: launch.log.clone(),
            own_group: launch.own_group,
        },
    )?;
    lock.hand_over(child.pid());
    wait_ready(server, launch, port, &mut child).await?;
    Ok(child)
}

async fn wait_ready(
    server: &impl Server,
    launch: &Launch,
    port: u16,
    child: &mut ChildProcess,
) -> Result<(), ServerError> {
    let deadline = Instant::now() + launch.limit;
    loop {
        let ready = server.is_ready(port).await;
        if let Some(status) = child.exited() {
            let log = child.log_tail();
            return Err(if says_port_taken(&log) {
                ServerError::PortTaken { port }
            } else {
                ServerError::Exited {
                    name: launch.name.to_owned(),
                    status: status.to_string(),
                    log,
                }
            });
        }
        if ready {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let log = child.log_tail();
            child.kill().await?;
            return Err(ServerError::NotReady {
                name: launch.name.to_owned(),
                limit: launch.limit,
                log,
            });
        }
        sleep(STEP).await;
    }
}

fn says_port_taken(log: &str) -> bool {
    log.to_ascii_lowercase().contains("address already in use")
}

/// The path as the server must see it: it runs in its data folder.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, ServerError> {
    std::path::absolute(path).map_err(ServerError::io(format!("resolving {}", path.display())))
}
