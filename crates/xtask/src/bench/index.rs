//! The indexer against a bulk load by hand: what it costs on top of Meilisearch.
//!
//! In: generated speeches that wait in SPEECHES. Measured, each with servers of its own: one indexer
//! and three, from their start until all is searchable; and a client that posts the same documents
//! in large payloads, settings first, and waits for its tasks. One speech at a time, both ways.
//!
//! A machine's speed drifts within minutes. So a round loads by hand after one indexer and after three,
//! and compares with the mean of both; what is reported is the median of the rounds. And each finds
//! memory that was just in use: see [`WarmMemory`].

mod hand;
mod speeches;
mod warm;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::figures::{median, rounded};
use crate::http;
use crate::interrupt::{Interrupted, unless_interrupted};
use crate::mill::{Mill, Options, binary};
use crate::usage;
use hand::Documents;
use warm::WarmMemory;

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
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Seconds after which the rest is given up, each time.
    #[arg(long, default_value_t = 900)]
    limit: u64,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

/// What was measured: medians of the rounds, but for the peak.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    speeches: u32,
    /// The rate of one indexer over that of the load by hand.
    ratio: f64,
    /// The same of three processes.
    ratio_three: f64,
    /// Of the indexer that ever held most.
    peak_rss_mb: f64,
    /// CPU time of one indexer for a speech.
    cpu_ms: f64,
    /// From a publish to a searchable document, over the same by hand.
    single_ms_over: f64,
    rounds: Vec<Round>,
}

/// One indexer, three, and a load by hand after each.
#[derive(Debug, Serialize)]
struct Round {
    ratio: f64,
    ratio_three: f64,
    one_seconds: f64,
    three_seconds: f64,
    hand_seconds: [f64; 2],
    #[serde(skip)]
    one: Leg,
    #[serde(skip)]
    three: Leg,
}

/// One way in.
#[derive(Debug)]
struct Leg {
    took: Duration,
    peak_rss_bytes: u64,
    cpu: Duration,
    single_ms_over: f64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let program = binary::build(true)?;
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        rounds.push(round(args, &program).await?);
    }
    let of = |value: fn(&Round) -> f64| rounded(median(rounds.iter().map(value)));
    let legs = rounds.iter().flat_map(|round| [&round.one, &round.three]);
    let peak = legs.map(|leg| leg.peak_rss_bytes).max().unwrap_or_default();
    let cpu_ms = of(|round| round.one.cpu.as_secs_f64() * 1_000.0);
    let report = Report {
        bench: "index",
        speeches: args.speeches,
        ratio: of(|round| round.ratio),
        ratio_three: of(|round| round.ratio_three),
        peak_rss_mb: rounded(peak as f64 / MIB),
        cpu_ms: rounded(cpu_ms / f64::from(args.speeches)),
        single_ms_over: of(|round| round.one.single_ms_over),
        rounds,
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

async fn round(args: &Args, program: &Path) -> anyhow::Result<Round> {
    let (one, documents) = leg(args, program, 1).await?;
    let first = unless_interrupted(hand::load(&documents)).await?;
    let (three, _) = leg(args, program, 3).await?;
    let second = unless_interrupted(hand::load(&documents)).await?;
    let by_hand = [first, second].map(|it| it.as_secs_f64());
    let ratio = |leg: &Leg| rounded(by_hand.iter().sum::<f64>() / 2.0 / leg.took.as_secs_f64());
    Ok(Round {
        ratio: ratio(&one),
        ratio_three: ratio(&three),
        one_seconds: rounded(one.took.as_secs_f64()),
        three_seconds: rounded(three.took.as_secs_f64()),
        hand_seconds: by_hand.map(rounded),
        one,
        three,
    })
}

async fn leg(args: &Args, program: &Path, num_indexers: usize) -> anyhow::Result<(Leg, Documents)> {
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
) -> anyhow::Result<(Leg, Documents)> {
    let broker = speeches::connect(mill).await?;
    let num_speeches = args.speeches as usize;
    speeches::publish(&broker, 0..num_speeches).await?;
    let warm = WarmMemory::take();
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
    drop(warm);
    mill.wait_idle(SETTLING).await?;
    let index = format!("{}/indexes/speeches", mill.meili.url());
    let mut leg = Leg {
        took,
        peak_rss_bytes: 0,
        cpu: used_cpu(mill)?,
        single_ms_over: 0.0,
    };
    let mut documents = Documents::default();
    if num_indexers == 1 {
        documents = Documents::read(&index, num_speeches).await?;
        let mut over = Vec::new();
        for number in (num_speeches..).take(SINGLES) {
            let by_hand = hand::single(&index, &documents, number).await?;
            let start = Instant::now();
            let ids = speeches::publish(&broker, number..number + 1).await?;
            until_there(&index, &ids[0]).await?;
            over.push((start.elapsed().as_secs_f64() - by_hand.as_secs_f64()) * 1_000.0);
        }
        leg.single_ms_over = median(over);
    }
    for role in &mill.roles {
        let pid = role.pid().context("an indexer ended by itself")?;
        leg.peak_rss_bytes = leg.peak_rss_bytes.max(usage::of(pid)?.peak_rss_bytes);
    }
    broker.close(Duration::from_secs(2)).await;
    Ok((leg, documents))
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
    println!("round  by hand, seconds  one indexer  of the rate by hand  three  of the rate");
    for (number, round) in (1..).zip(&report.rounds) {
        let [first, second] = round.hand_seconds;
        println!(
            "{number:>5}  {first:>7.2} {second:>7.2}  {:>11.2}  {:>19.3}  {:>5.2}  {:>11.3}",
            round.one_seconds, round.ratio, round.three_seconds, round.ratio_three
        );
    }
    println!(
        "\nmedian: one indexer {:.3} of the rate by hand, three {:.3}; peak memory of an indexer: \
         {:.1} MB; CPU: {:.2} ms a speech; a single speech: {:.0} ms over a document by hand",
        report.ratio, report.ratio_three, report.peak_rss_mb, report.cpu_ms, report.single_ms_over
    );
}
