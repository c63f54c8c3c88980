//! nats-server: one, or three of a cluster; each behind a proxy, and proxies between them.
//!
//! In: a folder. Out: addresses for clients, nodes to kill and ways to cut.

use std::path::Path;
use std::time::Duration;

use servers::{NatsConfigFile, NatsOptions, NatsServer, SyncInterval};
use testkit::ChaosProxy;
use tokio::time::{Instant, sleep};

use super::wire;
use crate::command;

const NAME: &str = "nats-";
const READY_LIMIT: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(100);

pub(super) struct Nodes {
    servers: Vec<NatsServer>,
    ways: Vec<ChaosProxy>,
    /// From one node to another.
    routes: Vec<((usize, usize), ChaosProxy)>,
    /// Who was the leader when it was asked for last.
    leader: usize,
}

impl Nodes {
    /// One node; or three, of the cluster that `deploy/` describes.
    pub(super) async fn start(folder: &Path, num_nodes: usize) -> anyhow::Result<Self> {
        let mut nodes = Self {
            servers: Vec::new(),
            ways: Vec::new(),
            routes: Vec::new(),
            leader: 0,
        };
        let files = if num_nodes == 1 {
            vec![None]
        } else {
            let files = nodes.connect(num_nodes).await?;
            files.into_iter().map(Some).collect()
        };
        for (node, config_file) in files.into_iter().enumerate() {
            let name = format!("{NAME}{}", node + 1);
            let server = NatsServer::start(NatsOptions {
                own_group: true,
                sync: SyncInterval::Always,
                server_name: Some(name.clone()),
                config_file,
                ..NatsOptions::new(folder.join(name))
            })
            .await?;
            nodes.ways.push(ChaosProxy::start(address(&server)).await);
            nodes.servers.push(server);
        }
        nodes.wait_ready().await?;
        Ok(nodes)
    }

    /// Lays a proxy from every node to every other one. Output: the configuration of each.
    async fn connect(&mut self, num_nodes: usize) -> anyhow::Result<Vec<NatsConfigFile>> {
        let mut ports = Vec::new();
        for _ in 0..num_nodes {
            ports.push(servers::free_port()?);
        }
        let mut files = Vec::new();
        for (node, port) in ports.iter().enumerate() {
            let mut variables = vec![
                ("NATS_CLUSTER_LISTEN", format!("127.0.0.1:{port}")),
                // Nodes tell each other of this address: it must not lead past the proxies.
                ("NATS_CLUSTER_ADVERTISE", "127.0.0.1:1".to_owned()),
            ];
            let others = (0..num_nodes).filter(|&other| other != node);
            for (other, name) in others.zip(["NATS_ROUTE_A", "NATS_ROUTE_B"]) {
                let way = ChaosProxy::start(format!("127.0.0.1:{}", ports[other])).await;
                variables.push((name, way.url("nats")));
                self.routes.push(((node, other), way));
            }
            files.push(NatsConfigFile {
                path: command::root().join("deploy/nats-cluster.conf"),
                variables,
            });
        }
        Ok(files)
    }

    /// Until streams can be asked for: a cluster chooses a leader first.
    async fn wait_ready(&self) -> anyhow::Result<()> {
        let until = Instant::now() + READY_LIMIT;
        let address = address(&self.servers[0]);
        loop {
            match wire::ask_jetstream(&address, "$JS.API.STREAM.NAMES", b"").await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > until => {
                    return Err(error.context("the cluster has no leader"));
                }
                Err(_) => sleep(STEP).await,
            }
        }
    }

    /// Cuts a node off from the others; its clients reach it still.
    pub(super) fn isolate(&self, node: usize) {
        self.routes_of(node).for_each(ChaosProxy::cut);
    }

    /// Ends it.
    pub(super) fn rejoin(&self, node: usize) {
        self.routes_of(node).for_each(ChaosProxy::heal);
    }

    fn routes_of(&self, node: usize) -> impl Iterator<Item = &ChaosProxy> {
        let routes = self.routes.iter();
        routes
            .filter(move |((from, to), _)| *from == node || *to == node)
            .map(|(_, way)| way)
    }

    pub(super) fn num(&self) -> usize {
        self.servers.len()
    }

    /// For roles: through the proxies.
    pub(super) fn client_url(&self) -> String {
        let urls: Vec<String> = self.ways.iter().map(|way| way.url("nats")).collect();
        urls.join(",")
    }

    /// `127.0.0.1:PORT` of the proxies.
    pub(super) fn ways(&self) -> Vec<String> {
        self.ways.iter().map(|way| way.addr().to_string()).collect()
    }

    /// For commands: past them.
    pub(super) fn server_url(&self) -> String {
        let urls: Vec<String> = self.servers.iter().map(NatsServer::url).collect();
        urls.join(",")
    }

    pub(super) fn way(&self, node: usize) -> &ChaosProxy {
        &self.ways[node % self.ways.len()]
    }

    /// A node; one more than there are is the leader of the stream CRAWL, who is looked for now.
    pub(super) async fn node(&mut self, node: usize) -> &mut NatsServer {
        if node >= self.servers.len() {
            self.leader = self.find_leader().await.unwrap_or_default();
        }
        self.chosen(node)
    }

    /// The same without a look: the leader is who it was.
    pub(super) fn chosen(&mut self, node: usize) -> &mut NatsServer {
        let node = if node < self.servers.len() {
            node
        } else {
            self.leader
        };
        &mut self.servers[node]
    }

    async fn find_leader(&self) -> Option<usize> {
        for server in &self.servers {
            let address = address(server);
            let asked = wire::ask_jetstream(&address, "$JS.API.STREAM.INFO.CRAWL", b"").await;
            if let Ok(info) = asked
                && let Some(name) = info["cluster"]["leader"].as_str()
            {
                return name
                    .strip_prefix("nats-")?
                    .parse::<usize>()
                    .ok()?
                    .checked_sub(1);
            }
        }
        None
    }

    /// `127.0.0.1:PORT` of the servers themselves.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.servers.iter().map(address).collect()
    }

    pub(super) fn servers(&mut self) -> impl Iterator<Item = &mut NatsServer> {
        self.servers.iter_mut()
    }
}

fn address(server: &NatsServer) -> String {
    format!("127.0.0.1:{}", server.port())
}
