//! Schedules that did not fire because the store was full, and whose turn it is to look.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::PullConsumer;
use futures_util::StreamExt;
use messages::{CrawlRequest, Message, timestamp};
use testkit::{TestNats, eventually};
use worker::Broker;
use worker::topology::{CONSUMERS, CRAWL, CRAWLER, ConsumerSpec};

use crate::setup::{Bench, config, request};

/// Little more than what our streams reserve at their smallest.
const STORE: u64 = 64 * 1024 * 1024;

#[tokio::test]
async fn what_fell_due_while_the_store_was_full_fires_once_there_is_room() {
    let nats = TestNats::start_with(|options| options.max_store_bytes = Some(STORE)).await;
    let mut config = config(&nats.url());
    config.pages_max_mib = 16;
    let broker = Broker::connect(&config, "test").await.unwrap();
    broker.ensure_topology(&CONSUMERS).await.unwrap();
    let request = request("1");
    let (id, due_at) = (request.url_id(), timestamp::now() + Duration::from_secs(2));
    let (later, due) = (
        CrawlRequest::later_subject(&id),
        CrawlRequest::due_subject(&id),
    );
    let scheduled = broker.schedule_if_absent(&later, &due, due_at, &request);
    assert!(scheduled.await.unwrap());
    let client = async_nats::connect(nats.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    for n in 0_u32.. {
        let large = vec![b'x'; 7 * 1024 * 1024].into();
        let sent = context.publish(format!("crawl.request.{n}"), large).await;
        if sent.unwrap().await.is_err() {
            assert!(n > 0, "there was room for one");
            break;
        }
    }
    assert!(timestamp::now() < due_at, "it was full in time");
    let passed = due_at + Duration::from_secs(1);
    eventually("its time has passed", async || {
        (timestamp::now() > passed).then_some(())
    })
    .await;
    let stream = context.get_stream_no_info(CRAWL.name).await.unwrap();
    stream.purge().filter("crawl.request.*").await.unwrap();
    let sweep = async || broker.sweep(CRAWL, "crawl.later.*", timestamp::now()).await;
    assert_eq!(sweep().await.unwrap(), 1, "it stands there still");
    let fired = eventually("it fires", async || {
        broker.latest::<CrawlRequest>(CRAWL, &due).await.unwrap()
    })
    .await;
    assert_eq!(fired.message, request);
    assert_eq!(sweep().await.unwrap(), 0);
}

#[tokio::test]
async fn what_stands_behind_what_is_settled_is_published_again_and_nothing_else_is() {
    let bench = Bench::start().await;
    let context = bench.outside().await;
    let put = async |subject: &'static str, n: &str| {
        let payload = request(n).encode();
        let ack = context.publish(subject, payload.into()).await.unwrap();
        ack.await.unwrap().sequence
    };
    // The consumer is not given these subjects: like what a server that was killed leaves behind.
    let first = put("crawl.later.1", "1").await;
    put("crawl.request.2", "2").await;
    let stream = context.get_stream_no_info(CRAWL.name).await.unwrap();
    let consumer: PullConsumer = stream.get_consumer(CRAWLER.name).await.unwrap();
    let mut pulled = consumer.fetch().max_messages(1).messages().await.unwrap();
    let pulled = pulled.next().await.unwrap().unwrap();
    let client = async_nats::connect(bench.nats.url()).await.unwrap();
    let reply = pulled.reply.clone().unwrap();
    client.request(reply, "+ACK".into()).await.unwrap();
    let second = put("crawl.later.3", "3").await;
    let left_behind = ConsumerSpec {
        filter: "crawl.later.*",
        ..CRAWLER
    };
    let revive = async || bench.broker.revive(left_behind).await.unwrap();
    assert_eq!(revive().await, 1);
    let last = async |subject| bench.broker.latest::<CrawlRequest>(CRAWL, subject).await;
    let revived = last("crawl.later.1").await.unwrap().unwrap();
    assert!(revived.sequence > first && revived.message == request("1"));
    let other = last("crawl.later.3").await.unwrap().unwrap();
    assert_eq!(other.sequence, second);
    assert_eq!(revive().await, 0);
}

#[tokio::test]
async fn of_all_processes_one_does_a_job_each_time() {
    let bench = Bench::start().await;
    let every = Duration::from_millis(400);
    let done = Mutex::new(Vec::new());
    let work = || async {
        done.lock().unwrap().push(Instant::now());
        Ok(())
    };
    let take_turns = || bench.process.take_turns("test", every, work);
    let enough = eventually("it was done again and again", async || {
        (done.lock().unwrap().len() >= 3).then_some(())
    });
    tokio::select! {
        _ = take_turns() => {}
        _ = take_turns() => {}
        _ = take_turns() => {}
        () = enough => {}
    }
    let done = done.lock().unwrap();
    for turns in done.windows(2) {
        // Written just before it was done: less a hair.
        assert!(turns[1] - turns[0] > every / 2, "{done:?}");
    }
}
