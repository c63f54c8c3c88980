//! A process that freezes, a connection that breaks, an answer that is lost: the broker and we think
//! differently of one message.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use testkit::proxy::Direction;
use testkit::{ChaosProxy, eventually};
use tokio_util::sync::CancellationToken;
use worker::topology::{CRAWL, SUBMIT};
use worker::{Broker, BrokerConfig, Outcome, Process};

use crate::setup::{Bench, Scripted, request, worker_config};

const URL: &str = "https://www.example.com/a";

/// One output, one ack, no letter.
async fn is_done_once(bench: &Bench) {
    assert_eq!(bench.held(SUBMIT).await, 0);
    assert_eq!(bench.held(CRAWL).await, 1);
    assert!(bench.dead().await.is_empty());
}

/// It waits for as long as the way is broken.
async fn is_done_once_healed(proxy: &ChaosProxy, bench: &Bench) {
    assert_eq!(bench.held(SUBMIT).await, 1, "it is not acked");
    proxy.heal();
    eventually("it is acked once all is well again", async || {
        (bench.held(SUBMIT).await == 0).then_some(())
    })
    .await;
    is_done_once(bench).await;
}

/// A process that reaches the broker through a proxy.
async fn process_behind(proxy: &ChaosProxy, bench: &Bench) -> Process {
    let config = BrokerConfig {
        nats_url: proxy.url("nats"),
        ..bench.broker.config().clone()
    };
    let broker = Broker::connect(&config, "behind").await.unwrap();
    Process::new(broker, worker_config(), bench.shutdown.clone())
}

#[tokio::test]
async fn a_process_that_froze_beyond_its_ack_wait_doubles_nothing_when_it_wakes() {
    let bench = Bench::start_with(|config| config.ack_wait = Duration::from_millis(500)).await;
    bench.submit(URL).await;
    let (wake, frozen) = mpsc::channel::<()>();
    let frozen = Mutex::new(frozen);
    let stage = Scripted::default().then(move |_, outbox| {
        // Its only thread stands still: not even signs of life go out.
        frozen.lock().unwrap().recv().unwrap();
        outbox.publish(&request("a"));
        Ok(())
    });
    let sleeper = std::thread::spawn({
        let (config, stage) = (bench.broker.config().clone(), stage.clone());
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let broker = Broker::connect(&config, "frozen").await.unwrap();
                let process = Process::new(broker, worker_config(), CancellationToken::new());
                process
                    .run_once(&stage, Duration::from_secs(5))
                    .await
                    .unwrap()
            })
        }
    });
    eventually("it is being handled", async || {
        (stage.calls() == 1).then_some(())
    })
    .await;
    let other = Scripted::default();
    let outcome = bench.process.run_once(&other, Duration::from_secs(5)).await;
    assert_eq!(outcome.unwrap(), Some(Outcome::Ack));
    wake.send(()).unwrap();
    let late = tokio::task::spawn_blocking(|| sleeper.join().unwrap()).await;
    assert_eq!(late.unwrap(), Some(Outcome::Ack));
    is_done_once(&bench).await;
}

#[tokio::test]
async fn a_connection_that_is_lost_while_a_message_is_handled_loses_and_doubles_nothing() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let proxy = std::sync::Arc::new(ChaosProxy::start(bench.nats.addr()).await);
    let process = process_behind(&proxy, &bench).await;
    let stage = Scripted::default().then({
        let proxy = proxy.clone();
        move |_, outbox| {
            proxy.cut();
            outbox.publish(&request("a"));
            Ok(())
        }
    });
    let running = tokio::spawn({
        let process = process.clone();
        async move { process.run(stage).await }
    });
    eventually("it is cut off", async || {
        (!process.broker().is_connected()).then_some(())
    })
    .await;
    is_done_once_healed(&proxy, &bench).await;
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_output_whose_puback_is_lost_is_published_again_and_is_one_message() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let proxy = std::sync::Arc::new(ChaosProxy::start(bench.nats.addr()).await);
    let process = process_behind(&proxy, &bench).await;
    let stage = Scripted::default().then({
        let proxy = proxy.clone();
        move |_, outbox| {
            proxy.half_open(Direction::ToClient);
            outbox.publish(&request("a"));
            Ok(())
        }
    });
    let running = tokio::spawn(async move { process.run(stage).await });
    eventually("the output is stored", async || {
        (bench.held(CRAWL).await == 1).then_some(())
    })
    .await;
    is_done_once_healed(&proxy, &bench).await;
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_handled_for_longer_than_ack_wait_is_not_delivered_again() {
    let bench = Bench::start_with(|config| config.ack_wait = Duration::from_millis(500)).await;
    bench.submit(URL).await;
    let stage = Scripted::default().hangs(1);
    let handling = tokio::spawn({
        let (process, stage) = (bench.process.clone(), stage.clone());
        async move { process.run_once(&stage, Duration::from_secs(5)).await }
    });
    eventually("it is being handled", async || {
        (stage.calls() == 1).then_some(())
    })
    .await;
    let patience = bench.broker.config().ack_wait * 3;
    let other = bench.process.run_once(&Scripted::default(), patience).await;
    assert_eq!(other.unwrap(), None);
    handling.abort();
}

#[tokio::test]
async fn what_is_not_finished_within_the_grace_period_is_given_back() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let mut config = worker_config();
    config.grace = Duration::from_millis(100);
    let process = Process::new(bench.broker.clone(), config, bench.shutdown.clone());
    let stage = Scripted::default().hangs(1);
    let running = tokio::spawn({
        let stage = stage.clone();
        async move { process.run(stage).await }
    });
    eventually("it is being handled", async || {
        (stage.calls() == 1).then_some(())
    })
    .await;
    bench.shutdown.cancel();
    running.await.unwrap().unwrap();
    // At once, not after `ack_wait`.
    let next = Process::new(bench.broker.clone(), config, CancellationToken::new());
    let patience = bench.broker.config().ack_wait / 2;
    let outcome = next.run_once(&Scripted::default(), patience).await;
    assert_eq!(outcome.unwrap(), Some(Outcome::Ack));
    is_done_once(&bench).await;
}
