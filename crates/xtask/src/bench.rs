//! `cargo xtask bench NAME`: measures one thing and prints the numbers, one a line.
//!
//! Each benchmark has a file of its own below `bench/`. None of them decides whether a number is
//! good.

mod pipeline;

use crate::tools;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is measured.
    #[arg(value_enum)]
    name: Name,
    /// How many times.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Name {
    /// How long the servers below the pipeline take to be ready.
    Pipeline,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    tools::run()?;
    let runtime = tokio::runtime::Runtime::new()?;
    match args.name {
        Name::Pipeline => runtime.block_on(pipeline::run(args.rounds)),
    }
}
