//! Recurring requests that did not come.

use std::time::Duration;

use crawler::request_overdue;
use messages::{CrawlRecord, UrlId};
use testkit::Reply;
use time::OffsetDateTime;
use worker::topology::{Bucket, CRAWL};

use crate::it::lab::Lab;

/// Requests a path every hour; the request that is queued at once is taken out of the way.
async fn set(lab: &Lab, path: &str) {
    let url = lab.url(path);
    lab.admit(format!(r#"{{"url":"{url}","every":"1h"}}"#))
        .await;
    lab.fetch().await;
}

async fn sweep(lab: &Lab, hours_from_now: u64) -> u64 {
    let now = OffsetDateTime::now_utc() + Duration::from_hours(hours_from_now);
    request_overdue(&lab.broker, now).await.unwrap()
}

/// Remembers a fetch so many hours from now.
async fn fetched(lab: &Lab, path: &str, hours_from_now: u64) {
    let record = lab.crawl_record(path).await.expect("a record");
    let record = CrawlRecord {
        fetched_at: record.fetched_at + Duration::from_hours(hours_from_now),
        ..record
    };
    let key = CrawlRecord::key(&UrlId::of(&lab.url(path)));
    let written = lab.broker.write_record(Bucket::Urls, &key, &record);
    written.await.unwrap();
}

#[tokio::test]
async fn one_that_was_not_requested_within_its_interval_is_requested_and_stays_recurring() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here"));
    set(&lab, "/1").await;
    assert_eq!(sweep(&lab, 1).await, 0, "it has a minute to fire by itself");
    assert_eq!(sweep(&lab, 2).await, 1);
    let (later, recrawl) = (lab.later("/1").await, lab.recrawl("/1").await);
    assert_eq!(later, recrawl);
    assert!(recrawl.is_some_and(|request| request.every.is_some()));
    assert_eq!(sweep(&lab, 2).await, 0, "it waits already");
}

#[tokio::test]
async fn one_that_is_queued_is_left_alone() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here"));
    set(&lab, "/1").await;
    lab.queue("/1", 0).await;
    assert_eq!(sweep(&lab, 9).await, 0);
    assert!(lab.later("/1").await.is_none());
}

#[tokio::test]
async fn one_that_was_fetched_in_time_is_left_alone() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here"));
    set(&lab, "/1").await;
    fetched(&lab, "/1", 4).await;
    assert_eq!(sweep(&lab, 5).await, 0);
    assert_eq!(sweep(&lab, 6).await, 1);
}

#[tokio::test]
async fn one_whose_first_time_is_still_to_come_is_left_alone() {
    let lab = Lab::start().await;
    let url = lab.url("/1");
    lab.admit(format!(r#"{{"url":"{url}","every":"1h"}}"#))
        .await;
    let context = async_nats::jetstream::new(lab.client.clone());
    let stream = context.get_stream_no_info(CRAWL.name).await.unwrap();
    stream.purge().filter("crawl.request.*").await.unwrap();
    assert_eq!(sweep(&lab, 0).await, 0, "though it was never fetched");
    assert_eq!(sweep(&lab, 2).await, 1);
}

#[tokio::test]
async fn one_that_waits_for_its_host_is_left_alone() {
    let arguments = [
        "--allow-address",
        "127.0.0.1",
        "--retry-base",
        "1h",
        "--retry-cap",
        "1h",
    ];
    let lab = Lab::start_with(&arguments).await;
    lab.site.page("/1", Reply::status(500));
    set(&lab, "/1").await;
    let later = lab.later("/1").await.expect("it is deferred");
    assert_eq!((sweep(&lab, 9).await, later.attempt), (0, 1));
}

#[tokio::test]
async fn one_that_died_is_requested_again_only_when_its_interval_has_passed() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::status(403));
    set(&lab, "/1").await;
    assert_eq!(lab.dead().await.len(), 1);
    assert!(
        lab.crawl_record("/1").await.is_none(),
        "a letter is all it left"
    );
    assert_eq!(sweep(&lab, 1).await, 0);
    assert_eq!(sweep(&lab, 2).await, 1);
}
