//! The whole pipeline: from publishing the URLs of generated pages until all are searchable.
//!
//! Measured: the clock at the wall, and the CPU time and peak memory of our three roles alone,
//! since their start. Not measured: the servers, the web site (it is part of this process), and
//! the command that publishes. All of them share the machine's cores with the roles.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::sleep;

use super::site;
use crate::figures::rounded;
use crate::http;
use crate::interrupt::{Interrupted, unless_interrupted};
use crate::mill::{Mill, Options, binary};
use crate::usage;

const STEP: Duration = Duration::from_millis(50);
const SETTLING: Duration = Duration::from_secs(30);
const MIB: f64 = 1024.0 * 1024.0;

/// Arguments of `cargo xtask bench pipeline`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pages to crawl.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pages: u32,
    /// Seconds after which the rest is given up.
    #[arg(long, default_value_t = 900)]
    limit: u64,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    pages: u32,
    /// From publishing until the last page is searchable.
    seconds: f64,
    /// Of the three roles together.
    cpu_seconds: f64,
    pages_per_second: f64,
    pages_per_cpu_second: f64,
    /// Of the role that holds most.
    peak_rss_mb: f64,
    #[serde(skip)]
    roles: Vec<(String, usage::Usage)>,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let program = binary::build(true)?;
    let folder = TempDir::with_prefix("speechmill-bench-")?;
    let (site, urls) = site(args.pages).await;
    let list = folder.path().join("urls.txt");
    std::fs::write(&list, urls)?;
    let crawler = ["crawler", "--allow-address", &site.host()].map(ToOwned::to_owned);
    let options = Options {
        program,
        folder: folder.path().to_owned(),
        default_ports: false,
        roles: vec![
            crawler.to_vec(),
            vec!["extractor".to_owned()],
            vec!["indexer".to_owned()],
        ],
    };
    let mut mill = unless_interrupted(Mill::start(&options)).await?;
    let measured = unless_interrupted(measure(&mut mill, args, &list)).await;
    if let Err(error) = &measured
        && !error.is::<Interrupted>()
    {
        eprint!("{}", mill.tails());
    }
    mill.stop().await?;
    let report = measured?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

async fn measure(mill: &mut Mill, args: &Args, list: &Path) -> anyhow::Result<Report> {
    let list = list.to_str().context("a temporary folder in UTF-8")?;
    let start = Instant::now();
    let submitted = mill.run(&["submit", "--file", list]).await?;
    ensure!(
        submitted.status.success(),
        "`speechmill submit` failed ({})",
        submitted.status
    );
    wait(mill, args, start).await?;
    let took = start.elapsed();
    // What is left to do for these pages costs CPU time too.
    mill.wait_idle(SETTLING).await?;
    let mut roles = Vec::new();
    for role in &mill.roles {
        let pid = role.pid().context("a role ended by itself")?;
        roles.push((role.name().to_owned(), usage::of(pid)?));
    }
    let cpu: Duration = roles.iter().map(|(_, usage)| usage.cpu).sum();
    let peak = roles.iter().map(|(_, usage)| usage.peak_rss_bytes).max();
    let pages = f64::from(args.pages);
    Ok(Report {
        bench: "pipeline",
        pages: args.pages,
        seconds: rounded(took.as_secs_f64()),
        cpu_seconds: rounded(cpu.as_secs_f64()),
        pages_per_second: rounded(pages / took.as_secs_f64()),
        pages_per_cpu_second: rounded(pages / cpu.as_secs_f64()),
        peak_rss_mb: rounded(peak.unwrap_or_default() as f64 / MIB),
        roles,
    })
}

/// Until Meilisearch holds all: a document that it holds is searchable.
async fn wait(mill: &mut Mill, args: &Args, start: Instant) -> anyhow::Result<()> {
    let limit = Duration::from_secs(args.limit);
    loop {
        // There is no index before the first document: none, then.
        let found = num_documents(mill).await.unwrap_or_default();
        if found >= u64::from(args.pages) {
            return Ok(());
        }
        mill.check()?;
        if start.elapsed() >= limit {
            bail!("{found} of {} pages within {limit:?}", args.pages);
        }
        sleep(STEP).await;
    }
}

async fn num_documents(mill: &Mill) -> anyhow::Result<u64> {
    let url = format!("{}/indexes/speeches/stats", mill.meili.url());
    let stats: serde_json::Value = serde_json::from_str(&http::get(&url).await?)?;
    stats["numberOfDocuments"]
        .as_u64()
        .context("no numberOfDocuments in the stats of the index")
}

fn print(report: &Report) {
    println!("role       CPU seconds  peak RSS MB");
    for (name, usage) in &report.roles {
        println!(
            "{name:<9}  {:>11.2}  {:>11.1}",
            usage.cpu.as_secs_f64(),
            usage.peak_rss_bytes as f64 / MIB
        );
    }
    println!(
        "together   {:>11.2}  {:>11.1}  (the largest)",
        report.cpu_seconds, report.peak_rss_mb
    );
    println!(
        "\n{} pages in {:.2} s: {:.1} pages a second, {:.1} pages a CPU second",
        report.pages, report.seconds, report.pages_per_second, report.pages_per_cpu_second
    );
}
