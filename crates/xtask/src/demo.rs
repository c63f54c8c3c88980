//! `cargo xtask demo`: the whole way from a URL to a search hit, on this machine, with real servers.
//!
//! In: the small web site of `crates/xtask/demo/site`, or one saved page and its address. Out: what
//! was found, and how long it took. It talks to nothing but 127.0.0.1, adopts no server that
//! happens to run, and leaves no process behind.

mod ending;
mod hits;
mod page;
mod site;
mod timing;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::interrupt::{Interrupted, interrupted, unless_interrupted};
use crate::mill::{Mill, Options, Role, binary};
use crate::{command, tools};
use page::SavedPage;
use site::DemoSite;

/// Stands in a page to which only the list page leads.
const QUERY: &str = "城市工作";

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// End when all is shown, and keep nothing; else all stays up until Ctrl-C.
    #[arg(long)]
    exit: bool,
    /// Instead of the web site: this saved page, as if it had been fetched from --url.
    #[arg(long, value_name = "FILE", requires = "url")]
    page: Option<PathBuf>,
    /// The address that the page was saved from.
    #[arg(long, requires = "page")]
    url: Option<String>,
    /// What to search for; if absent, words of the demo's pages, or the page's own title.
    #[arg(long)]
    query: Option<String>,
    /// Where the data stay without --exit; if absent, data/demo.
    #[arg(long, value_name = "FOLDER", conflicts_with = "exit")]
    data: Option<PathBuf>,
}

/// What is sent on its way.
enum Source {
    Site(DemoSite),
    Page(SavedPage),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let saved = match (&args.page, &args.url) {
        (Some(file), Some(url)) => Some(SavedPage::read(file, url)?),
        _ => None,
    };
    tools::ensure()?;
    let program = binary::build(false)?;
    tokio::runtime::Runtime::new()?.block_on(demo(args, program, saved))
}

async fn demo(args: &Args, program: PathBuf, saved: Option<SavedPage>) -> anyhow::Result<()> {
    let (folder, _thrown_away) = folder(args)?;
    let source = match saved {
        Some(page) => Source::Page(page),
        None => Source::Site(DemoSite::start().await?),
    };
    let options = Options {
        program,
        folder: folder.clone(),
        default_ports: !args.exit,
        roles: roles(&source),
    };
    let mut mill = unless_interrupted(Mill::start(&options)).await?;
    println!("nats-server   {}", mill.nats.url());
    println!("Meilisearch   {}", mill.meili.url());
    let names: Vec<_> = mill.roles.iter().map(Role::name).collect();
    println!("roles         {}", names.join(", "));
    let shown = unless_interrupted(show(&mut mill, &source, args.query.as_deref())).await;
    if let Err(error) = &shown
        && !error.is::<Interrupted>()
    {
        eprint!("{}", mill.tails());
    }
    let ended = match shown {
        Ok(()) if !args.exit => {
            say_what_next(&mill, &options.program, &source, &folder);
            stay(&mut mill).await
        }
        shown => shown,
    };
    // A second signal ends the orderly end: dropping kills.
    tokio::select! {
        stopped = mill.stop() => ended.and(stopped),
        _ = interrupted() => ended,
    }
}

/// A folder that stays, or one that is thrown away with the guard.
fn folder(args: &Args) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
    if args.exit {
        let thrown_away = TempDir::with_prefix("speechmill-demo-")?;
        return Ok((thrown_away.path().to_owned(), Some(thrown_away)));
    }
    let folder = match &args.data {
        Some(folder) => std::path::absolute(folder)?,
        None => command::root().join("data/demo"),
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("the data folder {}", folder.display()))?;
    Ok((folder, None))
}

/// Beside a saved page no crawler runs: there is nothing to fetch, and nothing may be.
fn roles(source: &Source) -> Vec<Vec<String>> {
    let alone = |name: &str| vec![name.to_owned()];
    let mut roles = vec![alone("extractor"), alone("indexer")];
    if let Source::Site(site) = source {
        let crawler = ["crawler", "--allow-address", &site.host()].map(ToOwned::to_owned);
        roles.insert(0, crawler.to_vec());
    }
    roles
}

async fn show(mill: &mut Mill, source: &Source, query: Option<&str>) -> anyhow::Result<()> {
    match source {
        Source::Site(site) => site::show(mill, site, query.unwrap_or(QUERY)).await,
        Source::Page(page) => page::show(mill, page, query).await,
    }
}

fn say_what_next(mill: &Mill, program: &Path, source: &Source, folder: &Path) {
    let program = program.strip_prefix(command::root()).unwrap_or(program);
    let program = program.display();
    let (nats, meili) = (mill.nats.url(), mill.meili.url());
    println!("\nAll of it runs until Ctrl-C. In another terminal:\n");
    println!("  export SPEECHMILL_NATS_URL={nats} SPEECHMILL_MEILI_URL={meili}");
    println!("  {program} status");
    let url = match source {
        Source::Site(site) => {
            println!("  {program} submit --wait --refetch {}", site.list_url());
            println!(
                "  nats --server {nats} req crawl.submit {}",
                site.list_url()
            );
            site.list_url()
        }
        Source::Page(page) => page.url().to_string(),
    };
    println!("  {program} status {url}");
    println!("  {program} search {QUERY}");
    println!(
        "  curl {meili}/indexes/speeches/search -H 'Content-Type: application/json' \
         -d '{{\"q\": \"{QUERY}\", \"locales\": [\"cmn\"], \"limit\": 3}}'"
    );
    println!("\nData and logs are in {}", folder.display());
}

/// Until a signal comes, which is how it is meant to end, or something ends by itself.
async fn stay(mill: &mut Mill) -> anyhow::Result<()> {
    let watch = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if let Err(error) = mill.check() {
                return error;
            }
        }
    };
    let ended = tokio::select! {
        signal = interrupted() => signal.map(|_| None)?,
        error = watch => Some(error),
    };
    match ended {
        None => {
            println!("\nending");
            Ok(())
        }
        Some(error) => {
            eprint!("{}", mill.tails());
            bail!(error)
        }
    }
}

/// Whether a terminal reads what we print.
fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}
