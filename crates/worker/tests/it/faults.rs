//! A broker that goes, comes back, or forgets.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use futures_util::StreamExt;
use testkit::eventually;
use worker::topology::{Bucket, CRAWL, EXTRACTOR, PAGES, SUBMIT};
use worker::{Outcome, Verdict};

use crate::setup::{Bench, PATIENCE, RETRY, Scripted};

const URL: &str = "https://www.example.com/a";

/// Handles the next message and dies in the middle of it.
async fn die_handling(bench: &Bench, stage: &Scripted) {
    let calls = stage.calls();
    let dying = tokio::spawn({
        let (process, stage) = (bench.process.clone(), stage.clone());
        async move { process.run_once(&stage, redelivery()).await }
    });
    eventually("it is being handled", async || {
        (stage.calls() > calls).then_some(())
    })
    .await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
}

/// Long enough for a message to be delivered again.
fn redelivery() -> Duration {
    Duration::from_secs(5)
}

#[tokio::test]
async fn a_message_that_ends_its_process_again_and_again_is_buried_without_being_handled() {
    let bench = Bench::start_with(|config| config.ack_wait = Duration::from_millis(500)).await;
    bench.submit(URL).await;
    let stage = Scripted::default().hangs(5);
    // The first two are not counted; from the third on each is, and 3 is the limit here.
    for _ in 0..5 {
        die_handling(&bench, &stage).await;
    }
    let outcome = bench.process.run_once(&stage, redelivery()).await.unwrap();
    assert_eq!(
        outcome,
        Some(Outcome::Dead("attempts_exhausted".to_owned()))
    );
    assert_eq!(stage.calls(), 5, "it is not handled again");
    assert_eq!(bench.dead().await[0].letter.headers.attempts, 3);
}

#[tokio::test]
async fn waiting_uses_no_attempt_however_often_a_message_is_delivered() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().fails(Verdict::Wait, 8);
    for _ in 0..8 {
        let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
        assert_eq!(outcome, Some(Outcome::GivenBack("waiting".to_owned())));
    }
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Ack));
}

#[tokio::test]
async fn a_counted_message_that_was_handled_is_counted_no_more_whatever_becomes_of_its_ack() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().fails(Verdict::Wait, 2);
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.extend(bench.process.run_once(&stage, PATIENCE).await.unwrap());
    }
    assert_eq!(outcomes[2], Outcome::Ack);
    let record = bench.broker.record::<u32>(Bucket::Attempts, "SUBMIT.1");
    assert_eq!(
        record.await.unwrap().map(|record| record.value),
        Some(0),
        "counted ahead, and taken back"
    );
}

#[tokio::test]
async fn a_retry_of_a_counted_message_is_counted_once() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().fails(Verdict::Wait, 2).fails(RETRY, 3);
    let mut outcomes = Vec::new();
    for _ in 0..5 {
        outcomes.extend(bench.process.run_once(&stage, PATIENCE).await.unwrap());
    }
    assert_eq!(outcomes[2..4], [Outcome::Retry, Outcome::Retry]);
    assert_eq!(outcomes[4], Outcome::Dead("told_retry".to_owned()));
}

#[tokio::test]
async fn the_loop_survives_a_restart_of_the_server() {
    let mut bench = Bench::start().await;
    let stage = Scripted::default();
    let running = tokio::spawn({
        let (process, stage) = (bench.process.clone(), stage.clone());
        async move { process.run(stage).await }
    });
    bench.submit(URL).await;
    eventually("the first is handled", async || {
        (bench.held(CRAWL).await == 1).then_some(())
    })
    .await;
    bench.nats.kill().await;
    bench.nats.restart().await;
    eventually("the second is accepted", async || {
        bench.broker.submit(b"https://www.example.com/b").await.ok()
    })
    .await;
    eventually("the second is handled", async || {
        let crawl = bench.broker.stream_state(CRAWL).await.ok()??;
        (crawl.num_messages == 2).then_some(())
    })
    .await;
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_deleted_consumer_is_created_again() {
    let bench = Bench::start().await;
    let stage = Scripted::default();
    let running = tokio::spawn({
        let (process, stage) = (bench.process.clone(), stage.clone());
        async move { process.run(stage).await }
    });
    bench.submit(URL).await;
    eventually("the first is handled", async || {
        (bench.held(SUBMIT).await == 0).then_some(())
    })
    .await;
    let stream = bench.outside().await.get_stream("SUBMIT").await.unwrap();
    stream.delete_consumer("admission").await.unwrap();
    bench.submit("https://www.example.com/b").await;
    eventually("the second is handled", async || {
        (bench.held(CRAWL).await == 2).then_some(())
    })
    .await;
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_stream_makes_the_loop_wait_and_loses_nothing() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().then(|_, outbox| {
        // FOUND takes 8 MiB here: there is no room beside what the test put there.
        outbox.publish(&Bulk);
        Ok(())
    });
    let outside = bench.outside().await;
    let filler = vec![b'x'; 4 * 1024 * 1024];
    outside
        .publish("crawl.found", filler.into())
        .await
        .unwrap()
        .await
        .unwrap();
    let running = tokio::spawn({
        let (process, stage) = (bench.process.clone(), stage.clone());
        async move { process.run(stage).await }
    });
    eventually("the stage was asked", async || {
        (stage.calls() == 1).then_some(())
    })
    .await;
    assert_eq!(
        bench.held(SUBMIT).await,
        1,
        "not acked while its output has no room"
    );
    outside
        .get_stream("FOUND")
        .await
        .unwrap()
        .purge()
        .await
        .unwrap();
    eventually("the output is published when there is room", async || {
        (bench.held(SUBMIT).await == 0).then_some(())
    })
    .await;
    assert!(bench.dead().await.is_empty());
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_stream_of_pages_is_trimmed_oldest_first_and_never_past_what_is_settled() {
    let bench = Bench::start().await;
    let outside = bench.outside().await;
    let publish = async |n: usize| {
        let payload = vec![b'x'; 6 * 1024 * 1024].into();
        let sent = outside
            .publish(format!("page.fetched.{n}"), payload)
            .await
            .unwrap();
        sent.await.unwrap();
    };
    for n in 0..10 {
        publish(n).await;
    }
    assert_eq!(
        bench.broker.trim(EXTRACTOR).await.unwrap(),
        0,
        "none of them is settled"
    );
    let pages = outside.get_stream("PAGES").await.unwrap();
    let consumer: PullConsumer = pages.get_consumer("extractor").await.unwrap();
    let mut pulled = consumer.fetch().max_messages(10).messages().await.unwrap();
    while let Some(message) = pulled.next().await {
        message.unwrap().ack().await.unwrap();
    }
    testkit::eventually("they are settled", async || {
        let state = bench
            .broker
            .consumer_state(EXTRACTOR)
            .await
            .unwrap()
            .unwrap();
        (state.num_held == 0).then_some(())
    })
    .await;
    // 60 of 64 MiB are full; below 85 % are 9 pages.
    assert_eq!(bench.broker.trim(EXTRACTOR).await.unwrap(), 1);
    assert_eq!(bench.broker.trim(EXTRACTOR).await.unwrap(), 0);
    let first = bench
        .broker
        .latest_sequence(PAGES, "page.fetched.0")
        .await
        .unwrap();
    assert_eq!(first, None, "the oldest has left");
    publish(10).await;
}

/// A large message on a stream that is small in tests.
struct Bulk;

impl messages::Message for Bulk {
    const NAME: &'static str = "bulk";

    fn subject(&self) -> String {
        "crawl.found".to_owned()
    }

    fn id(&self) -> String {
        "bulk".to_owned()
    }

    fn url(&self) -> Option<&messages::CanonicalUrl> {
        None
    }

    fn encode(&self) -> Vec<u8> {
        vec![b'y'; 6 * 1024 * 1024]
    }

    fn decode(_: &str, _: &[u8]) -> Result<Self, messages::DecodeError> {
        Ok(Self)
    }
}
