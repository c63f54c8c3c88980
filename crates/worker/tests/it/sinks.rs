//! The loop around a sink.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use messages::{CrawlRequest, Message, Page, SpeechChange, Version, Withdrawal};
use testkit::eventually;
use time::macros::datetime;
use tokio_util::sync::CancellationToken;
use worker::topology::{self, Bucket, ConsumerSpec, SPEECHES};
use worker::{BatchLimits, Outcome, Sink, Stored, Verdict};

use crate::setup::{Bench, PATIENCE, REFUSED, RETRY, Told};

pub(crate) fn change(n: usize, page_sequence: u64) -> SpeechChange {
    let url: messages::CanonicalUrl = format!("https://www.example.com/{n}").parse().unwrap();
    SpeechChange::Withdrawal(Withdrawal {
        version: Version {
            fetched_at: datetime!(2026-01-02 12:00 UTC),
            page_sequence,
            extractor: 1,
            memory: 0,
        },
        speech_id: messages::SpeechId::of(&url),
        url,
    })
}

/// Publishes as a stage would, without one.
pub(crate) async fn publish(bench: &Bench, change: &SpeechChange) {
    let outside = bench.outside().await;
    let sent = outside
        .publish(change.subject(), change.encode().into())
        .await
        .unwrap();
    sent.await.unwrap();
}

/// Answers each subject's messages with the verdicts it is told, then Ok; notes what it saw. What it
/// can't decode it refuses.
#[derive(Clone, Default)]
pub(crate) struct ToldSink {
    script: Arc<Mutex<HashMap<String, Vec<Verdict>>>>,
    seen: Arc<Mutex<Vec<Vec<String>>>>,
}

impl ToldSink {
    pub(crate) fn fails(self, change: &SpeechChange, verdicts: &[Verdict]) -> Self {
        let verdicts = verdicts.iter().rev().copied().collect();
        self.script
            .lock()
            .unwrap()
            .insert(change.subject(), verdicts);
        self
    }

    fn num_seen(&self) -> usize {
        self.seen.lock().unwrap().iter().map(Vec::len).sum()
    }
}

impl Sink for ToldSink {
    type Input = SpeechChange;
    type Error = Told;
    const NAME: &'static str = "indexer";
    const CONSUMER: ConsumerSpec = topology::INDEXER;

    fn limits(&self) -> BatchLimits {
        BatchLimits {
            max_messages: 16,
            max_bytes: 1_000_000,
            max_wait: Duration::from_millis(50),
            max_in_flight: 2,
            max_in_flight_bytes: 2_000_000,
        }
    }

    async fn handle(&self, batch: Vec<Stored>) -> Vec<Result<(), Told>> {
        let subjects = batch.iter().map(|stored| stored.subject.clone()).collect();
        self.seen.lock().unwrap().push(subjects);
        let mut script = self.script.lock().unwrap();
        batch
            .iter()
            .map(|stored| {
                let told = script.get_mut(&stored.subject).and_then(Vec::pop);
                let is_foreign = stored.decode::<SpeechChange>().is_err();
                match told.or(is_foreign.then_some(Verdict::Reject)) {
                    Some(verdict) => Err(Told(verdict)),
                    None => Ok(()),
                }
            })
            .collect()
    }
}

#[tokio::test]
async fn each_message_of_a_batch_is_settled_by_its_own_verdict() {
    let bench = Bench::start().await;
    let changes: Vec<SpeechChange> = (0..4).map(|n| change(n, 1)).collect();
    for change in &changes {
        publish(&bench, change).await;
    }
    let sink = ToldSink::default()
        .fails(&changes[1], &[Verdict::Reject])
        .fails(&changes[2], &[RETRY])
        .fails(&changes[3], &[Verdict::Wait]);
    let outcomes = bench.process.run_sink_once(sink, PATIENCE).await.unwrap();
    assert_eq!(
        outcomes,
        [
            Outcome::Ack,
            Outcome::Dead("told_reject".to_owned()),
            Outcome::Retry,
            Outcome::GivenBack("waiting".to_owned()),
        ]
    );
    let dead = bench.dead().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].letter.payload, changes[1].encode());
}

#[tokio::test]
async fn a_letter_whose_term_is_lost_is_filed_once() {
    let bench = Bench::start().await;
    publish(&bench, &change(1, 1)).await;
    for _ in 0..2 {
        let sink = ToldSink::default().fails(&change(1, 1), &[Verdict::Reject]);
        let patience = bench.broker.config().ack_wait;
        let outcomes = bench.process.run_sink_once(sink, patience).await.unwrap();
        assert_eq!(outcomes, [Outcome::Dead("told_reject".to_owned())]);
        // Without its consumer the broker knows of no term.
        let speeches = bench.outside().await.get_stream("SPEECHES").await.unwrap();
        speeches.delete_consumer("indexer").await.unwrap();
        bench
            .broker
            .ensure_topology(&[topology::INDEXER])
            .await
            .unwrap();
    }
    assert_eq!(bench.dead().await.len(), 1);
}

#[tokio::test]
async fn messages_that_wait_are_held_and_handled_again_without_using_an_attempt() {
    let bench = Bench::start().await;
    publish(&bench, &change(1, 1)).await;
    // More than the limit of attempts.
    let sink = ToldSink::default().fails(&change(1, 1), &[Verdict::Wait; 4]);
    let running = tokio::spawn({
        let (process, sink) = (bench.process.clone(), sink.clone());
        async move { process.run_sink(sink).await }
    });
    eventually("it is handled at last", async || {
        let state = bench
            .broker
            .consumer_state(topology::INDEXER)
            .await
            .unwrap()
            .unwrap();
        (state.num_pending == 0 && state.num_held == 0).then_some(())
    })
    .await;
    assert_eq!(sink.num_seen(), 5);
    assert!(bench.dead().await.is_empty());
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_sink_with_a_refused_key_ends_the_process_and_touches_no_message() {
    let bench = Bench::start().await;
    publish(&bench, &change(1, 1)).await;
    let sink = ToldSink::default().fails(&change(1, 1), &[REFUSED]);
    let error = bench.process.run_sink(sink).await.unwrap_err();
    assert_eq!(error.stop.exit_code(), 77);
    assert!(bench.dead().await.is_empty());
    let state = bench
        .broker
        .consumer_state(topology::INDEXER)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(state.num_pending + state.num_held, 1);
}

#[tokio::test]
async fn a_message_that_was_replaced_can_still_be_acked() {
    let bench = Bench::start().await;
    publish(&bench, &change(1, 1)).await;
    let sink = Replacing(bench.outside().await);
    let outcomes = bench.process.run_sink_once(sink, PATIENCE).await.unwrap();
    assert_eq!(outcomes, [Outcome::Ack]);
    // The next pull is another client's: it gets messages once the pin of the first has run out.
    let patience = bench.broker.config().ack_wait * 2;
    let next = bench.process.run_sink_once(ToldSink::default(), patience);
    let outcomes = next.await.unwrap();
    assert_eq!(outcomes, [Outcome::Ack], "the newer one comes by itself");
    assert_eq!(bench.held(SPEECHES).await, 1);
}

/// Publishes a newer change of the same speech while it handles the older one.
struct Replacing(async_nats::jetstream::Context);

impl Sink for Replacing {
    type Input = SpeechChange;
    type Error = Told;
    const NAME: &'static str = "indexer";
    const CONSUMER: ConsumerSpec = topology::INDEXER;

    fn limits(&self) -> BatchLimits {
        ToldSink::default().limits()
    }

    async fn handle(&self, batch: Vec<Stored>) -> Vec<Result<(), Told>> {
        let newer = change(1, 2);
        let sent = self
            .0
            .publish(newer.subject(), newer.encode().into())
            .await
            .unwrap();
        sent.await.unwrap();
        batch.iter().map(|_| Ok(())).collect()
    }
}

/// Takes two messages at once; has them wait, or never comes to an end.
#[derive(Clone, Default)]
struct Pair {
    hangs: bool,
    num_calls: Arc<AtomicUsize>,
}

impl Sink for Pair {
    type Input = SpeechChange;
    type Error = Told;
    const NAME: &'static str = "indexer";
    const CONSUMER: ConsumerSpec = topology::INDEXER;

    fn limits(&self) -> BatchLimits {
        BatchLimits {
            max_messages: 2,
            ..ToldSink::default().limits()
        }
    }

    async fn handle(&self, batch: Vec<Stored>) -> Vec<Result<(), Told>> {
        self.num_calls.fetch_add(1, Ordering::SeqCst);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        batch.iter().map(|_| Err(Told(Verdict::Wait))).collect()
    }
}

#[tokio::test]
async fn what_was_delivered_often_and_waits_for_its_turn_is_not_counted() {
    let bench = Bench::start_with(|config| config.ack_wait = Duration::from_millis(500)).await;
    for n in 1..=2 {
        publish(&bench, &change(n, 1)).await;
    }
    for _ in 0..2 {
        let once = bench
            .process
            .run_sink_once(Pair::default(), PATIENCE * 6)
            .await;
        assert_eq!(
            once.unwrap(),
            [(); 2].map(|()| Outcome::GivenBack("waiting".to_owned()))
        );
    }
    let sink = Pair {
        hangs: true,
        ..Pair::default()
    };
    let running = tokio::spawn({
        let (process, sink) = (bench.process.clone(), sink.clone());
        async move { process.run_sink(sink).await }
    });
    eventually("one is handled, the other is held", async || {
        let state = bench.broker.consumer_state(topology::INDEXER).await;
        let num_held = state.unwrap().unwrap().num_held;
        (sink.num_calls.load(Ordering::SeqCst) == 1 && num_held == 2).then_some(())
    })
    .await;
    let mut counted = Vec::new();
    for sequence in 1..=2 {
        let key = format!("SPEECHES.{sequence}");
        let record = bench.broker.record::<u32>(Bucket::Attempts, &key).await;
        counted.extend(record.unwrap().map(|record| record.value));
    }
    assert_eq!(counted, [1]);
    running.abort();
}

#[tokio::test]
async fn a_second_indexer_takes_over_from_one_that_is_gone() {
    let bench = Bench::start().await;
    let (first, second) = (ToldSink::default(), ToldSink::default());
    let first_process = {
        let broker =
            worker::Broker::connect(&crate::setup::config(&bench.nats.url()), "first").await;
        worker::Process::new(
            broker.unwrap(),
            crate::setup::worker_config(),
            CancellationToken::default(),
        )
    };
    let one = tokio::spawn({
        let (process, sink) = (first_process.clone(), first.clone());
        async move { process.run_sink(sink).await }
    });
    publish(&bench, &change(1, 1)).await;
    eventually("the first has it", async || {
        (first.num_seen() == 1).then_some(())
    })
    .await;
    let two = tokio::spawn({
        let (process, sink) = (bench.process.clone(), second.clone());
        async move { process.run_sink(sink).await }
    });
    publish(&bench, &change(2, 1)).await;
    eventually("the pinned one has it", async || {
        (first.num_seen() == 2).then_some(())
    })
    .await;
    assert_eq!(second.num_seen(), 0);
    one.abort();
    publish(&bench, &change(3, 1)).await;
    eventually("the second has taken over", async || {
        (second.num_seen() == 1).then_some(())
    })
    .await;
    bench.shutdown.cancel();
    two.await.unwrap().unwrap();
}

#[test]
fn the_messages_of_other_stages_are_not_ours() {
    assert!(SpeechChange::decode("x", b"{}").is_err());
    assert!(Page::decode("x", b"{}").is_err());
    assert!(CrawlRequest::decode("x", b"[]").is_err());
}
