//! Work that one of all processes does every so often: who begins writes the time into the record
//! `<job>` in the bucket `jobs`, by compare-and-set.

use std::time::Duration;

use messages::timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::topology::Bucket;
use crate::{Broker, BrokerError, Failure, Process, WorkerError};

/// When the job was begun last.
#[derive(Debug, Serialize, Deserialize)]
struct Turn {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

impl Process {
    /// Does a job every so often until the process ends, unless another process did a moment ago.
    /// What fails is logged, and done again when its time has come again.
    pub async fn take_turns<F>(
        &self,
        job: &'static str,
        every: Duration,
        work: impl Fn() -> F + Send,
    ) -> Result<(), WorkerError>
    where
        F: Future<Output = Result<(), BrokerError>> + Send,
    {
        let mut ticks = tokio::time::interval(every / 4);
        loop {
            tokio::select! {
                () = self.shutdown().cancelled() => return self.result(),
                _ = ticks.tick() => {}
            }
            let turn = async {
                if self.broker().begins(job, every).await? {
                    work().await?;
                }
                Ok::<_, BrokerError>(())
            };
            let done = tokio::select! {
                () = self.shutdown().cancelled() => return self.result(),
                done = turn => done,
            };
            if let Err(error) = done {
                tracing::warn!(code = %error.code(), job, "{job} failed: {}", crate::chain(&error));
            }
        }
    }
}

impl Broker {
    /// Whether it is us who begin.
    async fn begins(&self, job: &str, every: Duration) -> Result<bool, BrokerError> {
        let last = self.record::<Turn>(Bucket::Jobs, job).await?;
        let now = timestamp::now();
        if last
            .as_ref()
            .is_some_and(|last| now < last.value.at + every)
        {
            return Ok(false);
        }
        let revision = last.map(|last| last.revision);
        self.swap_record(Bucket::Jobs, job, &Turn { at: now }, revision)
            .await
    }
}
