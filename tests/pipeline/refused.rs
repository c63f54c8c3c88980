//! A document that Meilisearch refuses: the indexer runs in this process, so that one of its
//! documents can be spoilt; everything else is real.

use clap::Parser;
use indexer::{Indexer, IndexerConfig, SpeechDocument};
use messages::Upsert;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use worker::{Broker, BrokerConfig, Process, WorkerConfig};

use crate::mill::Mill;
use crate::pages::{html, speech};

#[derive(Parser)]
struct Config {
    #[command(flatten)]
    broker: BrokerConfig,
    #[command(flatten)]
    worker: WorkerConfig,
    #[command(flatten)]
    indexer: IndexerConfig,
}

/// The speech of the third page gets an id that no document may have.
fn spoilt(upsert: &Upsert, version: u64) -> SpeechDocument {
    let mut document = SpeechDocument::new(upsert, version);
    if upsert.speech.url.as_str().ends_with("/3.html") {
        document.set("id", json!("not an id"));
    }
    document
}

#[tokio::test]
async fn a_refused_document_in_a_batch_is_the_only_dead_letter() {
    let mut mill = Mill::with_servers().await;
    let paths: Vec<String> = (0..12).map(|number| format!("/{number}.html")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for (number, path) in paths.iter().enumerate() {
        mill.site.page(path, html(&speech(number)));
    }
    mill.start_role("crawler").await;
    mill.start_role("extractor").await;
    mill.submit(&paths).await;
    for path in &paths {
        mill.reaches(path, "extracted").await;
    }
    let nats = mill.secured.nats.url();
    let (ca, seed) = (mill.secured.ca(), mill.secured.seed("indexer"));
    let meili = mill.meili.url();
    let config = Config::parse_from([
        "test",
        "--nats-url",
        &nats,
        "--nats-ca",
        ca.to_str().unwrap(),
        "--nats-creds",
        seed.to_str().unwrap(),
        "--meili-url",
        &meili,
        "--meili-key",
        mill.meili.key(),
        "--ack-wait",
        "2s",
        "--pages-max-mib",
        "64",
        "--max-attempts",
        "3",
    ]);
    let broker = Broker::connect(&config.broker, "indexer").await.unwrap();
    let sink = Indexer::new(&config.indexer, broker.clone())
        .unwrap()
        .with_documents(spoilt);
    let shutdown = CancellationToken::new();
    let process = Process::new(broker, config.worker, shutdown.clone());
    let running = tokio::spawn(async move { process.run_sink(sink).await });
    for path in &paths {
        if *path == "/3.html" {
            mill.reaches(path, "dead").await;
        } else {
            mill.reaches(path, "indexed").await;
        }
    }
    let dead = mill.dead().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0]["headers"]["Speechmill-Stage"], "indexer");
    assert_eq!(dead[0]["headers"]["Speechmill-Code"], "invalid_document_id");
    shutdown.cancel();
    running.await.unwrap().unwrap();
}
