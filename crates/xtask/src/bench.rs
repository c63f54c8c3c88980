//! `cargo xtask bench NAME`: measures one thing and prints the numbers.
//!
//! Each benchmark has a file of its own below `bench/`. With `--json` a benchmark prints one line
//! and nothing else on standard output. None of them decides whether a number is good, and none
//! talks to anything but 127.0.0.1.

mod clusters;
mod crawl;
mod extract;
mod index;
mod pipeline;
mod relevance;
pub(crate) mod texts;

use std::fmt::Write as _;

use testkit::{FakeSite, Reply};

use crate::tools;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    name: Name,
}

#[derive(clap::Subcommand)]
enum Name {
    /// Copies among many speeches: how many are found, and what that costs.
    Clusters(clusters::Args),
    /// The crawler without a pause, against nothing but fetching with the same client.
    Crawl(crawl::Args),
    /// Extraction from saved pages, against nothing but parsing them, and its memory.
    Extract(extract::Args),
    /// The indexer, against a bulk load of the same documents by hand.
    Index(index::Args),
    /// Generated pages, from publishing their URLs until Meilisearch holds all of them.
    Pipeline(pipeline::Args),
    /// Graded answers to Chinese queries, against what is found.
    Relevance(relevance::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    tools::ensure()?;
    let runtime = tokio::runtime::Runtime::new()?;
    match &args.name {
        Name::Clusters(args) => clusters::run(args),
        Name::Crawl(args) => runtime.block_on(crawl::run(args)),
        Name::Extract(args) => runtime.block_on(extract::run(args)),
        Name::Index(args) => runtime.block_on(index::run(args)),
        Name::Pipeline(args) => runtime.block_on(pipeline::run(args)),
        Name::Relevance(args) => runtime.block_on(relevance::run(args)),
    }
}

/// The running site, and its URLs, one a line.
async fn site(num_pages: u32) -> (FakeSite, String) {
    let site = FakeSite::start().await;
    let mut urls = String::new();
    for number in 0..num_pages as usize {
        let page = texts::page(number);
        let _ = writeln!(urls, "{}", site.url(&page.path));
        site.page(&page.path, Reply::html(page.html));
    }
    (site, urls)
}
