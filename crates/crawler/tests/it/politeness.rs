//! The host's clock: shared by all crawlers, blocked by refusals, stopped by the operator.

use std::time::Duration;

use messages::{ClockRecord, ControlRecord, timestamp};
use testkit::{Reply, eventually};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use worker::Outcome;
use worker::topology::{Bucket, CRAWL};

use crate::it::lab::Lab;

/// Allowed, and asked politely all the same.
const POLITE: [&str; 4] = ["--allow-address", "127.0.0.1", "--delay", "300ms"];

async fn lab() -> Lab {
    Lab::start_with(&POLITE).await
}

async fn clock(lab: &Lab) -> ClockRecord {
    let key = ClockRecord::key(&lab.url("/").host());
    let record = lab.broker.record(Bucket::Hosts, &key).await.unwrap();
    record.expect("a clock").value
}

async fn pause(lab: &Lab, is_paused: bool) {
    let host = lab.url("/").host();
    let record = ControlRecord {
        host: host.clone(),
        is_paused,
        at: timestamp::now(),
    };
    let key = ControlRecord::key(&host);
    let written = lab.broker.write_record(Bucket::Hosts, &key, &record);
    written.await.unwrap();
}

/// Seconds until a deferred request is due.
async fn wait_of(lab: &Lab, path: &str) -> i64 {
    let schedule = lab.schedule(path).await;
    let at = OffsetDateTime::parse(schedule.strip_prefix("@at ").unwrap(), &Rfc3339).unwrap();
    (at - OffsetDateTime::now_utc()).whole_seconds()
}

#[tokio::test]
async fn requests_of_two_crawlers_are_a_delay_apart() {
    let lab = lab().await;
    let other = lab.second_crawler(&POLITE);
    for n in 0..8 {
        let path = format!("/{n}");
        lab.site.page(&path, Reply::html("here"));
        lab.queue(&path, 0).await;
    }
    for _ in 0..4 {
        let (one, two) = tokio::join!(lab.fetch(), lab.fetch_by(&other));
        assert_eq!((one, two), (Outcome::Ack, Outcome::Ack));
    }
    let times: Vec<_> = lab.site.requests().iter().map(|it| it.at).collect();
    assert!(times.len() >= 8);
    for pair in times.windows(2) {
        let gap = pair[1] - pair[0];
        assert!(gap >= Duration::from_millis(270), "{gap:?}");
    }
}

#[tokio::test]
async fn a_host_that_refuses_is_left_alone_and_its_other_requests_use_no_attempt() {
    let lab = lab().await;
    lab.site
        .page("/1", Reply::status(429).header("Retry-After", "600"));
    lab.expect_again("/1", "http_429").await;
    lab.crawl("/2").await;
    assert_eq!(lab.site.hits("/2"), 0);
    assert_eq!(lab.later("/2").await.unwrap().attempt, 0);
    assert!((590..=600).contains(&wait_of(&lab, "/2").await));
    let clock = clock(&lab).await;
    assert_eq!(clock.blocked_by.as_deref(), Some("http_429"));
}

#[tokio::test]
async fn refusals_in_a_row_block_a_host_for_longer_and_an_answer_forgives_them() {
    let arguments = [&POLITE[..], &["--retry-base", "1ms", "--retry-cap", "5ms"]].concat();
    let lab = Lab::start_with(&arguments).await;
    let replies = [Reply::status(503), Reply::status(503), Reply::html("here")];
    lab.site.sequence("/1", replies);
    for num_blocks in 1..=2 {
        lab.crawl("/1").await;
        assert_eq!(clock(&lab).await.num_blocks, num_blocks);
    }
    lab.crawl("/1").await;
    // What was learned is written with the next reservation.
    lab.site.page("/2", Reply::html("here"));
    lab.crawl("/2").await;
    let clock = clock(&lab).await;
    assert_eq!((clock.num_blocks, clock.blocked_until), (0, None));
}

#[tokio::test]
async fn a_paused_host_is_not_asked_until_it_is_resumed() {
    for arguments in [&POLITE[..], &POLITE[..2]] {
        let lab = Lab::start_with(arguments).await;
        lab.site.page("/1", Reply::html("here"));
        pause(&lab, true).await;
        assert_eq!(lab.crawl("/1").await, Outcome::Ack);
        assert_eq!(lab.later("/1").await.unwrap().attempt, 0);
        assert!((55..=60).contains(&wait_of(&lab, "/1").await));
        assert_eq!(lab.site.hits("/1"), 0);
        pause(&lab, false).await;
        eventually("it is asked again", async || {
            lab.crawl("/1").await;
            (lab.site.hits("/1") == 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_clock_that_cannot_be_read_is_begun_anew() {
    let lab = lab().await;
    lab.site.page("/1", Reply::html("here"));
    let key = ClockRecord::key(&lab.url("/").host());
    let written = lab.broker.write_record(Bucket::Hosts, &key, &"nonsense");
    written.await.unwrap();
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    assert_eq!(lab.site.hits("/1"), 1);
}

#[tokio::test]
async fn a_host_without_pace_has_no_clock() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here"));
    lab.crawl("/1").await;
    let key = ClockRecord::key(&lab.url("/").host());
    let record = lab.broker.record::<ClockRecord>(Bucket::Hosts, &key).await;
    assert!(record.unwrap().is_none());
}

#[tokio::test]
async fn a_schedule_that_should_have_fired_is_published_again() {
    let arguments = [&POLITE[..], &["--retry-base", "1h", "--retry-cap", "1h"]].concat();
    let lab = Lab::start_with(&arguments).await;
    lab.site.page("/1", Reply::status(500));
    lab.crawl("/1").await;
    let now = OffsetDateTime::now_utc();
    let sweep = async |due| lab.broker.sweep(CRAWL, "crawl.later.*", due).await;
    assert_eq!(sweep(now).await.unwrap(), 0, "it is not due");
    assert_eq!(sweep(now + Duration::from_hours(2)).await.unwrap(), 1);
    let due = eventually("it has fired", async || lab.due("/1").await).await;
    assert_eq!(due.attempt, 1);
    assert!(lab.later("/1").await.is_none());
}
