//! The indexer against a bulk load by hand: what it costs on top of Meilisearch.
//!
//! In: generated speeches that wait in SPEECHES. Measured, each with servers of its own: one indexer
//! and three, from their start until all is searchable; and a client that posts the same documents
//! in large payloads, settings first, and waits for its tasks. Then one speech at a time, both ways.

mod hand;
mod speeches;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::sleep;

use super::rounded;
use crate::http;
use crate::interrupt::{Interrupted, unless_interrupted};
use crate::mill::{Mill, Options, binary};
use crate::usage;
use hand::Documents;

const STEP: Duration = Duration::from_millis(20);
/// Between two looks for a single document.
const FINE_STEP: Duration = Duration::from_millis(2);
const SINGLES: usize = 7;
const SETTLING: Duration = Duration::from_secs(30);
const MIB: f64 = 1024.0 * 1024.0;

/// Arguments of `cargo xtask bench index`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Speeches to index.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    speeches: u32,
    /// Seconds after which the rest is given up, each time.
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
    speeches: u32,
    /// The rate of one indexer over that of the load by hand.
    ratio: f64,
    /// The same of three processes.
    ratio_three: f64,
    /// Of the indexer that held most.
    peak_rss_mb: f64,
    /// CPU time of one indexer for a speech.
    cpu_ms: f64,
    /// From a publish to a searchable document, over the same by hand; medians.
    single_ms_over: f64,
    hand_seconds: f64,
    one_seconds: f64,
    three_seconds: f64,
}

/// One way in.
struct Leg {
    took: Duration,
    peak_rss_bytes: u64,
    cpu: Duration,
    documents: Documents,
    single_ms_over: f64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let program = binary::build(true)?;
    let one = leg(args, &program, 1).await?;
    let by_hand = unless_interrupted(hand::load(&one.documents)).await?;
    let three = leg(args, &program, 3).await?;
    let ratio = |leg: &Leg| rounded(by_hand.as_secs_f64() / leg.took.as_secs_f64());
    let peak = one.peak_rss_bytes.max(three.peak_rss_bytes);
    let report = Report {
        bench: "index",
        speeches: args.speeches,
        ratio: ratio(&one),
        ratio_three: ratio(&three),
        peak_rss_mb: rounded(peak as f64 / MIB),
        cpu_ms: rounded(one.cpu.as_secs_f64() * 1_000.0 / f64::from(args.speeches)),
        single_ms_over: rounded(one.single_ms_over),
        hand_seconds: rounded(by_hand.as_secs_f64()),
        one_seconds: rounded(one.took.as_secs_f64()),
        three_seconds: rounded(three.took.as_secs_f64()),
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

async fn leg(args: &Args, program: &Path, num_indexers: usize) -> anyhow::Result<Leg> {
    let folder = TempDir::with_prefix("speechmill-bench-")?;
    let options = Options {
        program: program.to_owned(),
        folder: folder.path().to_owned(),
        default_ports: false,
        roles: Vec::new(),
    };
    let mut mill = unless_interrupted(Mill::start(&options)).await?;
    let work = measure(&mut mill, args, num_indexers, folder.path());
    let measured = unless_interrupted(work).await;
    if let Err(error) = &measured
        && !error.is::<Interrupted>()
    {
        eprint!("{}", mill.tails());
    }
    mill.stop().await?;
    measured
}

async fn measure(
    mill: &mut Mill,
    args: &Args,
    num_indexers: usize,
    folder: &Path,
) -> anyhow::Result<Leg> {
    let broker = speeches::connect(mill).await?;
    let num_speeches = args.speeches as usize;
    speeches::publish(&broker, 0..num_speeches).await?;
    let start = Instant::now();
    for number in 0..num_indexers {
        mill.spawn(
            &["indexer".to_owned()],
            &format!("indexer-{number}"),
            folder,
        )?;
    }
    wait(mill, args, start).await?;
    let took = start.elapsed();
    mill.wait_idle(SETTLING).await?;
    let index = format!("{}/indexes/speeches", mill.meili.url());
    let mut leg = Leg {
        took,
        peak_rss_bytes: 0,
        cpu: used_cpu(mill)?,
        documents: Documents::default(),
        single_ms_over: 0.0,
    };
    if num_indexers == 1 {
        leg.documents = Documents::read(&index, num_speeches).await?;
        let mut over = Vec::new();
        for number in (num_speeches..).take(SINGLES) {
            let by_hand = hand::single(&index, &leg.documents, number).await?;
            let start = Instant::now();
            let ids = speeches::publish(&broker, number..number + 1).await?;
            until_there(&index, &ids[0]).await?;
            over.push((start.elapsed().as_secs_f64() - by_hand.as_secs_f64()) * 1_000.0);
        }
        over.sort_by(f64::total_cmp);
        leg.single_ms_over = over[over.len() / 2];
    }
    for role in &mill.roles {
        let pid = role.pid().context("an indexer ended by itself")?;
        leg.peak_rss_bytes = leg.peak_rss_bytes.max(usage::of(pid)?.peak_rss_bytes);
    }
    broker.close(Duration::from_secs(2)).await;
    Ok(leg)
}

/// Of all indexers.
fn used_cpu(mill: &Mill) -> anyhow::Result<Duration> {
    let pids = mill.roles.iter().filter_map(crate::mill::Role::pid);
    pids.map(|pid| Ok(usage::of(pid)?.cpu)).sum()
}

/// Until Meilisearch holds all: a document that it holds is searchable.
async fn wait(mill: &mut Mill, args: &Args, start: Instant) -> anyhow::Result<()> {
    let url = format!("{}/indexes/speeches/stats", mill.meili.url());
    let limit = Duration::from_secs(args.limit);
    loop {
        // There is no index before the first document: none, then.
        let stats = http::get(&url).await.unwrap_or_default();
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap_or_default();
        let found = stats["numberOfDocuments"].as_u64().unwrap_or_default();
        if found >= u64::from(args.speeches) {
            return Ok(());
        }
        mill.check()?;
        if start.elapsed() >= limit {
            bail!("{found} of {} speeches within {limit:?}", args.speeches);
        }
        sleep(STEP).await;
    }
}

/// Until a document is there.
async fn until_there(index: &str, id: &str) -> anyhow::Result<()> {
    let url = format!("{index}/documents/{id}?fields=id");
    let until = Instant::now() + SETTLING;
    while http::get(&url).await.is_err() {
        if Instant::now() >= until {
            bail!("{id} is not there within {SETTLING:?}");
        }
        sleep(FINE_STEP).await;
    }
    Ok(())
}

fn print(report: &Report) {
    println!("way             seconds  speeches a second  of the rate by hand");
    for (way, seconds, ratio) in [
        ("by hand", report.hand_seconds, 1.0),
        ("one indexer", report.one_seconds, report.ratio),
        ("three indexers", report.three_seconds, report.ratio_three),
    ] {
        let rate = f64::from(report.speeches) / seconds;
        println!("{way:<14}  {seconds:>7.2}  {rate:>17.1}  {ratio:>19.3}");
    }
    println!(
        "\npeak memory of an indexer: {:.1} MB; CPU: {:.2} ms a speech; a single speech: {:.0} ms \
         over a document by hand",
        report.peak_rss_mb, report.cpu_ms, report.single_ms_over
    );
}
