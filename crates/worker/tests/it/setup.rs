//! A broker of one's own, and a stage that does as it is told.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use messages::{CrawlRequest, Why};
use testkit::TestNats;
use tokio_util::sync::CancellationToken;
use worker::topology::{self, ConsumerSpec};
use worker::{
    Broker, BrokerConfig, DeadFilter, Delivery, Failure, FiledLetter, Outbox, Process, RetryConfig,
    Stage, Stop, Verdict, WorkerConfig,
};

pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

pub(crate) fn config(url: &str) -> BrokerConfig {
    BrokerConfig {
        nats_url: url.to_owned(),
        nats_creds: None,
        nats_ca: None,
        nats_timeout: Duration::from_secs(5),
        replicas: 1,
        pages_max_mib: 64,
        ack_wait: Duration::from_secs(2),
    }
}

pub(crate) fn worker_config() -> WorkerConfig {
    WorkerConfig {
        retry: RetryConfig {
            max_attempts: 3,
            retry_base: Duration::from_millis(10),
            retry_cap: Duration::from_millis(50),
        },
        grace: Duration::from_secs(5),
    }
}

/// A server with our streams, and a process that works on them.
pub(crate) struct Bench {
    pub(crate) nats: TestNats,
    pub(crate) broker: Broker,
    pub(crate) process: Process,
    pub(crate) shutdown: CancellationToken,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut BrokerConfig)) -> Self {
        let nats = TestNats::start().await;
        let mut config = config(&nats.url());
        change(&mut config);
        let broker = Broker::connect(&config, "test").await.unwrap();
        broker.ensure_topology(&topology::CONSUMERS).await.unwrap();
        let shutdown = CancellationToken::new();
        let process = Process::new(broker.clone(), worker_config(), shutdown.clone());
        Self {
            nats,
            broker,
            process,
            shutdown,
        }
    }

    pub(crate) async fn submit(&self, text: &str) {
        self.broker.submit(text.as_bytes()).await.unwrap();
    }

    /// The broker as any other client sees it.
    pub(crate) async fn outside(&self) -> async_nats::jetstream::Context {
        let client = async_nats::connect(self.nats.url()).await.unwrap();
        async_nats::jetstream::new(client)
    }

    pub(crate) async fn dead(&self) -> Vec<FiledLetter> {
        let all = DeadFilter::default();
        self.broker.dead_letters(&all, usize::MAX).await.unwrap()
    }

    /// Messages that a stream holds.
    pub(crate) async fn held(&self, stream: topology::StreamSpec) -> u64 {
        let state = self.broker.stream_state(stream).await.unwrap();
        state.unwrap().num_messages
    }
}

pub(crate) fn request(path: &str) -> CrawlRequest {
    CrawlRequest {
        url: format!("https://www.example.com/{path}").parse().unwrap(),
        why: Why::Submitted,
        depth: 0,
        attempt: 0,
        every: None,
        refetch: false,
    }
}

/// A failure with any verdict.
#[derive(Debug, Clone, thiserror::Error)]
#[error("told to fail with {0:?}")]
pub(crate) struct Told(pub(crate) Verdict);

impl Failure for Told {
    fn verdict(&self) -> Verdict {
        self.0
    }

    fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0 {
            Verdict::Retry { .. } => "told_retry",
            Verdict::Wait => "told_wait",
            Verdict::Reject => "told_reject",
            Verdict::Stop(_) => "told_stop",
        })
    }
}

pub(crate) const RETRY: Verdict = Verdict::Retry { after: None };
pub(crate) const REFUSED: Verdict = Verdict::Stop(Stop::Refused);

type Act =
    Arc<dyn Fn(&Delivery<messages::Submission>, &mut Outbox) -> Result<(), Told> + Send + Sync>;

/// A stage on SUBMIT that follows a script; at its end it publishes a request for each URL.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    script: Arc<Mutex<VecDeque<Act>>>,
    /// How many of the first calls never end.
    num_hanging: usize,
    pub(crate) num_calls: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) fn then(
        self,
        act: impl Fn(&Delivery<messages::Submission>, &mut Outbox) -> Result<(), Told>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.script.lock().unwrap().push_back(Arc::new(act));
        self
    }

    pub(crate) fn fails(self, verdict: Verdict, times: usize) -> Self {
        (0..times).fold(self, |stage, _| stage.then(move |_, _| Err(Told(verdict))))
    }

    pub(crate) fn hangs(self, times: usize) -> Self {
        Self {
            num_hanging: times,
            ..self
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.num_calls.load(Ordering::SeqCst)
    }
}

impl Stage for Scripted {
    type Input = messages::Submission;
    type Error = Told;
    const NAME: &'static str = "admission";
    const CONSUMER: ConsumerSpec = topology::ADMIT_SUBMITTED;

    fn concurrency(&self) -> usize {
        4
    }

    async fn handle(
        &self,
        input: &Delivery<messages::Submission>,
        outbox: &mut Outbox,
    ) -> Result<(), Told> {
        if self.num_calls.fetch_add(1, Ordering::SeqCst) < self.num_hanging {
            std::future::pending::<()>().await;
        }
        let act = self.script.lock().unwrap().pop_front();
        if let Some(act) = act {
            return act(input, outbox);
        }
        for entry in &input.message.entries {
            outbox.publish(&request(
                entry.url.trim_start_matches("https://www.example.com/"),
            ));
        }
        Ok(())
    }
}
