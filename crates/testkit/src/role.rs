//! The real `speechmill` binary as a child process: a role that runs, or a command that ends.
//!
//! In: the binary's path (a test knows it as `env!("CARGO_BIN_EXE_speechmill")`), arguments and
//! environment. Out: a handle to signal it, its exit status, its log. When a test fails, the end
//! of the log is printed.

use std::path::PathBuf;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use servers::{ChildProcess, ProcessOptions};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::eventually::{LIMIT, eventually};
use crate::{TestMeili, TestNats};

const RUN_LIMIT: Duration = Duration::from_secs(60);

/// How the binary is run.
#[derive(Debug, Clone)]
pub struct RoleOptions {
    bin: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    max_data_kib: Option<u64>,
}

impl RoleOptions {
    /// This binary with these arguments, on a free HTTP port and with no server known to it.
    pub fn new<'a>(bin: impl Into<PathBuf>, args: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            bin: bin.into(),
            args: args.into_iter().map(ToOwned::to_owned).collect(),
            env: Vec::new(),
            max_data_kib: None,
        }
        .env("SPEECHMILL_HTTP", "127.0.0.1:0")
        .env("RUST_LOG", "info")
    }

    /// One more variable; a later one wins.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Has no more data in memory than this: it aborts when it asks for more.
    #[must_use]
    pub fn max_data_kib(mut self, kib: u64) -> Self {
        self.max_data_kib = Some(kib);
        self
    }

    /// Uses this nats-server.
    #[must_use]
    pub fn nats(self, nats: &TestNats) -> Self {
        self.env("SPEECHMILL_NATS_URL", nats.url())
    }

    /// Uses this Meilisearch, with its master key.
    #[must_use]
    pub fn meili(self, meili: &TestMeili) -> Self {
        self.env("SPEECHMILL_MEILI_URL", meili.url())
            .env("SPEECHMILL_MEILI_KEY", meili.key())
    }

    fn command(&self) -> Command {
        let mut command = match self.max_data_kib {
            None => Command::new(&self.bin),
            Some(kib) => {
                let mut shell = Command::new("sh");
                let limited = r#"ulimit -d "$0" && exec "$@""#;
                shell.args(["-c", limited, &kib.to_string()]).arg(&self.bin);
                shell
            }
        };
        // The developer's own configuration must not change a test.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SPEECHMILL_") {
                command.env_remove(name);
            }
        }
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A running role; killed when it is dropped.
#[derive(Debug)]
pub struct Role {
    child: ChildProcess,
    what: String,
    folder: TempDir,
}

impl Role {
    /// Starts it and returns at once; see [`Self::wait_ready`].
    pub fn spawn(options: &RoleOptions) -> Self {
        let folder = TempDir::with_prefix("speechmill-role-").expect("a temporary folder");
        let what = format!("speechmill {}", options.args.join(" "));
        let mut command = options.command();
        command.stdin(Stdio::null()).current_dir(folder.path());
        let options = ProcessOptions {
            name: what.clone(),
            log: folder.path().join("log"),
            own_group: false,
        };
        match ChildProcess::spawn(command, &options) {
            Ok(child) => Self {
                child,
                what,
                folder,
            },
            Err(error) => panic!("{error}: {error:?}"),
        }
    }

    /// Waits until `/readyz` answers 200 on the address that the role printed; returns its base
    /// URL.
    pub async fn wait_ready(&mut self) -> String {
        let url = self.wait_http().await;
        let what = format!("{} is ready", self.what);
        eventually(&what, async || {
            assert!(self.child.exited().is_none(), "{}", self.ended_early());
            (self.http_status(&url, "/readyz").await? == 200).then_some(())
        })
        .await;
        url
    }

    /// Waits until the role has printed the address of its HTTP server; returns its base URL.
    pub async fn wait_http(&mut self) -> String {
        let what = format!("{} prints its HTTP address", self.what);
        eventually(&what, async || {
            assert!(self.child.exited().is_none(), "{}", self.ended_early());
            first_url(&self.log())
        })
        .await
    }

    /// Everything that it wrote so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.child.log_path()).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_else(|_| self.child.log_tail())
    }

    /// The process id; None once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.pid()
    }

    /// Its working folder, thrown away with it.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// How it ended; None while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.exited()
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill9(&mut self) {
        self.child.kill().await.expect("the role is killed");
    }

    /// SIGSTOP.
    pub fn pause(&self) {
        self.child.pause().expect("the role is paused");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.child.resume().expect("the role is resumed");
    }

    /// SIGTERM, and how it ended; panics when it does not end within 30 seconds.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.child.terminate().expect("the role gets SIGTERM");
        self.wait_exit().await
    }

    /// Waits until it ends by itself; panics when it does not within 30 seconds.
    pub async fn wait_exit(&mut self) -> ExitStatus {
        match self.child.wait(LIMIT).await {
            Some(status) => status,
            None => panic!("{} did not end within {LIMIT:?}", self.what),
        }
    }

    async fn http_status(&self, url: &str, path: &str) -> Option<u16> {
        let port = url.rsplit(':').next()?.parse().ok()?;
        servers::http_status(port, path).await
    }

    fn ended_early(&self) -> String {
        format!("{} ended before it was ready", self.what)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the end of the log of {}:", self.what);
            eprintln!("{}---", self.child.log_tail());
        }
    }
}

/// Runs the binary to its end with this text as its standard input; panics after a minute.
pub async fn run(options: &RoleOptions, stdin: &str) -> Output {
    let what = format!("speechmill {}", options.args.join(" "));
    let mut child = options
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{what} can't be started: {error}"));
    let mut input = child.stdin.take().expect("a piped standard input");
    let feed = async {
        // A command that does not read its input closes it: no failure of ours.
        let _ = input.write_all(stdin.as_bytes()).await;
        drop(input);
    };
    let both = async { tokio::join!(feed, child.wait_with_output()).1 };
    timeout(RUN_LIMIT, both)
        .await
        .unwrap_or_else(|_| panic!("{what} did not end within {RUN_LIMIT:?}"))
        .unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// The first `http://127.0.0.1:PORT` in a log, whatever stands around it.
fn first_url(log: &str) -> Option<String> {
    const START: &str = "http://127.0.0.1:";
    log.match_indices(START).find_map(|(at, _)| {
        let digits: String = log[at + START.len()..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let port: u16 = digits.parse().ok().filter(|port| *port != 0)?;
        Some(format!("{START}{port}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_line_of_json_too() {
        let log = "{\"message\":\"listening on http://127.0.0.1:9464\"}\n";
        assert_eq!(first_url(log).as_deref(), Some("http://127.0.0.1:9464"));
    }

    #[test]
    fn port_zero_is_not_an_address() {
        assert_eq!(first_url("asked for http://127.0.0.1:0"), None);
    }
}
