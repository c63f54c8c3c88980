//! What every test here stands on: a broker, a site, and the stages, taken one message at a time.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use crawler::{Admission, Crawler, CrawlerConfig};
use messages::{
    AdmissionRecord, CanonicalUrl, CrawlRecord, CrawlRequest, DeadLetter, FoundLink, Message, Page,
    Response, UrlId, Why,
};
use sites::Sites;
use testkit::{FakeSite, Reply, TestNats};
use tokio_util::sync::CancellationToken;
use worker::topology::{Bucket, CONSUMERS, CRAWL, PAGES};
use worker::{Broker, BrokerConfig, DeadFilter, Outcome, Process, WorkerConfig};

/// As long as a message that is there can take to come.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    broker: BrokerConfig,
    #[command(flatten)]
    worker: WorkerConfig,
    #[command(flatten)]
    crawler: CrawlerConfig,
}

pub(crate) struct Lab {
    pub(crate) site: FakeSite,
    pub(crate) broker: Broker,
    pub(crate) client: async_nats::Client,
    process: Process,
    admission: Admission,
    crawler: Crawler,
    _nats: TestNats,
}

impl Lab {
    /// The site's address is allowed, and nothing else beside the public ones.
    pub(crate) async fn start() -> Self {
        Self::start_with(&["--allow-address", "127.0.0.1"]).await
    }

    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let nats = TestNats::start().await;
        let url = nats.url();
        let own = ["crawler", "--nats-url", &url, "--pages-max-mib", "64"];
        let command = Command::parse_from(own.iter().chain(arguments));
        let broker = Broker::connect(&command.broker, "test").await.unwrap();
        broker.ensure_topology(&CONSUMERS).await.unwrap();
        let retry = command.worker.retry;
        Self {
            site: FakeSite::start().await,
            client: async_nats::connect(&url).await.unwrap(),
            process: Process::new(broker.clone(), command.worker, CancellationToken::new()),
            admission: Admission::new(broker.clone(), &command.crawler, Arc::new(Sites::builtin())),
            crawler: Crawler::new(
                broker.clone(),
                &command.crawler,
                retry,
                Arc::new(Sites::builtin()),
            )
            .unwrap(),
            broker,
            _nats: nats,
        }
    }

    /// Submits text and takes it through admission.
    pub(crate) async fn admit(&self, text: impl AsRef<[u8]>) -> Outcome {
        self.broker.submit(text.as_ref()).await.unwrap();
        let stage = self.admission.submitted();
        self.process
            .run_once(&stage, PATIENCE)
            .await
            .unwrap()
            .expect("a submission")
    }

    /// Takes a found link through admission.
    pub(crate) async fn find(&self, path: &str, depth: u32) -> Outcome {
        self.find_url(&self.url(path), depth).await
    }

    pub(crate) async fn find_url(&self, url: &CanonicalUrl, depth: u32) -> Outcome {
        let link = FoundLink {
            url: url.clone(),
            depth,
            found_on: self.id("/list"),
        };
        self.request(FoundLink::SUBJECT, &link).await;
        let stage = self.admission.found();
        let outcome = self.process.run_once(&stage, PATIENCE).await;
        outcome.unwrap().expect("a found link")
    }

    /// Publishes a message and awaits its receipt.
    pub(crate) async fn request(&self, subject: &str, message: &impl Message) {
        let receipt = self
            .client
            .request(subject.to_owned(), message.encode().into());
        let receipt = receipt.await.unwrap();
        assert!(
            receipt.payload.starts_with(b"{\"stream\""),
            "{:?}",
            receipt.payload
        );
    }

    /// Queues a request for a path, failed so often before, and fetches it.
    pub(crate) async fn crawl_again(&self, path: &str, attempt: u32) -> Outcome {
        self.queue(path, attempt).await;
        self.fetch().await
    }

    /// Queues a request for a path, failed so often before.
    pub(crate) async fn queue(&self, path: &str, attempt: u32) {
        let request = CrawlRequest {
            attempt,
            ..self.submitted(path)
        };
        self.request(&request.subject(), &request).await;
    }

    /// Queues a request for a URL that admission might refuse.
    pub(crate) async fn queue_url(&self, url: &str) {
        let request = CrawlRequest {
            url: url.parse().unwrap(),
            ..self.submitted("/")
        };
        self.request(&request.subject(), &request).await;
    }

    /// Another crawler, as another process has one.
    pub(crate) fn second_crawler(&self, arguments: &[&str]) -> Crawler {
        let command = Command::parse_from(std::iter::once(&"crawler").chain(arguments));
        Crawler::new(
            self.broker.clone(),
            &command.crawler,
            command.worker.retry,
            Arc::new(Sites::builtin()),
        )
        .unwrap()
    }

    /// Takes one queued request through another crawler.
    pub(crate) async fn fetch_by(&self, crawler: &Crawler) -> Outcome {
        let outcome = self.process.run_once(crawler, PATIENCE).await;
        outcome.unwrap().expect("a request that is due")
    }

    /// Queues a request for a path and fetches it.
    pub(crate) async fn crawl(&self, path: &str) -> Outcome {
        self.crawl_again(path, 0).await
    }

    /// Takes one queued request through the crawler.
    pub(crate) async fn fetch(&self) -> Outcome {
        let outcome = self.process.run_once(&self.crawler, PATIENCE).await;
        outcome.unwrap().expect("a request that is due")
    }

    pub(crate) fn url(&self, path: &str) -> CanonicalUrl {
        self.site.url(path).parse().unwrap()
    }

    fn id(&self, path: &str) -> UrlId {
        UrlId::of(&self.url(path))
    }

    pub(crate) fn submitted(&self, path: &str) -> CrawlRequest {
        CrawlRequest {
            url: self.url(path),
            why: Why::Submitted,
            depth: 0,
            attempt: 0,
            every: None,
            refetch: false,
        }
    }

    async fn latest_request(&self, subject: String) -> Option<CrawlRequest> {
        let latest = self.broker.latest(CRAWL, &subject).await.unwrap();
        latest.map(|latest| latest.message)
    }

    pub(crate) async fn due(&self, path: &str) -> Option<CrawlRequest> {
        self.latest_request(CrawlRequest::due_subject(&self.id(path)))
            .await
    }

    pub(crate) async fn later(&self, path: &str) -> Option<CrawlRequest> {
        self.later_of(&self.url(path)).await
    }

    pub(crate) async fn later_of(&self, url: &CanonicalUrl) -> Option<CrawlRequest> {
        self.latest_request(CrawlRequest::later_subject(&UrlId::of(url)))
            .await
    }

    /// When a deferred request comes due, as the broker was told.
    pub(crate) async fn schedule(&self, path: &str) -> String {
        let context = async_nats::jetstream::new(self.client.clone());
        let stream = context.get_stream_no_info(CRAWL.name).await.unwrap();
        let subject = CrawlRequest::later_subject(&self.id(path));
        let message = stream.direct_get_last_for_subject(subject).await.unwrap();
        message
            .headers
            .get("Nats-Schedule")
            .unwrap()
            .as_str()
            .to_owned()
    }

    pub(crate) async fn recrawl(&self, path: &str) -> Option<CrawlRequest> {
        self.latest_request(CrawlRequest::recrawl_subject(&self.id(path)))
            .await
    }

    pub(crate) async fn page(&self, path: &str) -> Option<Page> {
        let subject = Page::subject_of(&self.id(path));
        let latest = self.broker.latest(PAGES, &subject).await.unwrap();
        latest.map(|latest| latest.message)
    }

    pub(crate) async fn response(&self, path: &str) -> Response {
        match self.page(path).await {
            Some(Page::Response(response)) => response,
            other => panic!("no response: {other:?}"),
        }
    }

    pub(crate) async fn crawl_record(&self, path: &str) -> Option<CrawlRecord> {
        self.crawl_record_of(&self.url(path)).await
    }

    pub(crate) async fn crawl_record_of(&self, url: &CanonicalUrl) -> Option<CrawlRecord> {
        let key = CrawlRecord::key(&UrlId::of(url));
        let record = self.broker.record(Bucket::Urls, &key).await.unwrap();
        record.map(|record| record.value)
    }

    pub(crate) async fn admission_record(&self, url: &CanonicalUrl) -> Option<AdmissionRecord> {
        let key = AdmissionRecord::key(&UrlId::of(url));
        let record = self.broker.record(Bucket::Urls, &key).await.unwrap();
        record.map(|record| record.value)
    }

    pub(crate) async fn dead(&self) -> Vec<DeadLetter> {
        let found = self.broker.dead_letters(&DeadFilter::default(), 100).await;
        found
            .unwrap()
            .into_iter()
            .map(|filed| filed.letter)
            .collect()
    }

    /// Crawls a page that answers so, and expects a dead letter.
    pub(crate) async fn expect_dead(&self, path: &str, reply: Reply, code: &str) {
        self.site.page(path, reply);
        assert_eq!(
            self.crawl(path).await,
            Outcome::Dead(code.to_owned()),
            "{path}"
        );
        assert!(self.page(path).await.is_none() && self.later(path).await.is_none());
        let id = self.id(path).to_string();
        let letters = self.dead().await;
        let letter = letters
            .iter()
            .find(|letter| letter.id == id)
            .expect("a dead letter");
        assert_eq!(letter.subject(), format!("dead.crawler.{id}"));
        assert_eq!(letter.headers.url.as_deref(), Some(self.url(path).as_str()));
    }

    /// Crawls a page and expects it to be deferred after a failed attempt of this code.
    pub(crate) async fn expect_again(&self, path: &str, code: &str) {
        assert_eq!(self.crawl(path).await, Outcome::Ack, "{path}");
        let later = self.later(path).await.expect("a deferred request");
        assert_eq!(later.attempt, 1, "{path}");
        let record = self.crawl_record(path).await.expect("a record");
        assert_eq!(record.code.as_deref(), Some(code), "{path}");
        assert!(self.page(path).await.is_none() && self.due(path).await.is_none());
        assert!(self.dead().await.is_empty());
    }
}
