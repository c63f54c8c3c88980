//! Builds `speechmill` and says where cargo put it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, ensure};

use crate::command;

/// Builds it; progress goes to standard error.
pub(crate) fn build(is_release: bool) -> anyhow::Result<PathBuf> {
    let profile = if is_release { "release" } else { "dev" };
    cargo_build(&[
        "--package",
        "cli",
        "--bin",
        "speechmill",
        "--profile",
        profile,
    ])
}

/// Builds an example of a crate for speed.
pub(crate) fn build_example(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    cargo_build(&[
        "--package",
        package,
        "--example",
        name,
        "--profile",
        "release",
    ])
}

fn cargo_build(what: &[&str]) -> anyhow::Result<PathBuf> {
    let mut args = [&["build"], what].concat();
    eprintln!("$ cargo {}", args.join(" "));
    // The target folder may be anywhere: cargo knows.
    args.push("--message-format=json-render-diagnostics");
    let output = command::cargo(&args)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo can't be started")?;
    ensure!(
        output.status.success(),
        "`cargo build` failed ({})",
        output.status
    );
    let messages = String::from_utf8(output.stdout)?;
    let mut executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    // What it was built from comes before it.
    executables.next_back().context("cargo named no executable")
}
