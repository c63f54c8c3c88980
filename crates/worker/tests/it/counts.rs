//! How things end is counted in records that all processes add to.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;
use worker::topology::Bucket;
use worker::{Broker, Outcome, Process};

use crate::setup::{Bench, PATIENCE, Scripted, config, worker_config};

async fn counts(broker: &Broker) -> BTreeMap<String, BTreeMap<String, u64>> {
    let ends = broker.ends().await.unwrap();
    ends.into_iter()
        .map(|(stage, ends)| (stage, ends.counts))
        .collect()
}

fn expected(numbers: &[(&str, u64)]) -> BTreeMap<String, BTreeMap<String, u64>> {
    let numbers = numbers
        .iter()
        .map(|(code, number)| ((*code).to_owned(), *number))
        .collect();
    BTreeMap::from([("admission".to_owned(), numbers)])
}

#[tokio::test]
async fn what_stages_count_is_added_up_over_processes_and_their_lives() {
    let bench = Bench::start().await;
    let other = Broker::connect(&config(&bench.nats.url()), "other")
        .await
        .unwrap();
    let other = Process::new(other, worker_config(), CancellationToken::new());
    for process in [&bench.process, &other, &bench.process] {
        let stage = Scripted::default().then(|_, outbox| {
            outbox.count("seen");
            outbox.count_many("out_of_scope", 3);
            outbox.count_many("too_deep", 0);
            Ok(())
        });
        bench.submit("https://www.example.com/1").await;
        let outcome = process.run_once(&stage, PATIENCE).await.unwrap();
        assert_eq!(outcome, Some(Outcome::Ack));
    }
    assert!(counts(&bench.broker).await.is_empty(), "not yet flushed");
    let (ours, theirs) = tokio::join!(bench.process.flush_counts(), other.flush_counts());
    ours.and(theirs).unwrap();
    let all = expected(&[("out_of_scope", 9), ("seen", 3)]);
    assert_eq!(counts(&bench.broker).await, all);
}

#[tokio::test]
async fn nothing_is_written_where_nothing_was_counted() {
    let bench = Bench::start().await;
    bench.process.count("admission", "seen", 2);
    bench.process.flush_counts().await.unwrap();
    let key = "counts.admission";
    let revision = async || {
        let record = bench.broker.record::<worker::Ends>(Bucket::Jobs, key).await;
        record.unwrap().expect("a record").revision
    };
    let before = revision().await;
    bench.process.count("admission", "seen", 0);
    bench.process.flush_counts().await.unwrap();
    assert_eq!(revision().await, before);
}

#[tokio::test]
async fn what_could_not_be_added_is_added_the_next_time() {
    let mut bench = Bench::start().await;
    bench.process.count("admission", "seen", 2);
    bench.nats.kill().await;
    assert!(bench.process.flush_counts().await.is_err());
    bench.nats.restart().await;
    testkit::eventually("it is added", async || {
        bench.process.flush_counts().await.ok()
    })
    .await;
    assert_eq!(counts(&bench.broker).await, expected(&[("seen", 2)]));
}
