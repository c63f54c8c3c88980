//! One child process: its log file, its signals, its end.
//!
//! In: a command. Out: a handle to kill, pause, resume and stop it. Dropping the handle kills the
//! process. It never leaves a zombie while the runtime lives, and never signals a process that
//! was already reaped.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::ServerError;

const MAX_TAIL_BYTES: u64 = 8 * 1024;

/// How a child process is run.
#[derive(Debug, Clone)]
pub struct ProcessOptions {
    /// The name used in errors.
    pub name: String,
    /// The file that takes its standard output and standard error; appended to.
    pub log: PathBuf,
    /// Run it in a process group of its own, so that Ctrl-C in a terminal reaches only us and we
    /// stop the servers last. Test runners rely on the common group to clean up: false there.
    pub own_group: bool,
}

/// A running (or already ended) child process.
#[derive(Debug)]
pub struct ChildProcess {
    child: Child,
    name: String,
    log: PathBuf,
    log_start: u64,
    ended: Option<ExitStatus>,
}

impl ChildProcess {
    /// Starts the command with its output going into the log file.
    ///
    /// Input: the command's standard input stays as the caller set it; unset, it is inherited.
    pub fn spawn(mut command: Command, options: &ProcessOptions) -> Result<Self, ServerError> {
        let name = &options.name;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&options.log)
            .map_err(ServerError::io(format!("opening the log of {name}")))?;
        let log_start = log.metadata().map_or(0, |file| file.len());
        let log_again = log
            .try_clone()
            .map_err(ServerError::io(format!("opening the log of {name}")))?;
        command
            .stdout(Stdio::from(log))
            .stderr(Stdio::from(log_again))
            .kill_on_drop(true);
        if options.own_group {
            command.process_group(0);
        }
        let child = command
            .spawn()
            .map_err(ServerError::io(format!("starting {name}")))?;
        Ok(Self {
            child,
            name: name.clone(),
            log: options.log.clone(),
            log_start,
            ended: None,
        })
    }

    /// The process id; None once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The log file.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What this process has written so far: the last 8 KiB of it, undecodable bytes replaced.
    pub fn log_tail(&self) -> String {
        read_tail(&self.log, self.log_start)
            .unwrap_or_else(|error| format!("(the log can't be read: {error})"))
    }

    /// How it ended; None while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits until it ends; None when the time is over first.
    pub async fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = timeout(limit, self.child.wait()).await.ok()?.ok();
        }
        self.ended
    }

    /// SIGKILL, and waits until it is gone.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        if self.exited().is_some() {
            return Ok(());
        }
        self.child
            .kill()
            .await
            .map_err(ServerError::io(format!("killing {}", self.name)))?;
        self.exited();
        Ok(())
    }

    /// SIGSTOP: it holds its connections open and answers nothing. Returns when all its threads
    /// stand still (a signal alone lets them run on for a moment).
    pub fn pause(&self) -> Result<(), ServerError> {
        let Some(pid) = self.running() else {
            return Ok(());
        };
        self.signal(Signal::STOP)?;
        // Only looks: the exit status, if it ended just now, stays for the runtime.
        let look = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), look)
            .map(drop)
            .map_err(|error| self.failed("pausing", error))
    }

    /// SIGCONT after [`Self::pause`].
    pub fn resume(&self) -> Result<(), ServerError> {
        self.signal(Signal::CONT)
    }

    /// SIGTERM; does not wait.
    pub fn terminate(&self) -> Result<(), ServerError> {
        self.signal(Signal::TERM)
    }

    /// SIGTERM, then SIGKILL if it is still there when the grace period is over; waits.
    ///
    /// Output: how it ended.
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus, ServerError> {
        self.terminate()?;
        // A paused process can't act on SIGTERM.
        self.resume()?;
        if let Some(status) = self.wait(grace).await {
            return Ok(status);
        }
        self.kill().await?;
        self.child
            .wait()
            .await
            .map_err(ServerError::io(format!("waiting for {}", self.name)))
    }

    /// Signalling a process that has ended does nothing: that is what every caller wanted anyway.
    fn signal(&self, signal: Signal) -> Result<(), ServerError> {
        match self.running() {
            Some(pid) => {
                kill_process(pid, signal).map_err(|error| self.failed("signalling", error))
            }
            None => Ok(()),
        }
    }

    fn running(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()?).ok()?)
    }

    fn failed(&self, doing: &str, error: Errno) -> ServerError {
        ServerError::io(format!("{doing} {}", self.name))(error.into())
    }
}

fn read_tail(path: &Path, start: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(
        start.max(length.saturating_sub(MAX_TAIL_BYTES)),
    ))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes
        .utf8_chunks()
        .flat_map(|chunk| {
            [
                chunk.valid(),
                if chunk.invalid().is_empty() {
                    ""
                } else {
                    "\u{fffd}"
                },
            ]
        })
        .collect())
}
