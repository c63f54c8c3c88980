//! Builds `speechmill` and says where cargo put it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, ensure};

use crate::command;

/// Builds it; progress goes to standard error.
pub(crate) fn build(is_release: bool) -> anyhow::Result<PathBuf> {
    let mut args = vec!["build", "--package", "cli", "--bin", "speechmill"];
    if is_release {
        args.push("--release");
    }
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
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "speechmill")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo named no executable")
}
