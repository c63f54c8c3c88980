//! Copies among many speeches: how many are found, how many that are none, and what that costs.
//!
//! In: a set of our own, of texts, copies and look-alikes. Out: precision over all pairs that were put
//! together, recall by the kind of copy, time and memory a speech. Measured inside of an example of the
//! indexer, built for speed.

mod set;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Serialize;
use tempfile::TempDir;

use crate::figures::rounded;
use crate::mill::binary;
use set::{Kind, Set};

/// Arguments of `cargo xtask bench clusters`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Speeches in all.
    #[arg(long, default_value_t = 100_000)]
    speeches: usize,
    /// Another set of the same kind.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    speeches: usize,
    /// Of the pairs in one cluster, those of a text and its copy.
    precision: f64,
    recall: Recall,
    us_per_speech: f64,
    table_bytes_per_speech: f64,
}

/// Copies that are in the cluster of their text, by the percentage that was changed.
#[derive(Debug, Default, Serialize)]
struct Recall {
    #[serde(rename = "1")]
    one: f64,
    #[serde(rename = "5")]
    five: f64,
    #[serde(rename = "10")]
    ten: f64,
    #[serde(rename = "30")]
    thirty: f64,
    /// Cut to something between a third and nine tenths.
    truncated: f64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.speeches > 0, "there are no speeches");
    let program = binary::build_example("indexer", "clusters")?;
    let set = Set::new(args.seed);
    let folder = TempDir::with_prefix("speechmill-bench-")?;
    let file = folder.path().join("speeches");
    let mut out = BufWriter::new(File::create(&file)?);
    for number in 0..args.speeches {
        writeln!(out, "{}\t{}", set::id(number), set.speech(number).text)?;
    }
    out.into_inner()?;
    let output = Command::new(&program)
        .stdin(File::open(&file)?)
        .stderr(Stdio::inherit())
        .output()
        .context("the example can't be started")?;
    ensure!(output.status.success(), "the example failed");
    let report = judge(args.speeches, &set, &String::from_utf8(output.stdout)?)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// Compares the clusters with what the set knows.
fn judge(num_speeches: usize, set: &Set, answer: &str) -> anyhow::Result<Report> {
    let lines = answer.lines().filter_map(|line| line.split_once('\t'));
    let lines: Vec<(&str, &str)> = lines.collect();
    ensure!(lines.len() == num_speeches + 1, "the answer is short");
    let (costs, clusters) = lines.split_last().context("there is no answer")?;
    let mut sizes: HashMap<&str, u64> = HashMap::new();
    let mut kinds: HashMap<Kind, (u64, u64)> = HashMap::new();
    for (number, (_, cluster)) in clusters.iter().enumerate() {
        *sizes.entry(cluster).or_default() += 1;
        let kind = set.speech(number).kind;
        let (found, all) = kinds.entry(kind).or_default();
        *all += 1;
        *found += u64::from(kind.is_copy() && *cluster == clusters[set::base_of(number)].1);
    }
    let pairs: u64 = sizes.values().map(|size| size * (size - 1) / 2).sum();
    let right: u64 = kinds.values().map(|(found, _)| found).sum();
    let recall = |kind| {
        let (found, all) = kinds.get(&kind).copied().unwrap_or_default();
        share(found, all)
    };
    Ok(Report {
        bench: "clusters",
        speeches: num_speeches,
        precision: share(right, pairs),
        recall: Recall {
            one: recall(Kind::Edited(1)),
            five: recall(Kind::Edited(5)),
            ten: recall(Kind::Edited(10)),
            thirty: recall(Kind::Edited(30)),
            truncated: recall(Kind::Truncated),
        },
        us_per_speech: rounded(costs.0.parse::<f64>()? * 1e6 / num_speeches as f64),
        table_bytes_per_speech: rounded(costs.1.parse::<f64>()? / num_speeches as f64),
    })
}

/// Of nothing everything is right.
fn share(part: u64, all: u64) -> f64 {
    if all == 0 {
        return 1.0;
    }
    rounded(part as f64 / all as f64)
}

fn print(report: &Report) {
    let Report {
        speeches,
        precision,
        recall,
        us_per_speech,
        table_bytes_per_speech,
        ..
    } = report;
    println!("{speeches} speeches: precision {precision}");
    for (kind, recall) in [
        ("1 % changed", recall.one),
        ("5 % changed", recall.five),
        ("10 % changed", recall.ten),
        ("30 % changed", recall.thirty),
        ("cut", recall.truncated),
    ] {
        println!("recall, {kind}: {recall}");
    }
    println!("{us_per_speech} µs and {table_bytes_per_speech} bytes a speech");
}
