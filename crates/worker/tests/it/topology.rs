//! Setting up streams, consumers and buckets, and noticing that they are set up otherwise.

use std::time::Duration;

use worker::topology::{CONSUMERS, STREAMS};
use worker::{Broker, BrokerConfig, Failure, Stop, Verdict};

use crate::setup::{Bench, config};

async fn connect(config: &BrokerConfig) -> Result<Broker, worker::BrokerError> {
    Broker::connect(config, "test").await
}

#[tokio::test]
async fn what_is_absent_is_created_and_nothing_differs_then() {
    let bench = Bench::start().await;
    assert!(bench.broker.absent().await.unwrap().is_empty());
    assert!(bench.broker.differences().await.unwrap().is_empty());
    bench.broker.ensure_topology(&CONSUMERS).await.unwrap();
    assert_eq!(
        bench.broker.stream_states().await.unwrap().len(),
        STREAMS.len()
    );
}

#[tokio::test]
async fn another_configuration_stops_a_role_and_is_altered_only_on_request() {
    let bench = Bench::start().await;
    let other = BrokerConfig {
        ack_wait: Duration::from_secs(9),
        pages_max_mib: 128,
        ..config(&bench.nats.url())
    };
    let broker = connect(&other).await.unwrap();
    let error = broker.ensure_topology(&CONSUMERS).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop(Stop::Config));
    assert!(error.to_string().contains("check --apply"), "{error}");
    assert!(!bench.broker.absent().await.unwrap().iter().any(|_| true));
    broker.apply_topology().await.unwrap();
    broker.ensure_topology(&CONSUMERS).await.unwrap();
}

#[tokio::test]
async fn an_unreachable_server_is_said_in_one_line_without_credentials() {
    let port = testkit::servers::free_port().unwrap();
    let nowhere = config(&format!("nats://me:secret@127.0.0.1:{port}"));
    let error = connect(&nowhere).await.err().unwrap();
    assert_eq!(error.verdict(), Verdict::Stop(Stop::Unreachable));
    let line = worker::chain(&error);
    assert!(!line.contains("secret") && !line.contains('\n'), "{line}");
}

#[tokio::test]
async fn a_server_without_streams_is_told_from_one_that_is_down() {
    let nats = testkit::TestNats::start().await;
    let broker = connect(&config(&nats.url())).await.unwrap();
    assert_eq!(broker.absent().await.unwrap().len(), 18);
    assert!(broker.stream_states().await.unwrap().is_empty());
}

#[test]
fn every_subject_of_ours_has_its_stream() {
    for (subject, stream) in [
        ("crawl.submit", "SUBMIT"),
        ("crawl.found", "FOUND"),
        ("crawl.later.x", "CRAWL"),
        ("page.again.x", "AGAIN"),
        ("speech.changed.x", "SPEECHES"),
        ("dead.crawler.x", "DEAD"),
    ] {
        assert_eq!(worker::topology::stream_of(subject).name, stream);
    }
}
