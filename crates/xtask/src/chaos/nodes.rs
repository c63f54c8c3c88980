//! nats-server: one, or three of a cluster; each behind a proxy, and proxies between them.
//!
//! In: a folder. Out: addresses for clients, nodes to kill and ways to cut.

use std::path::Path;

use servers::{NatsOptions, NatsServer, SyncInterval};
use testkit::ChaosProxy;

use super::wire;

pub(super) struct Nodes {
    servers: Vec<NatsServer>,
    ways: Vec<ChaosProxy>,
    /// Who was the leader when it was asked for last.
    leader: usize,
}

impl Nodes {
    pub(super) async fn start(folder: &Path, num_nodes: usize) -> anyhow::Result<Self> {
        anyhow::ensure!(num_nodes == 1, "a cluster");
        let server = NatsServer::start(NatsOptions {
            own_group: true,
            sync: SyncInterval::Always,
            ..NatsOptions::new(folder.join("nats"))
        })
        .await?;
        let way = ChaosProxy::start(address(&server)).await;
        Ok(Self {
            servers: vec![server],
            ways: vec![way],
            leader: 0,
        })
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

    /// Cuts a node off from the others; its clients reach it still.
    pub(super) fn isolate(&self, _node: usize) {}

    /// Ends it.
    pub(super) fn rejoin(&self, _node: usize) {}

    pub(super) fn servers(&mut self) -> impl Iterator<Item = &mut NatsServer> {
        self.servers.iter_mut()
    }
}

fn address(server: &NatsServer) -> String {
    format!("127.0.0.1:{}", server.port())
}
