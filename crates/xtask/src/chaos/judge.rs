//! Compares what became of every accepted URL with what should have become of it.
//!
//! In: the site's memory of what it served, `speechmill status` of every URL, and the documents of the
//! index. Out: a verdict, and in words what is wrong.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::fate;
use super::scene;
use super::site::{Page, Site, by_url};
use super::world::World;
use crate::http;

const STEP: Duration = Duration::from_secs(1);
/// How long nothing moves until it is taken for stuck.
const STILL: Duration = Duration::from_secs(120);
/// How long all may take to come to its end after the last fault.
const LONGEST: Duration = Duration::from_secs(600);
/// URLs of one command.
const URLS: usize = 400;
/// Looks at what stands still and is wrong.
const LOOKS: usize = 3;
/// States that more will come of.
const UNENDED: [&str; 7] = [
    "unknown",
    "submitted",
    "queued",
    "deferred",
    "fetched",
    "extracted",
    "dropped",
];

/// How all ended.
#[derive(Debug, Default, Serialize)]
pub(super) struct Verdict {
    pub(super) accepted: u64,
    pub(super) indexed: u64,
    pub(super) dead: u64,
    pub(super) skipped: u64,
    /// Without an end.
    pub(super) lost: u64,
    /// Speeches with two documents.
    pub(super) doubled: u64,
    /// Documents of another version than the one that was served last.
    pub(super) stale: u64,
    /// Ends other than the page's fate.
    pub(super) wrong: u64,
    /// Whether nothing was waiting, deferred or in hand any more.
    pub(super) is_settled: bool,
    /// Seconds from the last fault until it was so; judging comes after.
    pub(super) settled_in: f64,
    /// What is wrong with whom.
    #[serde(skip)]
    pub(super) faults: Vec<String>,
    /// What was found where it is not clean.
    #[serde(skip)]
    pub(super) scene: Vec<String>,
}

impl Verdict {
    pub(super) fn is_clean(&self) -> bool {
        self.is_settled && self.lost + self.doubled + self.stale + self.wrong == 0
    }
}

/// Waits until nothing is left to do, or nothing has moved for a while, and judges.
pub(super) async fn settle(
    world: &mut World,
    site: &Site,
    accepted: &BTreeSet<usize>,
) -> anyhow::Result<Verdict> {
    let start = Instant::now();
    let (mut left, mut since) = (Value::Null, start);
    let mut looks = 0;
    loop {
        world.look_after()?;
        let found = what_is_left(world).await;
        let is_settled = found.as_ref().is_ok_and(Vec::is_empty);
        if let Ok(found) = found
            && left != Value::from(found.clone())
        {
            (left, since) = (found.into(), Instant::now());
        }
        let settled_in = start.elapsed();
        let is_over = since.elapsed() >= STILL || settled_in >= LONGEST;
        if is_over || is_settled {
            let verdict = judge(world, site, accepted).await;
            looks += 1;
            match verdict {
                Ok(mut verdict) => {
                    verdict.is_settled = is_settled;
                    verdict.settled_in = settled_in.as_secs_f64().round();
                    if verdict.is_clean() {
                        return Ok(verdict);
                    }
                    if is_over || looks == LOOKS {
                        verdict.scene = scene::of(world).await;
                        return Ok(verdict);
                    }
                }
                Err(error) if is_over => return Err(error),
                Err(_) => {}
            }
        }
        sleep(STEP).await;
    }
}

/// Consumers and streams in which messages are waiting, deferred or in hand.
async fn what_is_left(world: &World) -> anyhow::Result<Vec<Value>> {
    let overview = world
        .run_json(&["status".to_owned(), "--json".to_owned()])
        .await?;
    let overview = overview.first().context("no overview")?;
    let list = |name: &str| overview[name].as_array().cloned().unwrap_or_default();
    let is_done =
        |consumer: &Value| consumer["num_pending"] == 0_u64 && consumer["num_held"] == 0_u64;
    let is_empty = |stream: &Value| {
        let keeps = ["PAGES", "SPEECHES", "DEAD"].map(Value::from);
        keeps.contains(&stream["name"]) || stream["num_messages"] == 0_u64
    };
    let (mut left, mut streams) = (list("consumers"), list("streams"));
    anyhow::ensure!(!left.is_empty(), "no consumers");
    left.retain(|consumer| !is_done(consumer));
    for consumer in &mut left {
        // Pulls come and go, whether or not a message does.
        consumer["num_waiting"].take();
        consumer["num_redelivered"].take();
    }
    streams.retain(|stream| !is_empty(stream));
    left.append(&mut streams);
    Ok(left)
}

async fn judge(world: &World, site: &Site, accepted: &BTreeSet<usize>) -> anyhow::Result<Verdict> {
    let pages = site.pages();
    let documents = documents(world, &pages).await?;
    let mut verdict = Verdict {
        accepted: accepted.len() as u64,
        ..Verdict::default()
    };
    let numbers: Vec<usize> = accepted.iter().copied().collect();
    for numbers in numbers.chunks(URLS) {
        let mut args = vec!["status".to_owned(), "--json".to_owned()];
        args.extend(numbers.iter().map(|&number| pages[number].url.clone()));
        let fates = world.run_json(&args).await?;
        for (&number, fate) in numbers.iter().zip(&fates) {
            let found = documents
                .get(&number)
                .map(Vec::as_slice)
                .unwrap_or_default();
            look_at(&mut verdict, number, &pages[number], fate, found);
        }
    }
    Ok(verdict)
}

fn look_at(verdict: &mut Verdict, number: usize, page: &Page, fate: &Value, found: &[Value]) {
    let (state, code) = (
        fate["state"].as_str().unwrap_or_default(),
        fate["code"].as_str().unwrap_or_default(),
    );
    let served = page.served.unwrap_or_default();
    let what = if UNENDED.contains(&state) {
        verdict.lost += 1;
        "lost"
    } else {
        match state {
            "indexed" => verdict.indexed += 1,
            "dead" => verdict.dead += 1,
            _ => verdict.skipped += 1,
        }
        let mark = fate::mark(number, served);
        let has_text = |document: &Value| document.to_string().contains(&mark);
        if found.len() > 1 {
            verdict.doubled += 1;
            "doubled"
        } else if !page.fate.allows(state, code, served) {
            verdict.wrong += 1;
            "wrong"
        } else if page.fate.has_document(served) == found.is_empty() {
            verdict.wrong += 1;
            "wrong, of its document"
        } else if !found.iter().all(has_text) {
            verdict.stale += 1;
            "stale"
        } else {
            return;
        }
    };
    let versions = (page.served, page.version);
    verdict.faults.push(format!(
        "{what}: page {number} {:?}, served and current version {versions:?}, {} documents; {fate}",
        page.fate,
        found.len()
    ));
}

/// The documents of each page.
async fn documents(world: &World, pages: &[Page]) -> anyhow::Result<HashMap<usize, Vec<Value>>> {
    let url = format!(
        "{}/indexes/speeches/documents?limit=1000000&fields=id,url,text,version",
        world.meili.url()
    );
    let answer: Value = serde_json::from_str(&http::get(&url).await?)?;
    let numbers = by_url(pages);
    let mut documents: HashMap<usize, Vec<Value>> = HashMap::new();
    for document in answer["results"].as_array().context("no documents")? {
        let number = document["url"].as_str().and_then(|url| numbers.get(url));
        if let Some(&number) = number {
            documents.entry(number).or_default().push(document.clone());
        }
    }
    Ok(documents)
}
