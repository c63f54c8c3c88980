//! `speechmill status`: where everything is, or where one URL is and why.

mod bursts;

use std::collections::BTreeMap;

use indexer::{MeiliConfig, Searcher};
use messages::timestamp;
use serde::Serialize;
use worker::topology::{DEAD, EXTRACTOR, PAGES, STREAMS};
use worker::{Broker, BrokerConfig, ConsumerState, DeadFilter, StreamState};

use crate::exit::End;
use crate::fate::{Fate, Places, State};
use crate::output;
use bursts::{Burst, Counter};

/// Hundredths of its limit from which a stream is said to be full.
const FULL: u64 = 95;

/// Show where everything is, or where one URL is and why.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill status
  speechmill status https://www.example.com/speech/1.html
  speechmill status --hosts
  speechmill status --json | jq .dead")]
pub(crate) struct Args {
    /// URLs to tell of; none: tell of streams, roles and the index
    urls: Vec<String>,

    /// Tell of hosts: who waits for them, when they are asked next, what blocks them and why
    #[arg(long, conflicts_with = "urls")]
    hosts: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    broker: BrokerConfig,

    #[command(flatten)]
    meili: MeiliConfig,
}

/// All there is to see at a glance.
#[derive(Serialize)]
struct Overview {
    streams: Vec<StreamState>,
    /// Nothing can be published anywhere, whatever room the streams have left.
    is_store_full: bool,
    consumers: Vec<ConsumerState>,
    /// Dead letters by `stage` and `code`.
    dead: BTreeMap<String, BTreeMap<String, u64>>,
    /// Many dead letters of one code at one host within a day, the most first.
    bursts: Vec<Burst>,
    /// Skips and other named ends that leave no letter, by `stage` and `code`: all there ever were.
    ends: BTreeMap<String, BTreeMap<String, u64>>,
    index: Index,
}

#[derive(Serialize)]
struct Index {
    name: String,
    /// Absent: there is no index yet, or Meilisearch does not answer.
    num_documents: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    let searcher = Searcher::new(&args.meili)?;
    let broker = Broker::connect(&args.broker, "status").await?;
    if args.hosts {
        return hosts(&broker, args.json).await;
    }
    if !args.urls.is_empty() {
        return urls(broker, searcher, &args).await;
    }
    let overview = overview(&broker, &searcher, &args.meili).await?;
    if args.json {
        output::json(&overview)?;
    } else {
        print(&overview)?;
    }
    Ok(End::Done)
}

async fn hosts(broker: &Broker, is_json: bool) -> anyhow::Result<End> {
    let hosts = crate::hosts::read(broker).await?;
    if is_json {
        output::json(&hosts)?;
    } else {
        crate::hosts::print(&hosts)?;
    }
    Ok(End::Done)
}

async fn urls(broker: Broker, searcher: Searcher, args: &Args) -> anyhow::Result<End> {
    let places = Places { broker, searcher };
    let is_set_up = places.broker.stream_states().await?.len() == STREAMS.len();
    let mut is_known = true;
    for url in &args.urls {
        let fate = if is_set_up {
            places.fate(url, None).await?
        } else {
            Fate::unknown(url)
        };
        is_known &= fate.state != State::Unknown;
        if args.json {
            output::json(&fate)?;
        } else {
            output::line(&fate)?;
        }
    }
    Ok(if is_known { End::Done } else { End::Nothing })
}

async fn overview(
    broker: &Broker,
    searcher: &Searcher,
    meili: &MeiliConfig,
) -> anyhow::Result<Overview> {
    let mut dead: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut counter = Counter::new(timestamp::now());
    for filed in broker
        .dead_letters(&DeadFilter::default(), usize::MAX)
        .await?
    {
        let headers = filed.letter.headers;
        counter.add(&headers);
        *dead
            .entry(headers.stage)
            .or_default()
            .entry(headers.code)
            .or_default() += 1;
    }
    let num_documents = searcher.num_documents().await;
    let index = Index {
        name: meili.index.clone(),
        error: num_documents
            .as_ref()
            .err()
            .map(|error| worker::chain(error)),
        num_documents: num_documents.ok().flatten(),
    };
    let ends = broker.ends().await?;
    // Before the streams: what moves on meanwhile is seen there.
    let consumers = broker.consumer_states().await?;
    let streams = broker.stream_states().await?;
    Ok(Overview {
        is_store_full: !streams.is_empty() && broker.is_store_full().await,
        streams,
        consumers,
        dead,
        bursts: counter.bursts(),
        ends: ends
            .into_iter()
            .map(|(stage, ends)| (stage, ends.counts))
            .collect(),
        index,
    })
}

fn print(overview: &Overview) -> std::io::Result<()> {
    let streams: Vec<[String; 4]> = overview
        .streams
        .iter()
        .map(|stream| {
            let limit = stream.max_bytes.map(output::bytes);
            let mut limit = limit.unwrap_or_else(|| "none".to_owned());
            if is_full(stream) {
                limit.push_str("  full");
            }
            [
                stream.name.to_owned(),
                stream.num_messages.to_string(),
                output::bytes(stream.num_bytes),
                limit,
            ]
        })
        .collect();
    output::table(["STREAM", "MESSAGES", "SIZE", "LIMIT"], &streams)?;
    if overview.streams.iter().any(is_full) {
        output::line(
            "A full stream makes whoever fills it wait; nothing is lost. Raise SPEECHMILL_PAGES_MAX_MIB, in\n\
             proportion to which all are sized, for every role, and run `speechmill check --apply`.",
        )?;
    }
    if overview.is_store_full {
        output::line(
            "The store of NATS is full: whoever publishes waits; nothing is lost. Raise its max_file_store, or make\n\
             room on its disk.",
        )?;
    }
    if let Some(reach) = reach(overview) {
        output::line(reach)?;
    }
    output::line("")?;
    let consumers: Vec<[String; 5]> = overview
        .consumers
        .iter()
        .map(|consumer| {
            [
                format!("{}/{}", consumer.stream, consumer.name),
                consumer.num_pending.to_string(),
                consumer.num_held.to_string(),
                consumer.num_redelivered.to_string(),
                if consumer.num_waiting + consumer.num_held == 0 {
                    "nobody pulls".to_owned()
                } else {
                    String::new()
                },
            ]
        })
        .collect();
    output::table(["CONSUMER", "WAITING", "IN HAND", "AGAIN", ""], &consumers)?;
    output::line("")?;
    let ends = rows(&overview.ends);
    if !ends.is_empty() {
        output::table(["ENDED AT", "CODE", "NUMBER"], &ends)?;
        output::line("")?;
    }
    let dead = rows(&overview.dead);
    if dead.is_empty() {
        output::line("no dead letters")?;
    } else {
        output::table(["DEAD AT", "CODE", "LETTERS"], &dead)?;
    }
    for burst in &overview.bursts {
        output::line(format!(
            "{} of {} within a day: see `speechmill dead show --code {} --host {}`",
            burst.num_letters, burst.host, burst.code, burst.host
        ))?;
    }
    output::line("")?;
    let index = &overview.index;
    match (&index.error, index.num_documents) {
        (Some(error), _) => output::line(format!("index {}: {error}", index.name)),
        (None, None) => output::line(format!("index {}: not there yet", index.name)),
        (None, Some(number)) => output::line(format!("index {}: {number} documents", index.name)),
    }
}

/// PAGES is trimmed and DEAD ends by itself: these two are full and well.
fn is_full(stream: &StreamState) -> bool {
    let max_bytes = stream
        .max_bytes
        .filter(|_| ![PAGES.name, DEAD.name].contains(&stream.name));
    max_bytes.is_some_and(|max_bytes| stream.num_bytes >= max_bytes / 100 * FULL)
}

/// How far back pages can be extracted again, where that is not to the beginning.
fn reach(overview: &Overview) -> Option<String> {
    let trimmed = overview.ends.get(EXTRACTOR.name)?.get("trimmed")?;
    let pages = overview
        .streams
        .iter()
        .find(|stream| stream.name == PAGES.name)?;
    let oldest = pages.oldest_at?.date();
    Some(format!(
        "`speechmill reextract` reaches back to {oldest}: {trimmed} older pages were trimmed. Raise\n\
         SPEECHMILL_PAGES_MAX_MIB to keep more."
    ))
}

fn rows(stages: &BTreeMap<String, BTreeMap<String, u64>>) -> Vec<[String; 3]> {
    let rows = stages.iter().flat_map(|(stage, codes)| {
        codes
            .iter()
            .map(|(code, number)| [stage.clone(), code.clone(), number.to_string()])
    });
    rows.collect()
}
