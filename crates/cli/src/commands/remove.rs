//! `speechmill remove`: takes URLs, or all of a site, out of the index and out of NATS; with `--block`
//! for good. Every step may be repeated: what was interrupted is run again.

mod block;
mod page;
mod site;

use messages::{BlockRecord, Blocked, CanonicalUrl, Host, Page};
use serde::Serialize;
use worker::{Broker, BrokerConfig};

use super::host::host;
use crate::confirm;
use crate::exit::{self, End, Usage};
use crate::output;
use page::Removed;

/// Take URLs, or all of a site, out of the index and out of NATS.
#[derive(clap::Args)]
#[command(
    after_help = "Speeches are withdrawn whichever pages yield them, and what NATS holds of the \
URLs is erased: pages, requests, schedules, dead letters. Without --block, whoever submits a URL \
again brings it back; with it, neither URLs nor links are admitted and no page is extracted until \
--unblock. What was interrupted may be run again.

Examples:
  speechmill remove https://www.example.com/speech/1.html
  speechmill remove --block https://www.example.com/speech/1.html
  speechmill remove --block --site www.example.com --yes
  speechmill remove --unblock --site www.example.com"
)]
pub(crate) struct Args {
    /// URLs
    #[arg(required_unless_present = "site", conflicts_with = "site")]
    urls: Vec<String>,

    /// All that is known of a host, as it stands in its URLs, with its port unless that is the default
    #[arg(long, value_name = "HOST", value_parser = host)]
    site: Option<Host>,

    #[command(flatten)]
    order: Order,

    /// Do not ask before a whole site is removed; needed where there is no terminal to ask on
    #[arg(long)]
    yes: bool,

    /// Print JSON, one object a URL or site
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    broker: BrokerConfig,
}

#[derive(clap::Args)]
struct Order {
    /// Let nothing of it come back
    #[arg(long)]
    block: bool,

    /// Lift a block instead; what was removed stays so until it is submitted
    #[arg(long, conflicts_with = "block")]
    unblock: bool,
}

/// Whether a page is of a host: by what was requested, or by what answered.
pub(super) fn is_of(page: &Page, host: &Host) -> bool {
    let is_answer = match page {
        Page::Response(page) => page.final_url.host() == *host,
        Page::Gone(_) => false,
    };
    is_answer || page.requested().host() == *host
}

/// URLs that are all good, or none.
pub(super) fn parse(urls: &[String]) -> Result<Vec<CanonicalUrl>, Usage> {
    let urls = urls.iter().map(|url| url.parse());
    urls.collect::<Result<_, messages::UrlError>>()
        .map_err(|error| Usage(error.to_string()))
}

/// What became of a URL or a host.
#[derive(Serialize)]
struct Report<'a, T> {
    #[serde(flatten)]
    what: &'a Blocked,
    #[serde(flatten)]
    done: T,
}

#[derive(Serialize)]
struct Lifted {
    was_blocked: bool,
    /// By its host, where a URL's own block was lifted.
    is_blocked: bool,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    let urls = parse(&args.urls)?;
    if let Some(host) = args.site.as_ref().filter(|_| !args.order.unblock)
        && !confirm::is_meant(&format!("Remove all that is known of {host}"), args.yes)?
    {
        return Ok(End::Nothing);
    }
    let broker = Broker::connect(&args.broker, "remove").await?;
    broker.create_absent().await?;
    let sites = args.site.iter().cloned().map(Blocked::Host);
    let mut has_done = true;
    for what in sites.chain(urls.into_iter().map(Blocked::Url)) {
        has_done &= if args.order.unblock {
            unblock(&broker, what, args.json).await?
        } else {
            remove(&broker, what, &args).await?
        };
    }
    Ok(if has_done { End::Done } else { End::Nothing })
}

/// Answers whether there was anything to do.
async fn remove(broker: &Broker, what: Blocked, args: &Args) -> anyhow::Result<bool> {
    let mut done = Removed::default();
    if args.order.block {
        // First of all: what is on its way meanwhile must find it.
        block::set(broker, what.clone()).await?;
        done.num_blocked = 1;
    }
    done += match &what {
        Blocked::Url(url) => page::take_down(broker, url, args.order.block).await?,
        Blocked::Host(host) => site::take_down(broker, host).await?,
    };
    let is_known = done != Removed::default();
    if args.json {
        output::json(&Report { what: &what, done })?;
    } else if is_known {
        let and = if args.order.block { " and blocked" } else { "" };
        output::line(format!("{} is removed{and}: {done}", name(&what)))?;
    } else {
        exit::complain(format!("nothing is known of {}", name(&what)));
    }
    Ok(is_known)
}

/// Answers whether there was a block to lift.
async fn unblock(broker: &Broker, what: Blocked, is_json: bool) -> anyhow::Result<bool> {
    let was_blocked = block::lift(broker, &what).await?;
    let left = match &what {
        Blocked::Url(url) => broker.block_of(url).await?,
        Blocked::Host(_) => None,
    };
    let name = name(&what);
    if is_json {
        let done = Lifted {
            was_blocked,
            is_blocked: left.is_some(),
        };
        output::json(&Report { what: &what, done })?;
    } else if was_blocked {
        output::line(format!("{name} is no longer blocked"))?;
    } else {
        exit::complain(format!("{name} was not blocked itself"));
    }
    if let Some(BlockRecord { what, .. }) = left {
        exit::complain(format!("still blocked with its host {}", self::name(&what)));
    }
    Ok(was_blocked)
}

fn name(what: &Blocked) -> &str {
    match what {
        Blocked::Url(url) => url.as_str(),
        Blocked::Host(host) => host.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_given_as_it_stands_in_urls_or_by_a_url() {
        for (text, host_of) in [
            ("WWW.Example.com", "www.example.com"),
            ("https://example.com:443/a?b", "example.com"),
        ] {
            assert_eq!(host(text).unwrap().as_str(), host_of);
        }
        for bad in ["", "a/b", "ftp://a.cn/"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
