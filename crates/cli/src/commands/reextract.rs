//! `speechmill reextract`: lets the extractor role extract pages once more that NATS still holds, as
//! after a change of its code or of site profiles. Nothing is fetched.

use std::time::Duration;

use futures_util::stream::TryStreamExt;
use messages::{CanonicalUrl, Host, Page, PageAgain, UrlId};
use serde_json::json;
use worker::topology::PAGES;
use worker::{Broker, BrokerConfig, BrokerError};

use super::host::host;
use super::remove::parse;
use crate::exit::{self, End};
use crate::output;

/// How long we wait for the extractor to make room.
const PAUSE: Duration = Duration::from_secs(1);

/// Extract pages once more that NATS still holds.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
#[command(
    after_help = "The pages are put onto a queue, one message a page, and extracted by the \
extractor role in its turn; running it again adds nothing to what still waits.

Examples:
  speechmill reextract https://www.example.com/speech/1.html
  speechmill reextract --site www.example.com
  speechmill reextract --all --json"
)]
pub(crate) struct Args {
    /// URLs
    #[arg(group = "which")]
    urls: Vec<String>,

    /// The pages of a host: those that were requested of it, and those that redirects led to it
    #[arg(long, value_name = "HOST", value_parser = host, group = "which")]
    site: Option<Host>,

    /// All pages
    #[arg(long, group = "which")]
    all: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    broker: BrokerConfig,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    let urls = parse(&args.urls)?;
    let broker = Broker::connect(&args.broker, "reextract").await?;
    broker.create_absent().await?;
    let num_pages = if urls.is_empty() {
        of_site(&broker, args.site.as_ref()).await?
    } else {
        of_urls(&broker, &urls).await?
    };
    if args.json {
        output::json(&json!({ "num_pages": num_pages }))?;
    } else {
        output::line(format!("pages to extract again: {num_pages}"))?;
    }
    let is_whole = num_pages > 0 && (urls.is_empty() || num_pages == urls.len() as u64);
    Ok(if is_whole { End::Done } else { End::Nothing })
}

async fn of_urls(broker: &Broker, urls: &[CanonicalUrl]) -> Result<u64, BrokerError> {
    let mut num_pages = 0;
    for url in urls {
        let url_id = UrlId::of(url);
        let subject = Page::subject_of(&url_id);
        if broker.latest_sequence(PAGES, &subject).await?.is_some() {
            publish(broker, PageAgain { url_id }).await?;
            num_pages += 1;
        } else {
            exit::complain(format!("NATS holds no page of {url}"));
        }
    }
    Ok(num_pages)
}

/// The pages of a host, or of all.
async fn of_site(broker: &Broker, host: Option<&Host>) -> Result<u64, BrokerError> {
    let mut pages = std::pin::pin!(broker.each_message::<Page>(PAGES, "page.fetched.*"));
    let mut num_pages = 0;
    while let Some(page) = pages.try_next().await? {
        if host.is_none_or(|host| super::remove::is_of(&page.message, host)) {
            let url_id = page.message.url_id();
            publish(broker, PageAgain { url_id }).await?;
            num_pages += 1;
        }
    }
    Ok(num_pages)
}

/// Waits for room as long as it takes.
async fn publish(broker: &Broker, again: PageAgain) -> Result<(), BrokerError> {
    let mut has_said = false;
    loop {
        match broker.publish(&again).await {
            Err(BrokerError::Full { .. }) if !has_said => {
                exit::complain("the queue is full: waiting until the extractor has made room");
                has_said = true;
            }
            Err(BrokerError::Full { .. }) => {}
            published => return published.map(|_| ()),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
