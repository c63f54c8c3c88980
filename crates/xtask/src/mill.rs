//! A whole speechmill on this machine: two servers and the roles, each a process of its own.
//!
//! In: the binary, a folder, what may be crawled. Out: addresses, a way to run commands against
//! them, logs, and an end that leaves no process behind. It adopts no server that happens to run.

pub(crate) mod binary;
mod metrics;
mod role;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use servers::{MeiliOptions, MeiliServer, NatsOptions, NatsServer, port};
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use worker::{Broker, BrokerConfig};

pub(crate) use metrics::timings;
pub(crate) use role::Role;

const COMMAND_LIMIT: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(50);
const TAIL_LINES: usize = 12;

/// How it is run.
pub(crate) struct Options {
    /// The binary `speechmill`.
    pub(crate) program: PathBuf,
    /// Data and logs.
    pub(crate) folder: PathBuf,
    /// The servers take the ports that every command looks at by default, where they are free.
    pub(crate) default_ports: bool,
    /// The roles, and the arguments of each.
    pub(crate) roles: Vec<Vec<String>>,
}

/// What runs; dropping it kills it.
pub(crate) struct Mill {
    program: PathBuf,
    pub(crate) nats: NatsServer,
    pub(crate) meili: MeiliServer,
    pub(crate) roles: Vec<Role>,
}

/// What a role's command line says of the broker, with its defaults.
#[derive(Parser)]
struct BrokerArgs {
    #[command(flatten)]
    broker: BrokerConfig,
}

impl Mill {
    /// A connection of one's own to its broker.
    pub(crate) async fn connect(&self, name: &str) -> anyhow::Result<Broker> {
        let url = self.nats.url();
        let config = BrokerArgs::parse_from([name, "--nats-url", &url]).broker;
        Ok(Broker::connect(&config, name).await?)
    }

    /// Starts all and waits until all are ready.
    pub(crate) async fn start(options: &Options) -> anyhow::Result<Self> {
        let preferred = |number: u16| {
            Some(number).filter(|&number| options.default_ports && port::is_free(number))
        };
        let nats = NatsServer::start(NatsOptions {
            port: preferred(4222),
            own_group: true,
            ..NatsOptions::new(options.folder.join("nats"))
        });
        let meili = MeiliServer::start(MeiliOptions {
            port: preferred(7700),
            own_group: true,
            ..MeiliOptions::new(options.folder.join("meilisearch"))
        });
        let (nats, meili) = tokio::try_join!(nats, meili)?;
        let mut mill = Self {
            program: options.program.clone(),
            nats,
            meili,
            roles: Vec::new(),
        };
        for args in &options.roles {
            mill.spawn(args, &args[0], &options.folder)?;
        }
        for role in &mut mill.roles {
            role.wait_ready().await?;
        }
        Ok(mill)
    }

    /// Starts one more role, whose log has this name; does not wait for it.
    pub(crate) fn spawn(
        &mut self,
        args: &[String],
        name: &str,
        folder: &Path,
    ) -> anyhow::Result<()> {
        let role = Role::spawn(self.command(args), name, folder)?;
        self.roles.push(role);
        Ok(())
    }

    /// `speechmill` with these arguments, told of our servers and of nothing else.
    fn command(&self, args: &[String]) -> Command {
        command(&self.program, args, &self.nats.url(), &self.meili.url())
    }

    /// Runs a command to its end, whatever the end is.
    pub(crate) async fn run(&self, args: &[&str]) -> anyhow::Result<Output> {
        let name = args.first().copied().unwrap_or_default();
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        tokio::time::timeout(COMMAND_LIMIT, self.command(&args).output())
            .await
            .with_context(|| format!("`speechmill {name}` did not end within {COMMAND_LIMIT:?}"))?
            .with_context(|| format!("`speechmill {name}` can't be started"))
    }

    /// Runs a command that must succeed; what it printed, one JSON value a line.
    pub(crate) async fn run_json(&self, args: &[&str]) -> anyhow::Result<Vec<serde_json::Value>> {
        let output = self.run(args).await?;
        let name = args.first().copied().unwrap_or_default();
        // 1: nothing was found, which is an answer too.
        if !output.status.success() && output.status.code() != Some(1) {
            let said = String::from_utf8(output.stderr).unwrap_or_default();
            bail!(
                "`speechmill {name}` failed ({}): {}",
                output.status,
                said.trim()
            );
        }
        String::from_utf8(output.stdout)?
            .lines()
            .map(|line| {
                serde_json::from_str(line)
                    .with_context(|| format!("`speechmill {name}` printed no JSON"))
            })
            .collect()
    }

    /// An error when something has ended that should run.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        let servers = [
            ("nats-server", self.nats.exited()),
            ("Meilisearch", self.meili.exited()),
        ];
        let roles = self.roles.iter_mut().map(|role| {
            let ended = role.exited();
            (role.name(), ended)
        });
        for (name, ended) in servers.into_iter().chain(roles) {
            if let Some(status) = ended {
                bail!("{name} ended by itself ({status})");
            }
        }
        Ok(())
    }

    /// Waits until no stage has a message in hand or before it, or until the time is over.
    pub(crate) async fn wait_idle(&self, limit: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            let overview = self.run_json(&["status", "--json"]).await?;
            let consumers = overview.iter().filter_map(|it| it["consumers"].as_array());
            let is_idle = consumers
                .flatten()
                .all(|consumer| consumer["num_pending"] == 0_u64 && consumer["num_held"] == 0_u64);
            if is_idle {
                return Ok(());
            }
            sleep(STEP).await;
        }
        Ok(())
    }

    /// The last lines of every log.
    pub(crate) fn tails(&self) -> String {
        let servers = [
            ("nats-server", self.nats.log_tail()),
            ("Meilisearch", self.meili.log_tail()),
        ];
        let roles = self.roles.iter().map(|role| (role.name(), role.log_tail()));
        let mut text = String::new();
        for (name, log) in servers.into_iter().chain(roles) {
            let _ = writeln!(text, "--- the end of the log of {name}:");
            let lines: Vec<_> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(TAIL_LINES)..] {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }

    /// Ends all in an orderly way: the roles, then what they talk to.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        for role in &self.roles {
            role.terminate()?;
        }
        for role in &mut self.roles {
            role.stop().await?;
        }
        self.meili.stop().await?;
        self.nats.stop().await?;
        Ok(())
    }
}

/// `speechmill` with these arguments, told of these servers and of nothing else.
pub(crate) fn command(program: &Path, args: &[String], nats: &str, meili: &str) -> Command {
    let mut command = Command::new(program);
    // The user's own configuration is meant for their own servers.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SPEECHMILL_") {
            command.env_remove(name);
        }
    }
    command
        .args(args)
        .env("SPEECHMILL_NATS_URL", nats)
        .env("SPEECHMILL_MEILI_URL", meili)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
