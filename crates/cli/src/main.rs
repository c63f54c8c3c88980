//! The binary `speechmill`: every role and every operator's command.
//!
//! In: arguments, environment, standard input. Out: data on standard output, everything else on
//! standard error, and the exit codes of the public contract. The work itself is done elsewhere.

mod commands;
mod confirm;
mod exit;
mod fate;
mod hosts;
mod output;
mod role;
mod signals;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::exit::End;

/// Collects Chinese speeches: URLs go onto a queue, cleaned speeches come out of a search index.
#[derive(Parser)]
#[command(
    name = "speechmill",
    version,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Exit codes: 0 done; 1 the work failed or nothing was found; 64 usage or \
configuration; 69 NATS or Meilisearch unreachable; 77 key refused; 130, 143 ended by a signal."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine: NATS, Meilisearch, and all roles in one process
    Up(commands::up::Args),
    /// Run the role that admits URLs and fetches pages
    Crawler(commands::roles::CrawlerArgs),
    /// Run the role that turns pages into speeches
    Extractor(commands::roles::ExtractorArgs),
    /// Run the role that puts speeches into Meilisearch
    Indexer(commands::roles::IndexerArgs),
    /// Publish URLs to crawl
    Submit(commands::submit::Args),
    /// Show where everything is, or where one URL is and why
    Status(commands::status::Args),
    /// Search the speeches
    Search(commands::search::Args),
    /// Tell what is in the index: kinds, years, sites, and what is not whole
    Stats(commands::stats::Args),
    /// List, set or cancel what is crawled again and again
    Schedule(commands::schedule::Args),
    /// Pause a host, resume it, list what is paused
    Host(commands::host::Args),
    /// List, show, replay or drop what could not be worked on
    Dead(commands::dead::Args),
    /// Extract pages once more that NATS still holds
    Reextract(commands::reextract::Args),
    /// Build the index anew from what NATS holds, while it is searched
    Reindex(commands::reindex::Args),
    /// Take URLs, or all of a site, out of the index and out of NATS; block and unblock them
    Remove(commands::remove::Args),
    /// Turn saved pages into speeches, without any server
    Extract(commands::extract::Args),
    /// Make the two keys of Meilisearch that speechmill needs, or find them again
    Keys(commands::keys::Args),
    /// Make a key for each user of NATS, or find them again
    NatsKeys(commands::nats_keys::Args),
    /// Compare NATS and Meilisearch with what this version needs
    Check(commands::check::Args),
}

fn main() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return exit::of_usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return exit::of_usage(&error),
    };
    let ended = run(
        cli.command,
        matches.subcommand().map(|(_, matches)| matches),
    );
    exit::of(ended)
}

fn run(command: Command, matches: Option<&ArgMatches>) -> anyhow::Result<End> {
    if let Command::Extract(args) = &command {
        return commands::extract::run(args);
    }
    // One provider for TLS in the whole process: NATS, Meilisearch and the web.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        match command {
            Command::Up(args) => commands::up::run(args, matches).await,
            Command::Crawler(args) => commands::roles::crawler(args).await,
            Command::Extractor(args) => commands::roles::extractor(args).await,
            Command::Indexer(args) => commands::roles::indexer(args).await,
            Command::Submit(args) => commands::submit::run(args).await,
            Command::Status(args) => commands::status::run(args).await,
            Command::Search(args) => commands::search::run(args).await,
            Command::Stats(args) => commands::stats::run(args).await,
            Command::Schedule(args) => commands::schedule::run(args).await,
            Command::Host(args) => commands::host::run(args).await,
            Command::Dead(args) => commands::dead::run(args).await,
            Command::Reextract(args) => commands::reextract::run(args).await,
            Command::Reindex(args) => commands::reindex::run(args).await,
            Command::Remove(args) => commands::remove::run(args).await,
            Command::Keys(args) => commands::keys::run(args).await,
            Command::NatsKeys(args) => commands::nats_keys::run(&args),
            Command::Check(args) => commands::check::run(args).await,
            Command::Extract(_) => unreachable!("it needs no runtime"),
        }
    });
    // A resolver that hangs must not keep the process from ending.
    runtime.shutdown_background();
    ended
}
