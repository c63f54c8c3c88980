//! What the faults befall: servers behind proxies, and the roles, each a process of its own.
//!
//! A role that ends by itself is started again, as a service manager does; how it ended is noted.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use servers::{MeiliOptions, MeiliServer, NatsServer};
use testkit::ChaosProxy;

use super::nodes::Nodes;
use super::plan::{ROLES, Target};
use crate::mill::{self, Role};

const COMMAND_LIMIT: Duration = Duration::from_secs(120);

/// The exit code of a role that found no server when it started.
const UNREACHABLE: i32 = 69;

/// Back-offs that are long for people are short here, so that all has ended minutes after the last
/// fault.
const ENV: [(&str, &str); 13] = [
    ("SPEECHMILL_ACK_WAIT", "5s"),
    ("SPEECHMILL_PAGES_MAX_MIB", "16"),
    ("SPEECHMILL_MAX_ATTEMPTS", "12"),
    ("SPEECHMILL_RETRY_BASE", "200ms"),
    ("SPEECHMILL_RETRY_CAP", "1s"),
    ("SPEECHMILL_CONNECT_TIMEOUT", "2s"),
    ("SPEECHMILL_FETCH_TIMEOUT", "1500ms"),
    ("SPEECHMILL_LATENCY_FACTOR", "1"),
    ("SPEECHMILL_DELAY", "2ms"),
    ("SPEECHMILL_MEILI_TIMEOUT", "3s"),
    ("SPEECHMILL_MEILI_UPLOAD_TIMEOUT", "5s"),
    ("SPEECHMILL_MAX_VANISHED", "1000000"),
    ("SPEECHMILL_BATCH_DOCUMENTS", "100"),
];

pub(super) struct World {
    program: PathBuf,
    folder: PathBuf,
    pub(super) nodes: Nodes,
    pub(super) meili: MeiliServer,
    meili_way: ChaosProxy,
    pub(super) roles: Vec<Slot>,
    env: Vec<(String, String)>,
    /// Roles that ended in a way that nobody planned.
    pub(super) strange: Vec<String>,
    /// Roles that found no server when they started.
    pub(super) unreachable: Vec<String>,
    pub(super) num_crashes: u64,
}

/// One role's place, whoever is in it.
pub(super) struct Slot {
    kind: &'static str,
    pub(super) name: String,
    pub(super) role: Role,
    /// It is not to be started again yet.
    is_down: bool,
    /// When it is to crash.
    crash: Option<&'static str>,
}

impl World {
    /// Starts the servers, and the roles as soon as they are ready.
    pub(super) async fn start(
        program: PathBuf,
        folder: &Path,
        num_nodes: usize,
        hosts: &[String],
    ) -> anyhow::Result<Self> {
        let nodes = Nodes::start(folder, num_nodes);
        let meili = MeiliServer::start(MeiliOptions {
            own_group: true,
            ..MeiliOptions::new(folder.join("meilisearch"))
        });
        let (nodes, meili) = tokio::try_join!(nodes, async { Ok(meili.await?) })?;
        let meili_way = ChaosProxy::start(format!("127.0.0.1:{}", meili.port())).await;
        let mut env: Vec<(String, String)> = ENV
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        env.push(("SPEECHMILL_ALLOW_ADDRESS".to_owned(), hosts.join(",")));
        env.push(("SPEECHMILL_REPLICAS".to_owned(), num_nodes.to_string()));
        let mut world = Self {
            program,
            folder: folder.to_owned(),
            nodes,
            meili,
            meili_way,
            roles: Vec::new(),
            env,
            strange: Vec::new(),
            unreachable: Vec::new(),
            num_crashes: 0,
        };
        for (number, kind) in ROLES.into_iter().enumerate() {
            let name = format!("{kind}-{}", number % 2 + 1);
            let mut role = world.spawn(kind, &name, None)?;
            // One creates the streams, the others find them.
            role.wait_ready().await?;
            let slot = Slot {
                kind,
                name,
                role,
                is_down: false,
                crash: None,
            };
            world.roles.push(slot);
        }
        Ok(world)
    }

    fn spawn(&self, kind: &str, name: &str, crash: Option<&str>) -> anyhow::Result<Role> {
        let (nats, meili) = (self.nodes.client_url(), self.meili_way.url("http"));
        let mut command = mill::command(&self.program, &[kind.to_owned()], &nats, &meili);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(crash) = crash {
            command.env("SPEECHMILL_CRASH_AT", crash);
        }
        Role::spawn(command, name, &self.folder)
    }

    /// Puts a new process in a role's place.
    fn renew(&mut self, number: usize, crash: Option<&'static str>) -> anyhow::Result<()> {
        let (kind, name) = (self.roles[number].kind, self.roles[number].name.clone());
        let role = self.spawn(kind, &name, crash)?;
        let slot = &mut self.roles[number];
        slot.role = role;
        slot.is_down = false;
        slot.crash = crash;
        Ok(())
    }

    pub(super) async fn kill(&mut self, target: Target) -> anyhow::Result<()> {
        match target {
            Target::Role(number) => {
                let slot = &mut self.roles[number];
                slot.is_down = true;
                slot.role.kill().await
            }
            Target::Nats(node) => Ok(self.nodes.node(node).await.kill().await?),
            Target::Meili => Ok(self.meili.kill().await?),
        }
    }

    pub(super) async fn start_again(&mut self, target: Target) -> anyhow::Result<()> {
        match target {
            Target::Role(number) => self.renew(number, None),
            Target::Nats(node) => Ok(self.nodes.chosen(node).restart().await?),
            Target::Meili => Ok(self.meili.restart().await?),
        }
    }

    /// Starts a role anew, to crash at this moment.
    pub(super) async fn crash(
        &mut self,
        number: usize,
        moment: &'static str,
    ) -> anyhow::Result<()> {
        self.roles[number].role.kill().await?;
        self.renew(number, Some(moment))
    }

    pub(super) async fn pause(&mut self, target: Target) -> anyhow::Result<()> {
        match target {
            Target::Role(number) => self.roles[number].role.pause(),
            Target::Nats(node) => Ok(self.nodes.node(node).await.pause()?),
            Target::Meili => Ok(self.meili.pause()?),
        }
    }

    pub(super) fn resume(&mut self, target: Target) -> anyhow::Result<()> {
        match target {
            Target::Role(number) => self.roles[number].role.resume(),
            Target::Nats(node) => Ok(self.nodes.chosen(node).resume()?),
            Target::Meili => Ok(self.meili.resume()?),
        }
    }

    /// What roles reach a server through.
    pub(super) fn way(&self, target: Target) -> &ChaosProxy {
        match target {
            Target::Nats(node) => self.nodes.way(node),
            Target::Meili | Target::Role(_) => &self.meili_way,
        }
    }

    /// Starts again what has ended by itself.
    pub(super) fn look_after(&mut self) -> anyhow::Result<()> {
        for number in 0..self.roles.len() {
            let slot = &mut self.roles[number];
            if slot.is_down {
                continue;
            }
            let Some(status) = slot.role.exited() else {
                continue;
            };
            let has_crashed = slot.crash.is_some() && status.code().is_none();
            let log = slot.role.log_tail();
            let last = log.lines().last().unwrap_or_default();
            let end = format!("{} ({status}): {last}", slot.name);
            let mut crash = None;
            if has_crashed {
                self.num_crashes += 1;
            } else if status.code() == Some(UNREACHABLE) {
                // It never came so far as to crash.
                crash = slot.crash;
                self.unreachable.push(end);
            } else {
                self.strange.push(end);
            }
            self.renew(number, crash)?;
        }
        Ok(())
    }

    /// Runs a command against the servers themselves; what it printed, one JSON value a line.
    pub(super) async fn run_json(&self, args: &[String]) -> anyhow::Result<Vec<Value>> {
        let output = self.run(args).await?;
        // 1: nothing was found, which is an answer too.
        if !matches!(output.status.code(), Some(0 | 1)) {
            let said = String::from_utf8(output.stderr).unwrap_or_default();
            bail!("`speechmill {}` failed: {}", args[0], said.trim());
        }
        String::from_utf8(output.stdout)?
            .lines()
            .map(|line| serde_json::from_str(line).context("no JSON"))
            .collect()
    }

    async fn run(&self, args: &[String]) -> anyhow::Result<Output> {
        let (nats, meili) = (self.nodes.server_url(), self.meili.url());
        let mut command = mill::command(&self.program, args, &nats, &meili);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        tokio::time::timeout(COMMAND_LIMIT, command.output())
            .await
            .with_context(|| format!("`speechmill {}` hangs", args[0]))?
            .with_context(|| format!("`speechmill {}` can't be started", args[0]))
    }

    /// The end of all. Nothing is left running, whatever went wrong before.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        for slot in &self.roles {
            slot.role.resume()?;
            slot.role.terminate()?;
        }
        for slot in &mut self.roles {
            slot.role.stop().await?;
        }
        self.meili.stop().await?;
        for node in self.nodes.servers() {
            NatsServer::stop(node).await?;
        }
        Ok(())
    }
}
