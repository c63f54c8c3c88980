//! `cargo xtask bench NAME`: measures one thing and prints the numbers.
//!
//! Each benchmark has a file of its own below `bench/`. With `--json` a benchmark prints one line
//! and nothing else on standard output. None of them decides whether a number is good, and none
//! talks to anything but 127.0.0.1.

mod pipeline;
mod texts;
mod usage;

use crate::tools;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    name: Name,
}

#[derive(clap::Subcommand)]
enum Name {
    /// Generated pages, from publishing their URLs until Meilisearch holds all of them.
    Pipeline(pipeline::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    tools::ensure()?;
    let runtime = tokio::runtime::Runtime::new()?;
    match &args.name {
        Name::Pipeline(args) => runtime.block_on(pipeline::run(args)),
    }
}
