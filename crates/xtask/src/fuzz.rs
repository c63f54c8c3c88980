//! `cargo xtask fuzz`: each target of the crate `fuzz` in a process of its own.
//!
//! What a process can't catch of itself is seen from here: an execution of more than a second, an abort,
//! more than 512 MB. The input that did it is kept as a file and named.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::command::{self, cargo, root};
use crate::usage;

/// Of the crate `fuzz`.
const TARGETS: [&str; 7] = [
    "url",
    "charset",
    "extraction",
    "date",
    "message",
    "robots",
    "sitemap",
];

/// An execution may take so much CPU time: other work on the machine makes nothing a hang.
const MAX_EXECUTION: Duration = Duration::from_secs(1);

/// An execution that waits for something uses none.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Between two looks at a process.
const STEP: Duration = Duration::from_millis(50);

/// Executions of one process: the next one has the next seed.
const ROUND: u64 = 2_000;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this target.
    #[arg(long, value_parser = TARGETS)]
    target: Option<String>,
    /// Executions of each target, at most.
    #[arg(long, default_value_t = 20_000)]
    executions: u64,
    /// CPU seconds for each target, at most.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Decides the inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object a target.
    #[arg(long)]
    json: bool,
}

/// What came of a target.
#[derive(Debug, Serialize)]
struct Report {
    target: String,
    executions: u64,
    cpu_seconds: u64,
    /// Of CPU time.
    per_second: u64,
    /// `panic`, `abort` (memory among them), `hang`; none if nothing was found.
    failure: Option<&'static str>,
    /// The file that holds the input.
    input: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let build = ["build", "--quiet", "--release", "--package", "fuzz"];
    command::run_quietly(&mut cargo(&build))?;
    let mut failed = Vec::new();
    for target in TARGETS {
        if args.target.as_deref().is_some_and(|only| only != target) {
            continue;
        }
        let report = fuzz(target, args)?;
        if args.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            let (executions, seconds) = (report.executions, report.cpu_seconds);
            println!("{target}: {executions} executions in {seconds} CPU seconds");
        }
        if let (Some(failure), Some(input)) = (report.failure, report.input) {
            eprintln!("{target}: {failure}: {input}");
            failed.push(target);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn fuzz(target: &str, args: &Args) -> anyhow::Result<Report> {
    let folder = target_folder().join("fuzz");
    fs::create_dir_all(&folder)?;
    let current = folder.join(format!("{target}.current"));
    let begun = usage::of_children()?;
    let mut report = Report {
        target: target.to_owned(),
        executions: 0,
        cpu_seconds: 0,
        per_second: 0,
        failure: None,
        input: None,
    };
    let mut seed = args.seed;
    while report.executions < args.executions && report.cpu_seconds < args.seconds {
        let round = ROUND.min(args.executions - report.executions);
        let child = start(target, round, seed, &current)?;
        if let Some(failure) = watch(child, &current)? {
            let kept = folder.join(format!("{target}-{seed}-{failure}"));
            fs::copy(&current, &kept)?;
            report.failure = Some(failure);
            report.input = Some(kept.display().to_string());
            break;
        }
        report.executions += round;
        report.cpu_seconds = usage::of_children()?.saturating_sub(begun).as_secs();
        seed = seed.wrapping_add(1);
    }
    report.per_second = report.executions / report.cpu_seconds.max(1);
    Ok(report)
}

fn target_folder() -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}

fn start(target: &str, executions: u64, seed: u64, current: &Path) -> anyhow::Result<Child> {
    let program = target_folder().join("release/fuzz");
    let mut command = Command::new(&program);
    command.args([target, &executions.to_string(), &seed.to_string()]);
    let child = command.arg(current).stdin(Stdio::null()).spawn();
    child.with_context(|| format!("{} can't be started", program.display()))
}

/// Waits for the end, or ends what stays at one input for too long; the failure, if it was one.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no other work for this thread"
)]
fn watch(mut child: Child, current: &Path) -> anyhow::Result<Option<&'static str>> {
    let mut since = (None, Instant::now(), Duration::ZERO);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(failure(status));
        }
        let written = fs::metadata(current).and_then(|it| it.modified()).ok();
        // It may have ended since we asked.
        let cpu = usage::of(child.id()).map_or(since.2, |usage| usage.cpu);
        if written != since.0 {
            since = (written, Instant::now(), cpu);
        } else if cpu.saturating_sub(since.2) > MAX_EXECUTION || since.1.elapsed() > MAX_WAIT {
            child.kill()?;
            child.wait()?;
            return Ok(Some("hang"));
        }
        std::thread::sleep(STEP);
    }
}

/// A panic ends a process with a code of its own, an abort with none.
fn failure(status: ExitStatus) -> Option<&'static str> {
    match status.code() {
        Some(0) => None,
        Some(_) => Some("panic"),
        None => Some("abort"),
    }
}
