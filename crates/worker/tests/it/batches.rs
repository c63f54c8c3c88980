//! How a sink's loop cuts batches, and what may be in one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use messages::{Message, SpeechChange};
use testkit::eventually;
use worker::topology::{self, ConsumerSpec, DEAD, SPEECHES};
use worker::{BatchLimits, Broker, Outcome, Sink, Stored, Verdict};

use crate::setup::{Bench, PATIENCE, Told};
use crate::sinks::{ToldSink, change, publish};

/// Notes how many batches it had at once, and of what size.
#[derive(Clone)]
struct Counting {
    broker: Broker,
    limits: BatchLimits,
    num_now: Arc<AtomicUsize>,
    num_most: Arc<AtomicUsize>,
    sizes: Arc<Mutex<Vec<usize>>>,
}

impl Sink for Counting {
    type Input = SpeechChange;
    type Error = Told;
    const NAME: &'static str = "indexer";
    const CONSUMER: ConsumerSpec = topology::INDEXER;

    fn limits(&self) -> BatchLimits {
        self.limits
    }

    async fn handle(&self, batch: Vec<Stored>) -> Vec<Result<(), Told>> {
        let num_now = self.num_now.fetch_add(1, Ordering::SeqCst) + 1;
        self.num_most.fetch_max(num_now, Ordering::SeqCst);
        // As long as it takes that all the others are pulled.
        for _ in 0..20 {
            self.broker.stream_state(SPEECHES).await.unwrap();
        }
        self.num_now.fetch_sub(1, Ordering::SeqCst);
        self.sizes.lock().unwrap().push(batch.len());
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
        let limits = BatchLimits {
            max_in_flight_bytes: change(1, 1).encode().len() * num_at_once,
            ..one_by_one()
        };
        let (num_most, _) = handled(&bench, 8, limits).await;
        assert!(may_be.contains(&num_most), "{num_most} of {num_at_once}");
    }
}

#[tokio::test]
async fn of_what_was_delivered_before_few_batches_are_handled_at_once() {
    let bench = Bench::start().await;
    publish_and_deliver(&bench, 8, 1).await;
    let (num_most, _) = handled(&bench, 8, one_by_one()).await;
    assert!((1..=4).contains(&num_most), "{num_most}");
}

#[tokio::test]
async fn what_was_delivered_often_is_handled_in_small_batches_then_one_by_one_with_nothing_beside_it()
 {
    for (num_before, largest) in [(2, 2), (3, 1)] {
        let bench = Bench::start_with(|config| config.ack_wait = PATIENCE).await;
        publish_and_deliver(&bench, 16, num_before).await;
        let (num_most, sizes) = handled(&bench, 16, ToldSink::default().limits()).await;
        assert_eq!(sizes.iter().max(), Some(&largest), "{sizes:?}");
        assert_eq!(num_most, 1);
    }
}

fn one_by_one() -> BatchLimits {
    BatchLimits {
        max_messages: 1,
        max_in_flight: 8,
        ..ToldSink::default().limits()
    }
}

/// Publishes messages that were delivered so often before, in vain. Each time another client is pinned.
async fn publish_and_deliver(bench: &Bench, num_messages: usize, num_times: usize) {
    let mut waiting = ToldSink::default();
    for n in 1..=num_messages {
        let change = change(n, 1);
        publish(bench, &change).await;
        waiting = waiting.fails(&change, &vec![Verdict::Wait; num_times]);
    }
    for _ in 0..num_times {
        let once = bench.process.run_sink_once(waiting.clone(), PATIENCE * 6);
        assert!(!once.await.unwrap().is_empty());
    }
}

/// How many batches are handled at once, and of what sizes, until so many messages are.
async fn handled(bench: &Bench, num_messages: usize, limits: BatchLimits) -> (usize, Vec<usize>) {
    let sink = Counting {
        broker: bench.broker.clone(),
        limits,
        num_now: Arc::default(),
        num_most: Arc::default(),
        sizes: Arc::default(),
    };
    let running = tokio::spawn({
        let (process, sink) = (bench.process.clone(), sink.clone());
        async move { process.run_sink(sink).await }
    });
    eventually("all are handled", async || {
        let sizes = sink.sizes.lock().unwrap();
        (sizes.iter().sum::<usize>() == num_messages).then_some(())
    })
    .await;
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
    let sizes = sink.sizes.lock().unwrap().clone();
    (sink.num_most.load(Ordering::SeqCst), sizes)
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
