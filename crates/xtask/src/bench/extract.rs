//! The extraction alone: what a page costs, against nothing but parsing it, and how much memory
//! `speechmill extract --jsonl` holds while a long input runs through it.
//!
//! Measured: CPU time, of the same pages in turns, so that a machine that slows down slows both.

mod pages;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::figures::rounded;
use crate::interrupt::unless_interrupted;
use crate::mill::binary;
use crate::usage;
use pages::Page;

/// Pages of a turn, at least.
const TURN_PAGES: usize = 1_000;

/// Turns of either.
const TURNS: u32 = 5;

/// Between two looks at a process that is about to end.
const STEP: Duration = Duration::from_millis(5);

/// Arguments of `cargo xtask bench extract`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pages as `speechmill extract --jsonl` reads them, packed (.gz) or not; without it the golden pages
    /// of the extractor.
    #[arg(long)]
    input: Option<std::path::PathBuf>,
    /// MiB of pages that are fed for the peak of memory.
    #[arg(long, default_value_t = 1_024)]
    feed: u64,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    pages: usize,
    pages_per_cpu_second: f64,
    /// Bodies, in units of 10^6 bytes.
    mb_per_cpu_second: f64,
    /// CPU time of an extraction to that of parsing.
    times_parse: f64,
    /// Share of the pages that were worth a second opinion.
    second_opinion_share: f64,
    /// The most memory that was held for a long input, in units of 10^6 bytes.
    peak_rss_mb: f64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let pages = match &args.input {
        Some(file) => pages::of_file(file)?,
        None => pages::golden()?,
    };
    ensure!(!pages.is_empty(), "there are no pages");
    let program = binary::build(true)?;
    let speed = binary::build_example("extractor", "speed")?;
    let folder = TempDir::with_prefix("speechmill-bench-")?;
    let list = pages::list(&pages, folder.path())?;
    let report = unless_interrupted(async {
        let mut report = measure(&speed, &list, &pages).await?;
        let peak = peak(&program, &pages, args.feed << 20).await?;
        report.peak_rss_mb = rounded(peak as f64 / 1e6);
        Ok(report)
    });
    let report = report.await?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// Extraction and parsing in turns.
async fn measure(speed: &Path, list: &Path, pages: &[Page]) -> anyhow::Result<Report> {
    let mut runner = Runner::start(speed, list)?;
    let passes = TURN_PAGES.div_ceil(pages.len());
    let num_asked: usize = runner.ask("asked").await?.parse()?;
    let (mut extracting, mut parsing) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..TURNS {
        extracting += runner.time(&format!("extract {passes}")).await?;
        parsing += runner.time(&format!("parse {passes}")).await?;
    }
    let num_pages = (passes * pages.len()) as f64 * f64::from(TURNS);
    let bytes: usize = pages.iter().map(|page| page.body.len()).sum();
    let megabytes = (passes * bytes) as f64 * f64::from(TURNS) / 1e6;
    let seconds = extracting.as_secs_f64();
    Ok(Report {
        bench: "extract",
        pages: pages.len(),
        pages_per_cpu_second: rounded(num_pages / seconds),
        mb_per_cpu_second: rounded(megabytes / seconds),
        times_parse: rounded(seconds / parsing.as_secs_f64()),
        second_opinion_share: rounded(num_asked as f64 / pages.len() as f64),
        peak_rss_mb: 0.0,
    })
}

/// The example, which does what it is told.
struct Runner {
    child: Child,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Runner {
    fn start(speed: &Path, list: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(speed)
            .arg(list)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().context("no standard input")?;
        let stdout = child.stdout.take().context("no standard output")?;
        Ok(Self {
            child,
            stdin,
            answers: BufReader::new(stdout).lines(),
        })
    }

    async fn ask(&mut self, command: &str) -> anyhow::Result<String> {
        self.stdin.write_all(command.as_bytes()).await?;
        self.stdin.write_all(b"\n").await?;
        let answer = self.answers.next_line().await?;
        answer.context("the example ended by itself")
    }

    /// The CPU time that a command takes.
    async fn time(&mut self, command: &str) -> anyhow::Result<Duration> {
        let pid = self.child.id().context("the example ended by itself")?;
        let before = usage::of(pid)?.cpu;
        self.ask(command).await?;
        Ok(usage::of(pid)?.cpu.saturating_sub(before))
    }
}

/// The most memory that `speechmill extract --jsonl` holds for so many bytes of pages, over and over.
async fn peak(program: &Path, pages: &[Page], bytes: u64) -> anyhow::Result<u64> {
    let lines: Vec<String> = pages.iter().map(Page::to_line).collect();
    let mut child = Command::new(program)
        .args(["extract", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().context("`speechmill extract` ended by itself")?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let mut fed = 0;
    for line in lines.iter().cycle() {
        if fed >= bytes {
            break;
        }
        stdin.write_all(line.as_bytes()).await?;
        fed += line.len() as u64;
    }
    let mut peak = usage::of(pid)?.peak_rss_bytes;
    drop(stdin);
    let status = loop {
        if let Ok(status) = timeout(STEP, child.wait()).await {
            break status?;
        }
        // It may end between the two, and then has no memory.
        peak = usage::of(pid).map_or(peak, |usage| usage.peak_rss_bytes);
    };
    ensure!(status.success(), "`speechmill extract` failed ({status})");
    Ok(peak)
}

fn print(report: &Report) {
    let rows = [
        ("pages a CPU second", report.pages_per_cpu_second),
        ("MB a CPU second", report.mb_per_cpu_second),
        ("times the parsing alone", report.times_parse),
        ("share with a second opinion", report.second_opinion_share),
        ("peak of memory, MB", report.peak_rss_mb),
    ];
    for (name, value) in rows {
        println!("{name:<28}{value:>10.2}");
    }
    println!("\n{} pages", report.pages);
}
