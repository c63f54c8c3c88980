//! How long nats-server and Meilisearch take from nothing to ready, each in an empty folder.
//!
//! Out: one line a round, in milliseconds.

use std::time::Instant;

use servers::{MeiliOptions, MeiliServer, NatsOptions, NatsServer};

use crate::command::root;

pub(crate) async fn run(rounds: u16) -> anyhow::Result<()> {
    let folder = root().join(format!("target/bench-{}", std::process::id()));
    for round in 1..=rounds {
        let data = folder.join(round.to_string());
        let start = Instant::now();
        let mut nats = NatsServer::start(NatsOptions::new(data.join("nats"))).await?;
        let nats_ms = start.elapsed().as_millis();
        let start = Instant::now();
        let mut meili = MeiliServer::start(MeiliOptions::new(data.join("meilisearch"))).await?;
        let meili_ms = start.elapsed().as_millis();
        println!("round={round} nats_ready_ms={nats_ms} meilisearch_ready_ms={meili_ms}");
        meili.kill().await?;
        nats.kill().await?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
