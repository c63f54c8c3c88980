//! The project's own commands: `cargo xtask tools | test | demo | bench | chaos | fuzz`.
//!
//! In: a sub-command. Out: what it prints, and the exit code of the step that failed. Each
//! sub-command has a file of its own; nothing here is part of the program that we ship.

mod bench;
mod chaos;
mod command;
mod demo;
mod dice;
mod figures;
mod fuzz;
mod http;
mod interrupt;
mod mill;
mod test;
mod tools;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::interrupt::Interrupted;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "speechmill's own commands",
    bin_name = "cargo xtask"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch nats-server and Meilisearch into .tools, verified; quick when they are there.
    Tools,
    /// Check format and lints, then run all tests.
    Test(test::Args),
    /// Crawl a small web site on this machine from end to end and leave it running.
    Demo(demo::Args),
    /// Measure one thing and print the numbers.
    Bench(bench::Args),
    /// Kill, freeze and cut off everything at random for a while, and show that no URL was lost.
    Chaos(chaos::Args),
    /// Feed the parsers made-up bytes, each target in a process of its own.
    Fuzz(fuzz::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Tools => tools::run(),
        Command::Test(args) => test::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Chaos(args) => chaos::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            match error.downcast_ref::<Interrupted>() {
                Some(signal) => ExitCode::from(signal.exit_code()),
                None => command::exit_code(&error),
            }
        }
    }
}
