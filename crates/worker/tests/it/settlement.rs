//! Each verdict, and what becomes of the message.

use testkit::eventually;
use worker::topology::{self, Bucket, CRAWL, SUBMIT};
use worker::{Outcome, Stop, Verdict};

use crate::setup::{Bench, PATIENCE, REFUSED, RETRY, Scripted, request};

const URL: &str = "https://www.example.com/a";

#[tokio::test]
async fn a_handled_message_is_acked_after_its_outputs_and_its_record() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().then(|_, outbox| {
        outbox.publish(&request("a"));
        outbox.record(Bucket::Urls, "x.admission", &7);
        Ok(())
    });
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Ack));
    assert_eq!(bench.held(SUBMIT).await, 0);
    assert_eq!(bench.held(CRAWL).await, 1);
    let record = bench
        .broker
        .record::<u32>(Bucket::Urls, "x.admission")
        .await;
    assert_eq!(record.unwrap().unwrap().value, 7);
}

#[tokio::test]
async fn a_message_that_fails_again_and_again_becomes_a_dead_letter_with_its_bytes_unchanged() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().fails(RETRY, 3);
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.extend(bench.process.run_once(&stage, PATIENCE).await.unwrap());
    }
    assert_eq!(
        outcomes,
        [
            Outcome::Retry,
            Outcome::Retry,
            Outcome::Dead("told_retry".to_owned())
        ]
    );
    assert_eq!(bench.held(SUBMIT).await, 0);
    let dead = bench.dead().await;
    let [filed] = &dead[..] else {
        panic!("{dead:?}")
    };
    assert_eq!(filed.letter.payload, URL.as_bytes());
    assert_eq!(filed.letter.headers.attempts, 3);
    assert_eq!(filed.letter.headers.stage, "admission");
    assert_eq!(filed.letter.headers.stream, "SUBMIT");
    assert_eq!(filed.letter.headers.subject, "crawl.submit");
}

#[tokio::test]
async fn a_rejected_message_is_a_dead_letter_at_once() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().fails(Verdict::Reject, 1);
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Dead("told_reject".to_owned())));
    assert_eq!(bench.held(SUBMIT).await, 0);
    assert_eq!(bench.dead().await.len(), 1);
}

#[tokio::test]
async fn a_message_that_can_not_be_decoded_is_a_dead_letter_under_the_id_of_its_bytes() {
    let bench = Bench::start().await;
    bench.broker.submit(b"\xff\xfe\x00").await.unwrap();
    let stage = Scripted::default();
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Dead("undecodable".to_owned())));
    assert_eq!(stage.calls(), 0);
    let dead = bench.dead().await;
    assert_eq!(dead[0].letter.id, messages::id_of_bytes(b"\xff\xfe\x00"));
    assert_eq!(dead[0].letter.payload, b"\xff\xfe\x00");
}

#[tokio::test]
async fn a_panic_is_tried_again_and_the_worker_lives_on() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().then(|_, _| panic!("as planned"));
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Retry));
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Ack));
}

#[tokio::test]
async fn a_dependency_that_is_away_uses_no_attempt() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().fails(Verdict::Wait, 2);
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::GivenBack("waiting".to_owned())));
    let running = tokio::spawn({
        let (process, stage) = (bench.process.clone(), stage.clone());
        async move { process.run(stage).await }
    });
    eventually(
        "the message is handled when the dependency is back",
        async || (bench.held(CRAWL).await == 1 && bench.held(SUBMIT).await == 0).then_some(()),
    )
    .await;
    assert!(bench.dead().await.is_empty());
    let attempts = bench.broker.stream_state(topology::CRAWL).await.unwrap();
    assert!(attempts.is_some());
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn our_own_misconfiguration_ends_the_process_and_touches_no_message() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().fails(REFUSED, 1);
    let error = bench.process.run(stage).await.unwrap_err();
    assert_eq!(error.stop, Stop::Refused);
    assert_eq!(error.stop.exit_code(), 77);
    assert_eq!(bench.held(SUBMIT).await, 1);
    assert!(bench.dead().await.is_empty());
}

#[tokio::test]
async fn shutdown_finishes_what_is_in_hand() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let shutdown = bench.shutdown.clone();
    let stage = Scripted::default().then(move |_, outbox| {
        shutdown.cancel();
        outbox.publish(&request("a"));
        Ok(())
    });
    bench.process.run(stage).await.unwrap();
    assert_eq!(bench.held(SUBMIT).await, 0);
    assert_eq!(bench.held(CRAWL).await, 1);
}

#[tokio::test]
async fn a_bad_part_of_a_message_is_a_dead_letter_of_its_own_and_the_rest_goes_on() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().then(|_, outbox| {
        outbox.publish(&request("a"));
        let failure = crate::setup::Told(Verdict::Reject);
        outbox.dead_letter("part", None, b"bad line".to_vec(), &failure);
        Ok(())
    });
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Ack));
    assert_eq!(bench.held(CRAWL).await, 1);
    assert_eq!(bench.dead().await[0].letter.payload, b"bad line");
}
