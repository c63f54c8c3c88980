//! The crawler alone: from publishing the URLs of generated pages until the last page is stored, with
//! no pause between requests, against nothing but fetching them with the same client.
//!
//! Measured: the clock at the wall, and the CPU time of the role and of the bare fetcher. The bare
//! fetcher runs before and after, so that a machine that slows down slows both. The broker and the
//! web site share the machine's cores with either.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::sleep;
use worker::topology::PAGES;

use super::site;
use crate::figures::rounded;
use crate::interrupt::{Interrupted, unless_interrupted};
use crate::mill::{Mill, Options, binary};
use crate::usage;

const STEP: Duration = Duration::from_millis(10);

/// As many at once as the crawler's default.
const CONCURRENCY: &str = "32";

/// Arguments of `cargo xtask bench crawl`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pages to crawl.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pages: u32,
    /// Seconds after which the rest is given up.
    #[arg(long, default_value_t = 300)]
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
    /// Pages a second of the crawler to those of bare fetching.
    ratio: f64,
    pages_per_second: f64,
    pages_per_cpu_second: f64,
    bare_pages_per_second: f64,
    bare_pages_per_cpu_second: f64,
}

/// What one way of fetching took.
#[derive(Debug, Clone, Copy)]
struct Taken {
    seconds: f64,
    cpu_seconds: f64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let program = binary::build(true)?;
    let bare = binary::build_example("crawler", "bare")?;
    let folder = TempDir::with_prefix("speechmill-bench-")?;
    let (site, urls) = site(args.pages).await;
    let list = folder.path().join("urls.txt");
    std::fs::write(&list, urls)?;
    let options = Options {
        program,
        folder: folder.path().to_owned(),
        default_ports: false,
        roles: vec![
            ["crawler", "--allow-address", &site.host()]
                .map(ToOwned::to_owned)
                .to_vec(),
        ],
    };
    let before = unless_interrupted(fetch(&bare, &list)).await?;
    let mut mill = unless_interrupted(Mill::start(&options)).await?;
    let crawled = unless_interrupted(crawl(&mut mill, args, &list)).await;
    if let Err(error) = &crawled
        && !error.is::<Interrupted>()
    {
        eprint!("{}", mill.tails());
    }
    mill.stop().await?;
    let crawled = crawled?;
    let after = unless_interrupted(fetch(&bare, &list)).await?;
    let report = report(args.pages, crawled, [before, after]);
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// Fetches all and does nothing with them.
async fn fetch(bare: &Path, list: &Path) -> anyhow::Result<Taken> {
    let mut child = Command::new(bare)
        .arg(CONCURRENCY)
        .arg(list)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = child.stdout.take().context("no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    let seconds = line.trim().parse().context("the bare fetcher failed")?;
    let pid = child.id().context("the bare fetcher ended by itself")?;
    let cpu_seconds = usage::of(pid)?.cpu.as_secs_f64();
    drop(child.stdin.take());
    let status = child.wait().await?;
    ensure!(status.success(), "the bare fetcher failed ({status})");
    Ok(Taken {
        seconds,
        cpu_seconds,
    })
}

/// Publishes all and waits until the broker holds every page.
async fn crawl(mill: &mut Mill, args: &Args, list: &Path) -> anyhow::Result<Taken> {
    let broker = mill.connect("bench").await?;
    let list = list.to_str().context("a temporary folder in UTF-8")?;
    let pid = mill.roles[0].pid().context("the crawler ended by itself")?;
    let idle = usage::of(pid)?.cpu;
    let start = Instant::now();
    let submitted = mill.run(&["submit", "--file", list]).await?;
    ensure!(submitted.status.success(), "`speechmill submit` failed");
    loop {
        let state = broker.stream_state(PAGES).await?;
        let num_pages = state.map_or(0, |state| state.num_messages);
        if num_pages >= u64::from(args.pages) {
            break;
        }
        mill.check()?;
        if start.elapsed() >= Duration::from_secs(args.limit) {
            bail!(
                "{num_pages} of {} pages within {} s",
                args.pages,
                args.limit
            );
        }
        sleep(STEP).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let cpu_seconds = usage::of(pid)?.cpu.saturating_sub(idle).as_secs_f64();
    Ok(Taken {
        seconds,
        cpu_seconds,
    })
}

fn report(num_pages: u32, crawled: Taken, bare: [Taken; 2]) -> Report {
    let pages = f64::from(num_pages);
    let bare_seconds = f64::midpoint(bare[0].seconds, bare[1].seconds);
    let bare_cpu_seconds = f64::midpoint(bare[0].cpu_seconds, bare[1].cpu_seconds);
    Report {
        bench: "crawl",
        pages: num_pages,
        ratio: rounded(bare_seconds / crawled.seconds),
        pages_per_second: rounded(pages / crawled.seconds),
        pages_per_cpu_second: rounded(pages / crawled.cpu_seconds),
        bare_pages_per_second: rounded(pages / bare_seconds),
        bare_pages_per_cpu_second: rounded(pages / bare_cpu_seconds),
    }
}

fn print(report: &Report) {
    println!("               pages a second  pages a CPU second");
    println!(
        "bare fetching  {:>14.0}  {:>18.0}",
        report.bare_pages_per_second, report.bare_pages_per_cpu_second
    );
    println!(
        "crawler        {:>14.0}  {:>18.0}",
        report.pages_per_second, report.pages_per_cpu_second
    );
    println!("\n{} pages; ratio {:.2}", report.pages, report.ratio);
}
