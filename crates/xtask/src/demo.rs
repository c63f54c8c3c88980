//! `cargo xtask demo`: nats-server and Meilisearch, ready to be used, until Ctrl-C.
//!
//! In: a data folder. Out: the addresses, printed. It starts none of the roles.

use std::path::PathBuf;

use servers::{MeiliOptions, MeiliServer, NatsOptions, NatsServer};

use crate::{command, tools};

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the servers keep their data.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    tools::run()?;
    tokio::runtime::Runtime::new()?.block_on(demo(args))
}

async fn demo(args: &Args) -> anyhow::Result<()> {
    let data = args
        .data
        .clone()
        .unwrap_or_else(|| command::root().join("target/demo"));
    let mut nats_options = NatsOptions::new(data.join("nats"));
    nats_options.own_group = true;
    let mut meili_options = MeiliOptions::new(data.join("meilisearch"));
    meili_options.own_group = true;
    let mut nats = NatsServer::start(nats_options).await?;
    let mut meili = MeiliServer::start(meili_options).await?;
    println!("export SPEECHMILL_NATS_URL={}", nats.url());
    println!("export SPEECHMILL_MEILI_URL={}", meili.url());
    println!("Ctrl-C stops both; their data stays in {}", data.display());
    tokio::signal::ctrl_c().await?;
    meili.stop().await?;
    nats.stop().await?;
    Ok(())
}
