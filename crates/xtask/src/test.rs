//! `cargo xtask test`: format, lints, tools, tests; stops at the first step that fails.
//!
//! The test runner writes straight to our output, its closing lines included: they come last.

use std::process::{Command, Stdio};

use crate::{command, tools};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Skip the format and lint checks.
    #[arg(long)]
    only_tests: bool,
    /// Passed on to the test runner: a name, `-p crate`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    runner: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if !args.only_tests {
        command::run(&mut command::cargo(&["fmt", "--all", "--check"]))?;
        command::run(&mut command::cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    tools::run()?;
    let mut tests = if has_nextest() {
        command::cargo(&["nextest", "run"])
    } else {
        command::cargo(&["test"])
    };
    // `-p crate` narrows the run, which --workspace would forbid.
    if !args
        .runner
        .iter()
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
    {
        tests.arg("--workspace");
    }
    command::run(tests.args(&args.runner))
}

fn has_nextest() -> bool {
    let mut command: Command = command::cargo(&["nextest", "--version"]);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
