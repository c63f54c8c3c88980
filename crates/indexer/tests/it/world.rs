//! What the tests share: both servers, speeches, and a way to publish and to index them.

use std::time::Duration;

use clap::Parser;
use indexer::{Indexer, IndexerConfig, SearchOptions, SearchPage, Searcher};
use messages::{Message, SpeechChange, SpeechId, Upsert, Withdrawal};
use serde_json::Value;
use testkit::{TestMeili, TestNats, eventually};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use worker::topology::{CONSUMERS, INDEXER};
use worker::{
    Broker, BrokerConfig, DeadFilter, FiledLetter, Outcome, Process, Sink, Stored, WorkerConfig,
    WorkerError,
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    broker: BrokerConfig,
    #[command(flatten)]
    worker: WorkerConfig,
    #[command(flatten)]
    indexer: IndexerConfig,
}

/// Both servers, with all streams.
pub(crate) struct World {
    pub(crate) nats: TestNats,
    pub(crate) meili: TestMeili,
    pub(crate) broker: Broker,
    worker: WorkerConfig,
    pub(crate) config: IndexerConfig,
}

impl World {
    pub(crate) async fn start() -> Self {
        // Each test is a process of its own, and some build a client before the indexer does.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (nats, meili) = tokio::join!(TestNats::start(), TestMeili::start());
        let (nats_url, meili_url) = (nats.url(), meili.url());
        let line = Line::parse_from([
            "test",
            "--nats-url",
            nats_url.as_str(),
            "--meili-url",
            meili_url.as_str(),
            "--meili-key",
            meili.key(),
            "--pages-max-mib",
            "16",
            "--ack-wait",
            "5s",
            "--meili-timeout",
            "3s",
        ]);
        let broker = Broker::connect(&line.broker, "test").await.expect("NATS");
        broker.ensure_topology(&CONSUMERS).await.expect("streams");
        Self {
            nats,
            meili,
            broker,
            worker: line.worker,
            config: line.indexer,
        }
    }

    pub(crate) fn indexer(&self) -> Indexer {
        Indexer::new(&self.config, self.broker.clone()).expect("an indexer")
    }

    pub(crate) fn searcher(&self) -> Searcher {
        Searcher::new(&self.config.meili).expect("a searcher")
    }

    pub(crate) async fn search(&self, query: &str) -> SearchPage {
        let options = SearchOptions::default();
        self.searcher().search(query, &options).await.expect(query)
    }

    pub(crate) async fn version_of(&self, change: &SpeechChange) -> Option<u64> {
        let version = self.searcher().document_version(change.speech_id()).await;
        version.expect("the version of a document")
    }

    pub(crate) fn process(&self, shutdown: CancellationToken) -> Process {
        Process::new(self.broker.clone(), self.worker, shutdown)
    }

    /// What is in SPEECHES, as one batch.
    pub(crate) async fn run_once(&self, sink: Indexer) -> Result<Vec<Outcome>, WorkerError> {
        let process = self.process(CancellationToken::new());
        process.run_sink_once(sink, Duration::from_secs(1)).await
    }

    /// Publishes a change as an extractor would; its sequence in SPEECHES.
    pub(crate) async fn publish(&self, change: &SpeechChange) -> u64 {
        self.publish_all(std::slice::from_ref(change)).await[0]
    }

    /// Publishes changes in their order; their sequences in SPEECHES.
    pub(crate) async fn publish_all(&self, changes: &[SpeechChange]) -> Vec<u64> {
        let changes = changes.iter();
        let requests = changes.map(|change| (change.subject(), change.encode()));
        let acks = self.request_all(requests.collect()).await;
        let sequence = |ack: Value| ack["seq"].as_u64().unwrap_or_else(|| panic!("{ack}"));
        acks.into_iter().map(sequence).collect()
    }

    /// Takes the message of a speech out of SPEECHES, as if it had never been.
    pub(crate) async fn purge(&self, change: &SpeechChange) {
        let payload = format!("{{\"filter\":\"{}\"}}", change.subject());
        self.api("STREAM.PURGE.SPEECHES", payload).await;
    }

    /// A new SPEECHES, with nothing but this in it.
    pub(crate) async fn replace_speeches(&self, change: &SpeechChange) {
        self.api("STREAM.DELETE.SPEECHES", String::new()).await;
        self.broker
            .ensure_topology(&CONSUMERS)
            .await
            .expect("streams");
        self.publish(change).await;
    }

    /// Deletes the bucket of the table of copies.
    pub(crate) async fn delete_copies(&self) {
        self.api("STREAM.DELETE.KV_copies", String::new()).await;
    }

    async fn api(&self, name: &str, payload: String) {
        let request = (format!("$JS.API.{name}"), payload.into_bytes());
        let answer = self.request_all(vec![request]).await.remove(0);
        assert_eq!(answer["success"], true, "{answer}");
    }

    /// Asks over NATS's own protocol: the client library belongs to `worker` alone.
    async fn request_all(&self, requests: Vec<(String, Vec<u8>)>) -> Vec<Value> {
        let stream = TcpStream::connect(self.nats.addr()).await.expect("NATS");
        let mut stream = BufReader::new(stream);
        let hello = b"CONNECT {\"verbose\":false}\r\nSUB answers 1\r\n";
        stream.write_all(hello).await.expect("sent");
        let mut answers = Vec::new();
        for (subject, payload) in requests {
            let head = format!("PUB {subject} answers {}\r\n", payload.len());
            let whole = [head.as_bytes(), &payload, b"\r\n"].concat();
            stream.write_all(&whole).await.expect("sent");
            answers.push(loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.expect("an answer");
                if line.starts_with('{') {
                    break serde_json::from_str(&line).expect("JSON");
                }
            });
        }
        answers
    }

    /// Every dead letter there is.
    pub(crate) async fn dead_letters(&self) -> Vec<FiledLetter> {
        let filter = DeadFilter::default();
        let letters = self.broker.dead_letters(&filter, 100).await;
        letters.expect("dead letters")
    }

    /// Waits until nothing in SPEECHES is left to do.
    pub(crate) async fn until_settled(&self) {
        eventually("every speech is settled", async || {
            let state = self.broker.consumer_state(INDEXER).await.ok()??;
            (state.num_pending == 0 && state.num_held == 0).then_some(())
        })
        .await;
    }

    /// Runs the sink's own loop beside `meanwhile`, then ends it.
    pub(crate) async fn run_beside(&self, sink: Indexer, meanwhile: impl Future<Output = ()>) {
        let shutdown = CancellationToken::new();
        let process = self.process(shutdown.clone());
        let (ended, ()) = tokio::join!(process.run_sink(sink), async {
            meanwhile.await;
            shutdown.cancel();
        });
        ended.expect("the sink ends because it is told to");
    }
}

/// A speech of its own address and text.
pub(crate) fn speech(name: &str, text: &str) -> SpeechChange {
    let golden = include_bytes!("../../../messages/golden/speech_change_upsert.json");
    let Ok(SpeechChange::Upsert(mut upsert)) = SpeechChange::decode("", golden) else {
        panic!("the golden speech is an upsert");
    };
    let url = format!("https://www.example.com/{name}");
    upsert.speech.url = url.parse().expect("a URL");
    upsert.speech.speech_id = SpeechId::of(&upsert.speech.url);
    name.clone_into(&mut upsert.speech.title);
    text.clone_into(&mut upsert.speech.text);
    // It is of another text.
    upsert.derived = None;
    SpeechChange::Upsert(upsert)
}

/// The same speech with something changed.
pub(crate) fn changed(change: &SpeechChange, edit: impl FnOnce(&mut Upsert)) -> SpeechChange {
    let mut change = change.clone();
    match &mut change {
        SpeechChange::Upsert(upsert) => edit(upsert),
        SpeechChange::Withdrawal(_) => panic!("a withdrawal has nothing to edit"),
    }
    change
}

/// The end of a speech.
pub(crate) fn withdrawal(change: &SpeechChange) -> SpeechChange {
    let url = change.url().expect("a speech has an address").clone();
    SpeechChange::Withdrawal(Withdrawal {
        version: change.version(),
        speech_id: change.speech_id().clone(),
        url,
    })
}

/// A message as it was pulled.
pub(crate) fn delivery(change: &SpeechChange, sequence: u64) -> Stored {
    let now = messages::timestamp::now();
    Stored::read(change.subject(), sequence, now, change.encode().into())
}

/// Takes deliveries through the sink; every one of them must be fine.
pub(crate) async fn index(sink: &Indexer, batch: &[Stored]) {
    for verdict in sink.handle(batch.to_vec()).await {
        verdict.expect("indexed");
    }
}

/// Publishes, and takes what was published through the sink.
pub(crate) async fn settle(world: &World, sink: &Indexer, changes: &[SpeechChange]) {
    let sequences = world.publish_all(changes).await;
    let batch = changes.iter().zip(sequences);
    let batch: Vec<_> = batch.map(|(change, at)| delivery(change, at)).collect();
    index(sink, &batch).await;
}
