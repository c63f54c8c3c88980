//! What the loops of one process share: the broker, the end, and the rule that a suspect is alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{RwLock, watch};
use tokio_util::sync::CancellationToken;

use crate::counts::Counts;
use crate::{Broker, Failure, Outcome, Sink, Stage, WorkerConfig, WorkerError};
use crate::{sink_loop, stage_loop};

/// One process with its stages. Cheap to clone.
#[derive(Clone)]
pub struct Process {
    inner: Arc<Inner>,
}

struct Inner {
    broker: Broker,
    config: WorkerConfig,
    /// Stop pulling; finish what is held.
    shutdown: CancellationToken,
    /// The grace period is over; give back what is held.
    overdue: CancellationToken,
    /// Held shared by every message, and alone by one that was delivered often.
    alone: Arc<RwLock<()>>,
    failure: Mutex<Option<WorkerError>>,
    counts: Counts,
}

impl Process {
    /// A process that ends when `shutdown` says so.
    pub fn new(broker: Broker, config: WorkerConfig, shutdown: CancellationToken) -> Self {
        Self {
            inner: Arc::new(Inner {
                broker,
                config,
                shutdown,
                overdue: CancellationToken::new(),
                alone: Arc::default(),
                failure: Mutex::default(),
                counts: Counts::default(),
            }),
        }
    }

    /// Runs a stage until the process ends.
    pub async fn run(&self, stage: impl Stage) -> Result<(), WorkerError> {
        stage_loop::run(self, Arc::new(stage)).await
    }

    /// Runs a sink until the process ends.
    pub async fn run_sink(&self, sink: impl Sink) -> Result<(), WorkerError> {
        sink_loop::run(self, Arc::new(sink)).await
    }

    /// Does work that ends only by a failure, beside the loops; it is dropped when the process ends.
    pub async fn run_beside<E: Failure>(
        &self,
        work: impl Future<Output = E>,
    ) -> Result<(), WorkerError> {
        tokio::select! {
            () = self.shutdown().cancelled() => {}
            error = work => self.stop(&error),
        }
        self.result()
    }

    /// Takes one message through a stage, if one comes within `patience`: for tests. A message that
    /// would have to wait is given back.
    pub async fn run_once<S: Stage>(
        &self,
        stage: &S,
        patience: Duration,
    ) -> Result<Option<Outcome>, WorkerError> {
        stage_loop::run_once(self, stage, patience).await
    }

    /// Takes one batch through a sink, of what comes within `patience`: for tests.
    pub async fn run_sink_once<S: Sink>(
        &self,
        sink: S,
        patience: Duration,
    ) -> Result<Vec<Outcome>, WorkerError> {
        sink_loop::run_once(self, sink, patience).await
    }

    /// The broker.
    pub fn broker(&self) -> &Broker {
        &self.inner.broker
    }

    pub(crate) fn config(&self) -> &WorkerConfig {
        &self.inner.config
    }

    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.inner.shutdown
    }

    pub(crate) fn overdue(&self) -> &CancellationToken {
        &self.inner.overdue
    }

    pub(crate) fn alone(&self) -> &Arc<RwLock<()>> {
        &self.inner.alone
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    /// Ends the process for a reason that only an operator can mend.
    pub(crate) fn stop(&self, failure: &impl Failure) {
        let error = WorkerError::of(failure);
        tracing::error!(code = error.code, "{error}");
        let mut first = self
            .inner
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        self.inner.shutdown.cancel();
    }

    /// Why the process ended, if not because it was asked to.
    pub(crate) fn result(&self) -> Result<(), WorkerError> {
        let first = self
            .inner
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first.clone().map_or(Ok(()), Err)
    }
}

/// Runs what keeps a core busy where it keeps no other message from its progress. A panic goes on
/// in the caller.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is never aborted, only dropped with the runtime at the very end.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Open while a stage may pull; closed while one of its messages waits for a dependency.
#[derive(Clone)]
pub(crate) struct Gate {
    stage: &'static str,
    waiting: Arc<watch::Sender<usize>>,
}

/// Keeps a gate closed.
pub(crate) struct Closed(Gate);

impl Gate {
    pub(crate) fn new(stage: &'static str) -> Self {
        Self {
            stage,
            waiting: Arc::new(watch::Sender::new(0)),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.waiting.borrow() == 0
    }

    pub(crate) async fn closed(&self) {
        let mut waiting = self.waiting.subscribe();
        let _ = waiting.wait_for(|&number| number > 0).await;
    }

    pub(crate) async fn opened(&self) {
        let mut waiting = self.waiting.subscribe();
        // The sender lives as long as we do.
        let _ = waiting.wait_for(|&number| number == 0).await;
    }

    pub(crate) fn close(&self) -> Closed {
        self.waiting.send_modify(|number| *number += 1);
        crate::metrics::waiting(self.stage, true);
        Closed(self.clone())
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|number| *number -= 1);
        if self.0.is_open() {
            crate::metrics::waiting(self.0.stage, false);
        }
    }
}

/// How long to wait for a dependency before asking it again: 200 ms, doubling up to 5 s.
#[derive(Debug, Default)]
pub(crate) struct Patience(u32);

impl Patience {
    pub(crate) fn next(&mut self) -> Duration {
        let pause = Duration::from_millis(200 << self.0).min(Duration::from_secs(5));
        self.0 = (self.0 + 1).min(5);
        pause
    }
}
