//! `cargo xtask chaos`: everything dies, freezes and is cut off, at random and bounded, while URLs are
//! crawled; then every accepted URL is compared with the end that its page was made for.
//!
//! What happens when follows from the seed alone. Nothing outside of 127.0.0.1 is talked to.

mod driver;
mod fate;
mod judge;
mod memory;
mod nodes;
mod plan;
mod scene;
mod site;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Serialize;
use tempfile::TempDir;

use crate::interrupt::unless_interrupted;
use crate::mill::binary;
use crate::tools;
use driver::Submitter;
use judge::Verdict;
use memory::{Growth, Memory};
use plan::{Kind, Scope};
use site::Site;
use world::World;

/// The part of the time in which pages are submitted; the rest is for changes alone. Half of that where
/// memory is measured: it may grow with what there is.
const GROWING: f64 = 2.0 / 3.0;
/// How long what was not accepted in time may take to be.
const LATE: Duration = Duration::from_secs(60);

/// Arguments of `cargo xtask chaos`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long faults go on; settling comes on top.
    #[arg(long, default_value_t = 4.0)]
    minutes: f64,
    /// Of the plan and of the site.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Three nats-servers in a cluster instead of one.
    #[arg(long)]
    cluster: bool,
    /// Kinds of faults, separated by commas; all where none is named. Without kills and crashes the
    /// memory of each role is measured, too.
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<Kind>,
    /// Pages of the site.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pages: u32,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
    /// Tell of every step when it is done.
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    verdict: Verdict,
    kills: u64,
    pauses: u64,
    cuts: u64,
    seed: u64,
    /// Everything that was done, by its name.
    acts: BTreeMap<String, u64>,
    /// Planned crashes that came to pass.
    crashes: u64,
    /// Roles that ended by themselves, though they found their servers.
    ended: Vec<String>,
    /// How often a role found no server when it started, and was started again.
    unreachable: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    memory: Vec<Growth>,
    plan: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    tools::ensure()?;
    let folder = TempDir::with_prefix("speechmill-chaos-")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let report = match runtime.block_on(chaos(args, &folder)) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("logs are in {}", folder.keep().display());
            return Err(error);
        }
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    for ended in &report.ended {
        eprintln!("ended by itself: {ended}");
    }
    if report.verdict.is_clean() && report.memory.iter().all(Growth::is_bounded) {
        return Ok(());
    }
    let verdict = &report.verdict;
    if !verdict.is_settled {
        eprintln!("not all came to its end");
    }
    for line in verdict.faults.iter().chain(&verdict.scene) {
        eprintln!("{line}");
    }
    bail!(
        "the promise was broken; logs are in {}",
        folder.keep().display()
    )
}

async fn chaos(args: &Args, folder: &TempDir) -> anyhow::Result<Report> {
    // A copy: whoever builds meanwhile changes nothing here.
    let program = folder.path().join("speechmill");
    std::fs::copy(binary::build(false)?, &program).context("copying the binary")?;
    let site = Site::start(args.pages as usize, args.seed).await;
    let num_nodes = if args.cluster { 3 } else { 1 };
    let hosts = site.hosts();
    let starting = World::start(program, folder.path(), num_nodes, &hosts);
    let mut world = unless_interrupted(starting).await?;
    let report = unless_interrupted(ordeal(args, &mut world, &site)).await;
    let stopped = world.stop().await;
    let report = report?;
    stopped.context("stopping")?;
    Ok(report)
}

async fn ordeal(args: &Args, world: &mut World, site: &Site) -> anyhow::Result<Report> {
    let kinds = kinds(args);
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    let steps = plan::plan(&Scope {
        seed: args.seed,
        kinds: &kinds,
        length,
        num_nodes: world.nodes.num(),
    });
    let replaces = |kind: &Kind| matches!(kind, Kind::None | Kind::Kills | Kind::Crashes);
    let is_measured = !kinds.iter().any(replaces);
    let submitter = Submitter {
        site,
        ways: world.nodes.ways(),
        seed: args.seed,
        length,
        growing: if is_measured { GROWING / 2.0 } else { GROWING },
    };
    let mut memory = Memory::of(world, is_measured);
    let submitting = submitter.run(length + LATE);
    let driving = driver::carry_out(world, site, &steps, args.verbose);
    let (done, accepted) = tokio::select! {
        never = memory.watch() => never,
        both = async { tokio::join!(driving, submitting) } => both,
    };
    let done = done?;
    for failed in &done.failed {
        eprintln!("not done: {failed}");
    }
    if args.verbose {
        for end in &world.unreachable {
            eprintln!("started again: {end}");
        }
    }
    let verdict = judge::settle(world, site, &accepted).await?;
    Ok(Report {
        verdict,
        kills: done.kills,
        pauses: done.pauses,
        cuts: done.cuts,
        seed: args.seed,
        acts: done.acts,
        crashes: world.num_crashes,
        unreachable: world.unreachable.len(),
        ended: std::mem::take(&mut world.strange),
        memory: memory.growth(),
        plan: steps.iter().map(ToString::to_string).collect(),
    })
}

fn kinds(args: &Args) -> Vec<Kind> {
    if !args.faults.is_empty() {
        return args.faults.clone();
    }
    let fits = |kind: &Kind| match kind {
        Kind::None => false,
        Kind::Partitions | Kind::Rolling => args.cluster,
        _ => true,
    };
    let all = Kind::value_variants().iter().copied();
    all.filter(fits).collect()
}

fn print(report: &Report) {
    let verdict = &report.verdict;
    println!(
        "{} URLs accepted: {} indexed, {} dead, {} skipped",
        verdict.accepted, verdict.indexed, verdict.dead, verdict.skipped
    );
    println!(
        "{} lost, {} doubled, {} stale, {} wrong; settled {} s after the last fault",
        verdict.lost, verdict.doubled, verdict.stale, verdict.wrong, verdict.settled_in
    );
    println!(
        "seed {}: {} kills, {} pauses, {} cuts; {:?}",
        report.seed, report.kills, report.pauses, report.cuts, report.acts
    );
    for growth in &report.memory {
        println!("{growth}");
    }
}
