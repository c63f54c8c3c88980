//! What a user of NATS may not do, tried by that user with a client that is not ours.
//!
//! All other tests of the pipeline run with the same keys, so what roles need, they may.

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::mill::Mill;
use crate::secured::Secured;

const USERS: [&str; 4] = ["crawler", "extractor", "indexer", "submitter"];

/// Nobody's: an error about it marks the end of what was tried before.
const MARK: &str = "nobody.may";

/// Subjects, and who may publish there. Every request to the broker is such a publish.
const PUBLISH: [(&str, &[&str]); 41] = [
    ("crawl.submit", &["submitter"]),
    ("crawl.found", &["extractor"]),
    ("crawl.request.a", &["crawler"]),
    ("crawl.later.a", &["crawler"]),
    ("page.fetched.a", &["crawler"]),
    ("page.again.a", &["extractor"]),
    ("speech.changed.a", &["extractor"]),
    ("dead.crawler.a", &["crawler"]),
    ("dead.indexer.a", &["indexer"]),
    // Records.
    ("$KV.urls.a.admission", &["crawler"]),
    ("$KV.urls.a.extract", &["extractor"]),
    ("$KV.urls.a.block", &[]),
    ("$KV.hosts.www.a.cn.clock", &["crawler"]),
    ("$KV.hosts.www.a.cn.memory", &["extractor"]),
    ("$KV.hosts.www.a.cn.control", &[]),
    ("$KV.hosts.a.block", &[]),
    ("$KV.hosts.127.0.0.1=8080.release", &[]),
    ("$KV.attempts.SPEECHES.1", &["indexer"]),
    ("$KV.jobs.counts.extractor", &["extractor"]),
    ("$KV.copies.table", &["indexer"]),
    ("$KV.copies.table.0.1", &["indexer"]),
    // Taking and acking.
    ("$JS.API.CONSUMER.MSG.NEXT.SUBMIT.admission", &["crawler"]),
    ("$JS.API.CONSUMER.MSG.NEXT.PAGES.extractor", &["extractor"]),
    ("$JS.API.CONSUMER.MSG.NEXT.SPEECHES.indexer", &["indexer"]),
    ("$JS.ACK.PAGES.extractor.1.1.1.1.1", &["extractor"]),
    ("$JS.ACK._.x.CRAWL.crawler.1.1.1.1.1.x", &["crawler"]),
    // Reading.
    (
        "$JS.API.DIRECT.GET.PAGES.page.fetched.a",
        &["crawler", "extractor"],
    ),
    ("$JS.API.DIRECT.GET.SPEECHES", &["extractor", "indexer"]),
    ("$JS.API.DIRECT.GET.DEAD", &[]),
    ("$JS.API.DIRECT.GET.KV_copies", &["indexer"]),
    ("$JS.API.STREAM.MSG.GET.KV_copies", &["indexer"]),
    ("$JS.API.STREAM.MSG.GET.SPEECHES", &["extractor", "indexer"]),
    ("$JS.API.STREAM.MSG.GET.DEAD", &[]),
    // Deleting, and making anew.
    ("$JS.API.STREAM.PURGE.SPEECHES", &[]),
    ("$JS.API.STREAM.MSG.DELETE.SPEECHES", &[]),
    ("$JS.API.STREAM.MSG.DELETE.DEAD", &[]),
    ("$JS.API.STREAM.DELETE.PAGES", &[]),
    ("$JS.API.STREAM.UPDATE.PAGES", &[]),
    ("$JS.API.CONSUMER.DELETE.SPEECHES.indexer", &[]),
    ("$JS.API.CONSUMER.CREATE.SPEECHES.mine", &[]),
    (
        "$JS.API.CONSUMER.CREATE.PAGES.extractor.page.fetched.*",
        &["extractor"],
    ),
];

/// Subjects, and who may listen there.
const SUBSCRIBE: [(&str, &[&str]); 6] = [
    (">", &[]),
    ("speech.changed.*", &[]),
    ("$KV.>", &[]),
    ("_INBOX_crawler.>", &["crawler"]),
    ("_INBOX_indexer.x", &["indexer"]),
    ("_INBOX.x", &["submitter"]),
];

/// A user, and what the server says to it.
struct User {
    client: Client,
    errors: UnboundedReceiver<String>,
}

impl User {
    async fn connect(secured: &Secured, name: &str) -> Self {
        let (sender, errors) = unbounded_channel();
        let seed = std::fs::read_to_string(secured.seed(name)).unwrap();
        let client = ConnectOptions::with_nkey(seed.trim().to_owned())
            .add_root_certificates(secured.ca())
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    let _ = sender.send(error.to_string());
                }
                async {}
            })
            .connect(secured.nats.url())
            .await
            .unwrap();
        Self { client, errors }
    }

    /// The server's refusals of what was done until now.
    async fn refusals(&mut self) -> Vec<String> {
        self.client.publish(MARK, "".into()).await.unwrap();
        let mut refusals = Vec::new();
        loop {
            let error = self.errors.recv().await.unwrap();
            if error.contains(MARK) {
                return refusals;
            }
            refusals.push(error);
        }
    }

    async fn may_publish(&mut self, subject: &str) -> bool {
        let subject = subject.to_owned();
        self.client.publish(subject, "".into()).await.unwrap();
        self.refusals().await.is_empty()
    }

    async fn may_listen(&mut self, subject: &str) -> bool {
        let _subscriber = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.refusals().await.is_empty()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_user_publishes_reads_or_deletes_what_is_not_its_own() {
    let mill = Mill::with_servers().await;
    for name in USERS {
        let mut user = User::connect(&mill.secured, name).await;
        for (subject, owners) in PUBLISH {
            let may = user.may_publish(subject).await;
            assert_eq!(may, owners.contains(&name), "{name} publishes to {subject}");
        }
        for (subject, owners) in SUBSCRIBE {
            let may = user.may_listen(subject).await;
            assert_eq!(may, owners.contains(&name), "{name} listens to {subject}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_key_or_does_not_trust_the_certificate_gets_in_nowhere() {
    let mill = Mill::with_servers().await;
    let url = mill.secured.nats.url();
    let without_key = ConnectOptions::new().add_root_certificates(mill.secured.ca());
    assert!(without_key.connect(&url).await.is_err());
    let seed = std::fs::read_to_string(mill.secured.seed("operator")).unwrap();
    let without_ca = ConnectOptions::with_nkey(seed.trim().to_owned());
    assert!(without_ca.connect(&url).await.is_err());
}
