//! `speechmill schedule`: URLs that are crawled again and again: list, set, cancel.
//!
//! Admission alone writes schedules: setting and cancelling are submissions like any other, carried
//! out in their turn. Listing reads the schedules as they stand in NATS.

use messages::{CanonicalUrl, CrawlRequest, Entry, Interval, Message, Submission, UrlId};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use worker::topology::CRAWL;
use worker::{Broker, BrokerConfig, Recurring};

use crate::exit::{self, End, Usage};
use crate::output;

/// List, set or cancel what is crawled again and again.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill schedule list
  speechmill schedule set --every 7d https://www.example.com/list.html
  speechmill schedule cancel https://www.example.com/list.html")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List URLs with their interval and the time of their next fetch
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Crawl URLs now and then again at an interval; replaces the interval they had
    Set {
        #[command(flatten)]
        which: Which,
        /// The interval: 30m, 12h, 7d
        #[arg(long)]
        every: Interval,
        #[command(flatten)]
        common: Common,
    },
    /// Let schedules end; what they brought stays
    Cancel {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
struct Which {
    /// URLs
    #[arg(required = true)]
    urls: Vec<String>,
}

impl Which {
    fn parse(&self) -> Result<Vec<CanonicalUrl>, Usage> {
        let urls = self.urls.iter().map(|url| url.parse());
        urls.collect::<Result<_, messages::UrlError>>()
            .map_err(|error| Usage(error.to_string()))
    }
}

#[derive(clap::Args)]
struct Common {
    /// Print JSON, one object a URL
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    broker: BrokerConfig,
}

impl Common {
    async fn connect(&self) -> anyhow::Result<Broker> {
        Ok(Broker::connect(&self.broker, "schedule").await?)
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::List { common } => {
            let recurring = common.connect().await?.recurring().await?;
            list(&recurring, common.json)?;
            Ok(End::Done)
        }
        Command::Set {
            which,
            every,
            common,
        } => {
            let urls = which.parse()?;
            let broker = common.connect().await?;
            broker.create_absent().await?;
            for url in &urls {
                submit(&broker, url, &every.to_string(), common.json).await?;
            }
            Ok(End::Done)
        }
        Command::Cancel { which, common } => cancel(&which.parse()?, &common).await,
    }
}

/// A URL without a schedule is named, and its cancelling submitted all the same: the schedule may
/// still wait for admission.
async fn cancel(urls: &[CanonicalUrl], common: &Common) -> anyhow::Result<End> {
    let broker = common.connect().await?;
    broker.create_absent().await?;
    let mut end = End::Done;
    for url in urls {
        let subject = CrawlRequest::recrawl_subject(&UrlId::of(url));
        if broker.latest_sequence(CRAWL, &subject).await?.is_none() {
            exit::complain(format!("{url} has no schedule"));
            end = End::Nothing;
        }
        submit(&broker, url, Entry::NEVER, common.json).await?;
    }
    Ok(end)
}

async fn submit(
    broker: &Broker,
    url: &CanonicalUrl,
    every: &str,
    is_json: bool,
) -> anyhow::Result<()> {
    let entry = Entry {
        every: Some(every.to_owned()),
        ..Entry::of(url.as_str())
    };
    let entries = vec![entry];
    let receipt = broker.submit(&Submission { entries }.encode()).await?;
    if is_json {
        let url_id = UrlId::of(url);
        output::json(&json!({"url": url, "url_id": url_id, "every": every, "receipt": receipt}))?;
    } else {
        output::line(format!("{url}  every {every}: submitted"))?;
    }
    Ok(())
}

fn list(recurring: &[Recurring], is_json: bool) -> std::io::Result<()> {
    let now = OffsetDateTime::now_utc();
    let text = |time: Option<OffsetDateTime>| time.and_then(|time| time.format(&Rfc3339).ok());
    let whole = |time: OffsetDateTime| time.truncate_to_second();
    let rows: Vec<[String; 3]> = recurring
        .iter()
        .map(|recurring| {
            [
                every(recurring).to_owned(),
                text(recurring.next_at(now).map(whole)).unwrap_or_default(),
                recurring.request.url.to_string(),
            ]
        })
        .collect();
    if is_json {
        for recurring in recurring {
            output::json(&json!({
                "url": recurring.request.url,
                "url_id": recurring.request.url_id(),
                "every": every(recurring),
                "since": text(Some(recurring.since)),
                "next_at": text(recurring.next_at(now)),
            }))?;
        }
        Ok(())
    } else if rows.is_empty() {
        output::line("no schedules")
    } else {
        output::table(["EVERY", "NEXT", "URL"], &rows)
    }
}

/// The interval as NATS keeps it.
fn every(recurring: &Recurring) -> &str {
    let schedule = &recurring.schedule;
    schedule.strip_prefix("@every ").unwrap_or(schedule)
}
