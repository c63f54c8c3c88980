//! What is published, in which order, and what is dropped because something newer is there.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use messages::{Body, ContentHash, CrawlRequest, FoundLink, Gone, Message, Page, Response, UrlId};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use worker::topology::{Bucket, CRAWL, FOUND, PAGES, SUBMIT};
use worker::{BatchLimits, Broker, BrokerConfig, Merge, Outcome, Published};

use crate::setup::{Bench, PATIENCE, Scripted, config, request};

const URL: &str = "https://www.example.com/a";
const NOON: OffsetDateTime = datetime!(2026-01-02 12:00 UTC);

fn page(at: OffsetDateTime, body: &[u8]) -> Page {
    Page::Response(Response {
        url: URL.parse().unwrap(),
        final_url: URL.parse().unwrap(),
        status: 200,
        content_type: None,
        robots_tags: Vec::new(),
        agent: None,
        fetched_at: at,
        depth: 0,
        content_hash: ContentHash::of(body),
        body: Body::compress(body),
        parts: Vec::new(),
        lost_part: None,
    })
}

/// Publishes a page and remembers it, as the crawler does.
async fn publish(bench: &Bench, page: Page) {
    // A wrong belief that it is the first changes nothing.
    for is_new in [false, true] {
        publish_believing(bench, page.clone(), is_new).await;
    }
}

async fn publish_believing(bench: &Bench, page: Page, is_new: bool) {
    bench.submit(URL).await;
    let stage = Scripted::default().then(move |_, outbox| {
        outbox.record(Bucket::Urls, "x.crawl", &page.fetched_at().unix_timestamp());
        outbox.publish_newer(page.clone(), is_new);
        Ok(())
    });
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Ack));
}

#[tokio::test]
async fn an_older_page_never_replaces_a_newer_one_and_leaves_no_record() {
    let bench = Bench::start().await;
    publish(&bench, page(NOON, b"new")).await;
    publish(&bench, page(NOON - Duration::HOUR, b"old")).await;
    let last = bench
        .broker
        .latest::<Page>(PAGES, &page(NOON, b"").subject())
        .await;
    assert_eq!(last.unwrap().unwrap().message, page(NOON, b"new"));
    let record = bench
        .broker
        .record::<i64>(Bucket::Urls, "x.crawl")
        .await
        .unwrap();
    assert_eq!(record.unwrap().value, NOON.unix_timestamp());
}

#[tokio::test]
async fn the_same_page_twice_is_one_message() {
    let bench = Bench::start().await;
    publish(&bench, page(NOON, b"same")).await;
    let subject = page(NOON, b"same").subject();
    let first = bench.broker.latest_sequence(PAGES, &subject).await.unwrap();
    publish(&bench, page(NOON, b"same")).await;
    assert_eq!(
        bench.broker.latest_sequence(PAGES, &subject).await.unwrap(),
        first
    );
}

#[tokio::test]
async fn the_leader_of_a_cluster_says_the_same_as_any_server() {
    let bench = Bench::start().await;
    for body in [b"one".as_slice(), b"two"] {
        publish(&bench, page(NOON, body)).await;
    }
    let limits = BatchLimits {
        max_messages: 10,
        max_bytes: 1_000_000,
        max_wait: std::time::Duration::ZERO,
        max_in_flight: 1,
        max_in_flight_bytes: 1_000_000,
    };
    let mut said = Vec::new();
    for replicas in [1, 3] {
        let config = BrokerConfig {
            replicas,
            ..config(&bench.nats.url())
        };
        let broker = Broker::connect(&config, "test").await.unwrap();
        let subject = page(NOON, b"").subject();
        let last = broker.latest::<Page>(PAGES, &subject).await.unwrap();
        let none = broker
            .latest::<Page>(PAGES, "page.fetched.0")
            .await
            .unwrap();
        assert!(none.is_none());
        let last = last.unwrap();
        let run = broker.messages_after(PAGES, 0, limits).await;
        let run = run.unwrap();
        let found: Vec<_> = run
            .messages
            .iter()
            .map(|it| it.decode::<Page>().unwrap())
            .collect();
        let has = [last.sequence, last.sequence + 1].map(|it| broker.has_message(PAGES, it));
        let [has, has_next] = has;
        assert!(has.await.unwrap() && !has_next.await.unwrap());
        let is_newer = async |than| broker.has_newer(PAGES, &subject, than).await.unwrap();
        assert!(is_newer(last.sequence - 1).await && !is_newer(last.sequence).await);
        assert_eq!(broker.last_sequence(PAGES).await.unwrap(), last.sequence);
        said.push((last.message, last.sequence, found, run.last));
    }
    assert_eq!(said[0], said[1]);
}

#[tokio::test]
async fn a_page_that_is_gone_replaces_the_page() {
    let bench = Bench::start().await;
    publish(&bench, page(NOON, b"text")).await;
    let gone = Page::Gone(Gone {
        url: URL.parse().unwrap(),
        status: 404,
        fetched_at: NOON + Duration::HOUR,
    });
    publish(&bench, gone.clone()).await;
    let last = bench
        .broker
        .latest::<Page>(PAGES, &gone.subject())
        .await
        .unwrap();
    assert_eq!(last.unwrap().message, gone);
    assert_eq!(bench.held(PAGES).await, 1);
}

#[tokio::test]
async fn merging_sees_what_is_there_and_loses_nothing_of_it() {
    let bench = Bench::start().await;
    let merged = |depth| {
        move |_: &_, outbox: &mut worker::Outbox| {
            let ours = CrawlRequest {
                depth,
                ..request("a")
            };
            outbox.publish_merged(
                ours.subject(),
                move |last: Option<CrawlRequest>| match last {
                    Some(last) => Merge::Publish(ours.clone().merged_with(&last)),
                    None => Merge::Publish(ours.clone()),
                },
            );
            Ok(())
        }
    };
    for depth in [3, 1, 2] {
        bench.submit(URL).await;
        let stage = Scripted::default().then(merged(depth));
        bench.process.run_once(&stage, PATIENCE).await.unwrap();
    }
    let last = bench
        .broker
        .latest::<CrawlRequest>(CRAWL, &request("a").subject())
        .await;
    assert_eq!(last.unwrap().unwrap().message.depth, 1);
    assert_eq!(bench.held(CRAWL).await, 1);
}

#[tokio::test]
async fn a_scheduled_message_appears_on_its_target_when_it_is_due() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let at = OffsetDateTime::now_utc() + Duration::seconds(1);
    let stage = Scripted::default().then(move |_, outbox| {
        let later = request("a");
        let id = later.url_id();
        outbox.schedule_at(
            CrawlRequest::later_subject(&id),
            CrawlRequest::due_subject(&id),
            at,
            &later,
        );
        Ok(())
    });
    bench.process.run_once(&stage, PATIENCE).await.unwrap();
    let subject = request("a").subject();
    let later = CrawlRequest::later_subject(&request("a").url_id());
    let due_at = bench.broker.due_at(CRAWL, &later).await.unwrap().unwrap();
    assert!((due_at - at).abs() < Duration::SECOND);
    testkit::eventually("the schedule fires", async || {
        bench.broker.latest_sequence(CRAWL, &subject).await.unwrap()
    })
    .await;
    assert_eq!(
        bench.broker.latest_sequence(CRAWL, &later).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn found_links_are_published_once_though_their_page_is_handled_twice() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let publish = |outbox: &mut worker::Outbox| {
        outbox.publish_optional(&FoundLink {
            url: "https://www.example.com/b".parse().unwrap(),
            depth: 1,
            found_on: UrlId::of(&URL.parse().unwrap()),
        });
    };
    // The outputs of both are the same; the first is not acked, as after a crash.
    let stage = Scripted::default().then(move |_, outbox| {
        publish(outbox);
        outbox.publish(&Huge);
        Ok(())
    });
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Dead("message_too_large".to_owned())));
    assert_eq!(
        bench.held(FOUND).await,
        0,
        "links wait for the outputs that must be safe"
    );
    assert_eq!(bench.held(SUBMIT).await, 0);
}

#[tokio::test]
async fn a_record_can_count_what_the_broker_had_no_room_for() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let seen = Arc::new(Mutex::new(None));
    let noted = seen.clone();
    let stage = Scripted::default().then(move |_, outbox| {
        let noted = noted.clone();
        let record = move |published: &Published| {
            *noted.lock().unwrap() = Some(*published);
            published.num_refused
        };
        outbox.record_merged(Bucket::Urls, "x.extract", record, |ours, _| Some(ours));
        outbox.publish_optional(&HugeLink);
        Ok(())
    });
    bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(seen.lock().unwrap().unwrap().num_refused, 1);
    let record = bench
        .broker
        .record::<u32>(Bucket::Urls, "x.extract")
        .await
        .unwrap();
    assert_eq!(record.unwrap().value, 1);
}

#[tokio::test]
async fn a_record_that_somebody_wrote_meanwhile_has_its_say() {
    let bench = Bench::start().await;
    let (bucket, key) = (Bucket::Urls, "x.extract");
    for (ours, standing) in [(7, 7), (9, 9), (8, 9)] {
        bench.submit(URL).await;
        let stage = Scripted::default().then(move |_, outbox| {
            outbox.record_merged(
                bucket,
                key,
                move |_| ours,
                |ours, standing| (ours > standing).then_some(ours),
            );
            Ok(())
        });
        bench.process.run_once(&stage, PATIENCE).await.unwrap();
        let record = bench.broker.record::<u32>(bucket, key).await.unwrap();
        assert_eq!(record.unwrap().value, standing, "after {ours}");
    }
}

/// More bytes than a message may have.
struct Huge;

/// The same, on the way that may be refused.
struct HugeLink;

macro_rules! huge {
    ($name:ident, $subject:literal) => {
        impl Message for $name {
            const NAME: &'static str = "huge message";

            fn subject(&self) -> String {
                $subject.to_owned()
            }

            fn id(&self) -> String {
                "huge".to_owned()
            }

            fn url(&self) -> Option<&messages::CanonicalUrl> {
                None
            }

            fn encode(&self) -> Vec<u8> {
                vec![b' '; worker::topology::MAX_MESSAGE_BYTES + 1]
            }

            fn decode(_: &str, _: &[u8]) -> Result<Self, messages::DecodeError> {
                Ok(Self)
            }
        }
    };
}

huge!(Huge, "page.fetched.huge");
huge!(HugeLink, "crawl.found");

/// What the leader of a cluster says until the other's message is stored by a majority.
#[tokio::test]
async fn a_record_that_another_is_just_writing_is_a_conflict() {
    let bench = Bench::start().await;
    let outside = bench.outside().await;
    outside.delete_stream("KV_urls").await.unwrap();
    let leader = async_nats::connect(bench.nats.url()).await.unwrap();
    let mut requests = leader.subscribe("$KV.urls.x.crawl").await.unwrap();
    // An answer to what was asked later: the server knows who listens.
    leader.request("$JS.API.INFO", "".into()).await.unwrap();
    let answer = async {
        let request = requests.next().await.unwrap();
        let refusal = r#"{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"KV_urls","seq":0}"#;
        let reply = request.reply.unwrap();
        leader.publish(reply, refusal.into()).await.unwrap();
    };
    let swap = bench
        .broker
        .swap_record(Bucket::Urls, "x.crawl", &1, Some(1));
    let (is_written, ()) = tokio::join!(swap, answer);
    assert!(!is_written.unwrap());
}

#[tokio::test]
async fn a_claim_stands_before_the_outputs_and_who_finds_another_handles_the_input_again() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let claim = |outbox: &mut worker::Outbox, value: u8, revision| {
        outbox.claim(Bucket::Urls, "x.extract", &value, revision);
        outbox.publish(&request(&value.to_string()));
    };
    let others = bench.broker.write_record(Bucket::Urls, "x.extract", &0);
    others.await.unwrap();
    let record = async || {
        let record = bench.broker.record::<u8>(Bucket::Urls, "x.extract").await;
        record.unwrap().unwrap()
    };
    let revision = record().await.revision;
    let stage = Scripted::default()
        .then(move |_, outbox| {
            claim(outbox, 1, None);
            Ok(())
        })
        .then(move |_, outbox| {
            claim(outbox, 2, Some(revision));
            Ok(())
        });
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!((outcome, stage.calls()), (Some(Outcome::Ack), 2));
    assert_eq!(record().await.value, 2);
    for (path, is_published) in [("1", false), ("2", true)] {
        let subject = request(path).subject();
        let published = bench.broker.latest_sequence(CRAWL, &subject).await.unwrap();
        assert_eq!(published.is_some(), is_published, "{path}");
    }
}

#[tokio::test]
async fn a_record_that_was_deleted_can_be_claimed_like_one_that_never_was() {
    let bench = Bench::start().await;
    let written = bench.broker.write_record(Bucket::Urls, "x.extract", &0);
    written.await.unwrap();
    let records = bench.outside().await.get_key_value("urls").await.unwrap();
    records.delete("x.extract").await.unwrap();
    bench.submit(URL).await;
    let stage = Scripted::default().then(|_, outbox| {
        outbox.claim(Bucket::Urls, "x.extract", &1, None);
        Ok(())
    });
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!((outcome, stage.calls()), (Some(Outcome::Ack), 1));
    let record = bench.broker.record::<u8>(Bucket::Urls, "x.extract").await;
    assert_eq!(record.unwrap().unwrap().value, 1);
}
