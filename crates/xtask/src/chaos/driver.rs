//! Carries out the plan, and all the while submits URLs and changes pages.
//!
//! A URL counts as accepted when its PubAck has come; one without is submitted again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use messages::{CanonicalUrl, Gone, Page, SpeechId, UrlId, Withdrawal, timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::plan::{Act, Step};
use super::site::Site;
use super::wire;
use super::world::World;
use crate::dice::Dice;

const TICK: Duration = Duration::from_millis(200);
/// Pages that get a new version at each tick.
const CHANGES: usize = 2;
/// Lines of one submission.
const LINES: usize = 50;
/// How long streams may take to be drained after the last fault.
const DRAINING: Duration = Duration::from_secs(60);
/// Sizes of what fills a stream.
const FILL_BYTES: [usize; 5] = [7_000_000, 1_500_000, 300_000, 60_000, 12_000];

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) kills: u64,
    pub(super) pauses: u64,
    pub(super) cuts: u64,
    /// By the name of the act.
    pub(super) acts: BTreeMap<String, u64>,
    /// Acts that failed, and why.
    pub(super) failed: Vec<String>,
    /// What fills a stream now: the stream and the subject.
    fillers: Vec<(&'static str, String)>,
}

/// Does every step at its time.
pub(super) async fn carry_out(
    world: &mut World,
    site: &Site,
    steps: &[Step],
    is_verbose: bool,
) -> anyhow::Result<Done> {
    let start = Instant::now();
    let mut done = Done::default();
    for step in steps {
        while start + step.at > Instant::now() {
            world.look_after()?;
            sleep_until((start + step.at).min(Instant::now() + TICK)).await;
        }
        if is_verbose {
            eprintln!("{step}");
        }
        let name = format!("{:?}", step.act);
        let name = name.split('(').next().unwrap_or_default().to_lowercase();
        *done.acts.entry(name).or_default() += 1;
        if let Err(error) = act(world, site, step.act, &mut done).await {
            done.failed.push(format!("{step}: {error:#}"));
        }
    }
    // A cluster without a leader drains nothing, and a full stream ends nothing.
    let until = Instant::now() + DRAINING;
    while !done.fillers.is_empty() && Instant::now() < until {
        world.look_after()?;
        drain(world, &mut done).await.ok();
        sleep(TICK).await;
    }
    Ok(done)
}

async fn act(world: &mut World, site: &Site, act: Act, done: &mut Done) -> anyhow::Result<()> {
    match act {
        Act::Kill(target) => {
            done.kills += 1;
            world.kill(target).await
        }
        Act::Start(target) => world.start_again(target).await,
        Act::Crash(role, moment) => {
            done.kills += 1;
            world.crash(role, moment).await
        }
        Act::Pause(target) => {
            done.pauses += 1;
            world.pause(target).await
        }
        Act::Resume(target) => world.resume(target),
        Act::Cut(way) => {
            done.cuts += 1;
            world.way(way).cut();
            Ok(())
        }
        Act::Drop(way) => {
            done.cuts += 1;
            world.way(way).drop_connections();
            Ok(())
        }
        Act::Half(way, direction) => {
            done.cuts += 1;
            world.way(way).half_open(direction);
            Ok(())
        }
        Act::Delay(way, delay) => {
            world.way(way).delay(delay);
            Ok(())
        }
        Act::Heal(way) => {
            world.way(way).heal();
            Ok(())
        }
        Act::Fill(stream) => fill(world, stream, done).await,
        Act::Drain(_) => drain(world, done).await,
        Act::DeleteConsumer(stream, consumer) => {
            let subject = format!("$JS.API.CONSUMER.DELETE.{stream}.{consumer}");
            ask(world, &subject, b"").await.map(drop)
        }
        Act::Mood(mood) => {
            site.set_mood(mood);
            Ok(())
        }
        Act::Isolate(node) => {
            done.cuts += 1;
            world.nodes.isolate(node);
            Ok(())
        }
        Act::Rejoin(node) => {
            world.nodes.rejoin(node);
            Ok(())
        }
    }
}

/// Of JetStream, whichever node answers.
async fn ask(world: &World, subject: &str, payload: &[u8]) -> anyhow::Result<Value> {
    let mut last = Err(anyhow::anyhow!("there is no node"));
    for address in world.nodes.addresses() {
        last = wire::ask_jetstream(&address, subject, payload).await;
        if last.is_ok() {
            break;
        }
    }
    last
}

/// Until the stream takes no more: messages that nobody minds, in ever smaller ones.
async fn fill(world: &World, stream: &'static str, done: &mut Done) -> anyhow::Result<()> {
    for num_bytes in FILL_BYTES {
        loop {
            let (subject, payload) = filler(stream, done.fillers.len(), num_bytes)?;
            // What is not acknowledged may be stored all the same.
            done.fillers.push((stream, subject.clone()));
            if ask(world, &subject, &payload).await.is_err() {
                break;
            }
        }
    }
    Ok(())
}

async fn drain(world: &World, done: &mut Done) -> anyhow::Result<()> {
    while let Some((stream, subject)) = done.fillers.last() {
        let purge = json!({ "filter": subject }).to_string();
        let api = format!("$JS.API.STREAM.PURGE.{stream}");
        ask(world, &api, purge.as_bytes()).await?;
        done.fillers.pop();
    }
    Ok(())
}

/// A page that is gone, or a withdrawal of a speech, that never was; with more bytes than it needs.
fn filler(stream: &str, number: usize, num_bytes: usize) -> anyhow::Result<(String, Vec<u8>)> {
    let url: CanonicalUrl = format!("http://fill.invalid/{number}").parse()?;
    let at = timestamp::now();
    let (subject, mut message) = if stream == "PAGES" {
        let subject = Page::subject_of(&UrlId::of(&url));
        let page = Page::Gone(Gone {
            url,
            status: 404,
            fetched_at: at,
        });
        (subject, serde_json::to_value(page)?)
    } else {
        let speech_id = SpeechId::of(&url);
        let subject = messages::SpeechChange::subject_of(&speech_id);
        let withdrawal = Withdrawal {
            version: messages::Version {
                fetched_at: at,
                page_sequence: 0,
                extractor: 0,
                memory: 0,
            },
            speech_id,
            url,
        };
        let change = messages::SpeechChange::Withdrawal(withdrawal);
        (subject, serde_json::to_value(change)?)
    };
    message["filler"] = "x".repeat(num_bytes).into();
    Ok((subject, serde_json::to_vec(&message)?))
}

/// Submits every page and, again and again, some that have changed. Output: who was accepted.
pub(super) struct Submitter<'a> {
    pub(super) site: &'a Site,
    /// Where to submit: the proxies.
    pub(super) ways: Vec<String>,
    pub(super) seed: u64,
    /// When the last one has changed.
    pub(super) length: Duration,
    /// The part of it in which pages are submitted; after that they only change.
    pub(super) growing: f64,
}

impl Submitter<'_> {
    pub(super) async fn run(&self, limit: Duration) -> BTreeSet<usize> {
        let start = Instant::now();
        let mut dice = Dice::new(self.seed ^ 0x00ff);
        let num_pages = self.site.pages().len();
        let vanishing = self.site.fickle(true);
        let fickle = self.site.fickle(false);
        let mut accepted = BTreeSet::new();
        let mut queue: VecDeque<usize> = VecDeque::new();
        let (mut next, mut has_vanished) = (0, false);
        loop {
            let part = start.elapsed().div_duration_f64(self.length);
            let due = per_thousand(part / self.growing) * num_pages / 1_000;
            queue.extend(next..due);
            next = next.max(due);
            if part < 1.0 {
                for _ in 0..CHANGES.min(fickle.len()) {
                    let number = dice.pick(&fickle);
                    if accepted.contains(&number) {
                        self.site.change(number);
                        queue.push_back(number);
                    }
                }
            } else if !has_vanished {
                has_vanished = true;
                for &number in &vanishing {
                    self.site.change(number);
                    queue.push_back(number);
                }
            }
            if (part >= 1.0 && queue.is_empty()) || start.elapsed() > limit {
                return accepted;
            }
            self.submit(&mut queue, &mut accepted, &mut dice).await;
            tokio::time::sleep(TICK).await;
        }
    }

    async fn submit(
        &self,
        queue: &mut VecDeque<usize>,
        accepted: &mut BTreeSet<usize>,
        dice: &mut Dice,
    ) {
        let pages = self.site.pages();
        let numbers: Vec<usize> = queue.drain(..queue.len().min(LINES)).collect();
        if numbers.is_empty() {
            return;
        }
        let lines: Vec<&str> = numbers.iter().map(|&n| pages[n].url.as_str()).collect();
        let way = &self.ways[dice.below(self.ways.len())];
        let asked = wire::ask_jetstream(way, "crawl.submit", lines.join("\n").as_bytes()).await;
        match asked {
            Ok(_) => accepted.extend(numbers),
            // Nobody knows whether it was stored: again.
            Err(_) => queue.extend(numbers),
        }
    }
}

/// At most all.
fn per_thousand(part: f64) -> usize {
    (1..=1_000)
        .take_while(|&n| f64::from(n) <= part * 1_000.0)
        .count()
}
