//! What every role does around its stages: logs, health, the broker, signals, an orderly end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use telemetry::{Ready, Telemetry, TelemetryConfig};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use worker::topology::ConsumerSpec;
use worker::{Broker, BrokerConfig, Process, WorkerConfig, WorkerError};

use crate::exit::End;
use crate::signals::Signals;

/// How long the last words to the broker may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What is shown where `RUST_LOG` says nothing.
const LOGS: &str = "info,async_nats=warn";

/// Options of every role.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RoleConfig {
    #[command(flatten)]
    pub(crate) broker: BrokerConfig,
    #[command(flatten)]
    pub(crate) worker: WorkerConfig,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryConfig,
}

/// A stage's loop, running until the process ends.
pub(crate) type Loop = Pin<Box<dyn Future<Output = Result<(), WorkerError>> + Send>>;

/// A role, set up and not yet running.
pub(crate) struct Role {
    broker: Broker,
    pub(crate) process: Process,
    telemetry: Telemetry,
    signals: Signals,
}

pub(crate) fn init_logs(config: &TelemetryConfig) {
    telemetry::init_logs(config.log_format, LOGS);
}

impl Role {
    /// Listens for health checks, connects, and makes sure that NATS is set up.
    pub(crate) async fn set_up(
        name: &str,
        consumers: &[ConsumerSpec],
        config: &RoleConfig,
        signals: Signals,
    ) -> anyhow::Result<Self> {
        let telemetry = Telemetry::bind(&config.telemetry).await?;
        let broker = Broker::connect(&config.broker, name).await?;
        broker.ensure_topology(consumers).await?;
        let process = Process::new(broker.clone(), config.worker, signals.shutdown.clone());
        Ok(Self {
            broker,
            process,
            telemetry,
            signals,
        })
    }

    /// Runs the loops until one fails or a signal comes.
    pub(crate) async fn run(self, loops: Vec<Loop>) -> anyhow::Result<End> {
        tracing::info!("health and metrics at http://{}", self.telemetry.address());
        let serving = CancellationToken::new();
        let server = tokio::spawn(
            self.telemetry
                .serve(readiness(&self.broker), serving.clone()),
        );
        let mut running: JoinSet<anyhow::Result<()>> = JoinSet::new();
        for stage in loops {
            running.spawn(async { Ok(stage.await?) });
        }
        let process = self.process.clone();
        running.spawn(async move { Ok(process.keep_counts().await?) });
        let mut first = Ok(());
        while let Some(ended) = running.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(error).context("a loop panicked"));
            if ended.is_err() {
                self.signals.shutdown.cancel();
            }
            first = first.and(ended);
        }
        // Nothing counts any more.
        let last = tokio::time::timeout(LAST_WORDS, self.process.flush_counts()).await;
        if !matches!(last, Ok(Ok(()))) {
            tracing::warn!("what was counted last is lost");
        }
        self.broker.close(LAST_WORDS).await;
        serving.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, server).await;
        first?;
        Ok(self.signals.end())
    }
}

/// Ready as long as the connection to the broker stands.
fn readiness(broker: &Broker) -> Ready {
    let broker = broker.clone();
    Arc::new(move || {
        if broker.is_connected() {
            Ok(())
        } else {
            Err("not connected to NATS".to_owned())
        }
    })
}
