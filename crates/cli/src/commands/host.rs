//! `speechmill host`: pause a host for all crawlers, resume it, list what is paused.

mod release;

use messages::{CanonicalUrl, ControlRecord, Host, timestamp};
use serde_json::json;
use worker::topology::Bucket;
use worker::{Broker, BrokerConfig};

use crate::exit::End;
use crate::{hosts, output};

/// Pause a host, resume it, or list what is paused.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill host pause www.example.com
  speechmill host resume www.example.com
  speechmill host list --json
  speechmill host held
  speechmill host release www.example.com
  speechmill status --hosts")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Fetch nothing from a host; its requests wait and use no attempt
    Pause {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Fetch from a host again; what was deferred comes within about a minute, at the host's pace
    Resume {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// List the hosts that are paused, and since when
    List {
        #[command(flatten)]
        common: Common,
    },
    /// List the hosts of which too many pages vanished at once: the others stay indexed
    Held {
        #[command(flatten)]
        common: Common,
    },
    /// Withdraw what vanished of a host and was held, and count anew
    Release {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
struct Which {
    /// The host as in its URLs, with its port unless that is the default one, or any URL of it
    #[arg(value_parser = host)]
    host: Host,
}

#[derive(clap::Args)]
struct Common {
    /// Print JSON, one object a host
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    broker: BrokerConfig,
}

/// A host as it stands in URLs, or of a URL.
pub(super) fn host(text: &str) -> Result<Host, String> {
    let url = if text.contains("://") {
        text.to_owned()
    } else if text.contains('/') {
        return Err(format!("{text:?} is neither a host nor a URL"));
    } else {
        format!("http://{text}/")
    };
    let url: CanonicalUrl = url.parse().map_err(|error| format!("{error}"))?;
    Ok(url.host())
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::Pause { which, common } => order(which.host, true, &common).await,
        Command::Resume { which, common } => order(which.host, false, &common).await,
        Command::List { common } => list(&common).await,
        Command::Held { common } => {
            let broker = Broker::connect(&common.broker, "host").await?;
            release::list(&broker, common.json).await
        }
        Command::Release { which, common } => {
            let broker = Broker::connect(&common.broker, "host").await?;
            broker.create_absent().await?;
            release::release(&broker, which.host, common.json).await
        }
    }
}

async fn order(host: Host, is_paused: bool, common: &Common) -> anyhow::Result<End> {
    let broker = Broker::connect(&common.broker, "host").await?;
    broker.create_absent().await?;
    let key = ControlRecord::key(&host);
    let record = ControlRecord {
        host,
        is_paused,
        at: timestamp::now(),
    };
    broker.write_record(Bucket::Hosts, &key, &record).await?;
    if common.json {
        output::json(&record)?;
    } else {
        let state = if is_paused { "paused" } else { "resumed" };
        output::line(format!("{} is {state}", record.host))?;
    }
    Ok(End::Done)
}

async fn list(common: &Common) -> anyhow::Result<End> {
    let broker = Broker::connect(&common.broker, "host").await?;
    let paused = hosts::paused(&broker).await?;
    for record in &paused {
        if common.json {
            output::json(&json!({ "host": record.host, "paused_at": hosts::second(record.at) }))?;
        }
    }
    if !common.json {
        let row = |record: &ControlRecord| [record.host.to_string(), hosts::second(record.at)];
        let rows: Vec<_> = paused.iter().map(row).collect();
        if rows.is_empty() {
            output::line("no host is paused")?;
        } else {
            output::table(["HOST", "PAUSED AT"], &rows)?;
        }
    }
    Ok(End::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_given_as_it_stands_in_urls_or_by_a_url() {
        for (text, host_of) in [
            ("WWW.Example.com", "www.example.com"),
            ("example.com:8080", "example.com:8080"),
            ("https://example.com:443/a?b", "example.com"),
            ("[::1]:81", "[::1]:81"),
        ] {
            assert_eq!(host(text).unwrap().as_str(), host_of);
        }
        for bad in ["", "a/b", "ftp://a.cn/", "a b"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
