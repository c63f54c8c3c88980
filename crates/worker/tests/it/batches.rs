//! How a sink's loop cuts batches, and what may be in one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use messages::{Message, SpeechChange};
use testkit::eventually;
use worker::topology::{self, ConsumerSpec, DEAD, SPEECHES};
use worker::{BatchLimits, Broker, Outcome, Sink, Stored, Verdict};

use crate::setup::{Bench, PATIENCE, Told};
use crate::sinks::{ToldSink, change, publish};

/// Takes one message at a time, and bytes for `num_at_once` of them; notes how many it had at once.
#[derive(Clone)]
struct Counting {
    broker: Broker,
    num_bytes: usize,
    num_now: Arc<AtomicUsize>,
    num_most: Arc<AtomicUsize>,
    num_done: Arc<AtomicUsize>,
}

impl Sink for Counting {
    type Input = SpeechChange;
    type Error = Told;
    const NAME: &'static str = "indexer";
    const CONSUMER: ConsumerSpec = topology::INDEXER;

    fn limits(&self) -> BatchLimits {
        BatchLimits {
            max_messages: 1,
            max_in_flight: 8,
            max_in_flight_bytes: self.num_bytes,
            ..ToldSink::default().limits()
        }
    }

    async fn handle(&self, batch: Vec<Stored>) -> Vec<Result<(), Told>> {
        let num_now = self.num_now.fetch_add(1, Ordering::SeqCst) + 1;
        self.num_most.fetch_max(num_now, Ordering::SeqCst);
        // As long as it takes that all the others are pulled.
        for _ in 0..20 {
            self.broker.stream_state(SPEECHES).await.unwrap();
        }
        self.num_now.fetch_sub(1, Ordering::SeqCst);
        self.num_done.fetch_add(1, Ordering::SeqCst);
        batch.iter().map(|_| Ok(())).collect()
    }
}

#[tokio::test]
async fn no_batch_is_begun_while_those_in_flight_hold_the_bytes_that_they_may() {
    for (num_at_once, may_be) in [(1, 1..=1), (8, 2..=8)] {
        let bench = Bench::start().await;
        for n in 1..=8 {
            publish(&bench, &change(n, 1)).await;
        }
        let num_most = most_at_once(&bench, num_at_once).await;
        assert!(may_be.contains(&num_most), "{num_most} of {num_at_once}");
    }
}

#[tokio::test]
async fn of_what_was_delivered_before_few_batches_are_handled_at_once() {
    let bench = Bench::start().await;
    let changes: Vec<SpeechChange> = (1..=8).map(|n| change(n, 1)).collect();
    let mut waiting = ToldSink::default();
    for change in &changes {
        publish(&bench, change).await;
        waiting = waiting.fails(change, &[Verdict::Wait]);
    }
    let outcomes = bench.process.run_sink_once(waiting, PATIENCE).await;
    assert_eq!(outcomes.unwrap().len(), 8);
    let num_most = most_at_once(&bench, 8).await;
    assert!((1..=4).contains(&num_most), "{num_most}");
}

/// How many of eight messages are handled at once, with room for the bytes of so many.
async fn most_at_once(bench: &Bench, num_at_once: usize) -> usize {
    let sink = Counting {
        broker: bench.broker.clone(),
        num_bytes: change(1, 1).encode().len() * num_at_once,
        num_now: Arc::default(),
        num_most: Arc::default(),
        num_done: Arc::default(),
    };
    let running = tokio::spawn({
        let (process, sink) = (bench.process.clone(), sink.clone());
        async move { process.run_sink(sink).await }
    });
    eventually("all are handled", async || {
        (sink.num_done.load(Ordering::SeqCst) == 8).then_some(())
    })
    .await;
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
    sink.num_most.load(Ordering::SeqCst)
}

#[tokio::test]
async fn what_can_not_be_decoded_is_a_dead_letter_and_the_rest_of_its_batch_goes_on() {
    let bench = Bench::start().await;
    let foreign = bench.outside().await;
    let sent = foreign.publish(change(1, 1).subject(), "{".into());
    sent.await.unwrap().await.unwrap();
    publish(&bench, &change(2, 1)).await;
    let once = bench
        .process
        .run_sink_once(ToldSink::default(), PATIENCE)
        .await;
    let dead = Outcome::Dead("told_reject".to_owned());
    assert_eq!(once.unwrap(), [dead, Outcome::Ack]);
    assert_eq!(bench.held(DEAD).await, 1);
}
