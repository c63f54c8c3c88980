//! The record of a reindex in the hands of the process that carries it out.
//!
//! Every write is a compare-and-set and a sign of life. Whoever comes back late finds another
//! revision, and is out of it.

use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use worker::topology::Bucket;
use worker::{Broker, BrokerError, Record};

use super::ReindexJob;
use crate::IndexError;

/// Why we do not go on.
#[derive(Debug)]
pub(super) enum Halt {
    /// The record is in other hands.
    Lost,
    /// Something failed; what is written down is done again.
    Failed(IndexError),
}

impl From<IndexError> for Halt {
    fn from(error: IndexError) -> Self {
        Self::Failed(error)
    }
}

impl From<BrokerError> for Halt {
    fn from(error: BrokerError) -> Self {
        Self::Failed(error.into())
    }
}

/// A job that is ours.
pub(super) struct Claim {
    broker: Broker,
    pub(super) job: ReindexJob,
    revision: u64,
    /// Between two signs of life.
    every: Duration,
}

impl Claim {
    /// Makes it ours.
    pub(super) async fn take(
        broker: &Broker,
        record: Record<ReindexJob>,
        every: Duration,
    ) -> Result<Self, Halt> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = now.unwrap_or_default().as_nanos();
        let mut claim = Self {
            broker: broker.clone(),
            job: ReindexJob {
                by: Some(format!("{}-{nanos}", std::process::id())),
                ..record.value
            },
            revision: record.revision,
            every,
        };
        claim.save().await?;
        tracing::info!(stage = ?claim.job.stage, "the reindex is carried out here");
        Ok(claim)
    }

    /// Writes the job down as it is now.
    pub(super) async fn save(&mut self) -> Result<(), Halt> {
        let (bucket, key) = (Bucket::Jobs, ReindexJob::KEY);
        let revision = Some(self.revision);
        // A write whose answer was lost looks like another's: the record tells.
        let written = self.broker.swap_record(bucket, key, &self.job, revision);
        written.await?;
        match self.broker.record::<ReindexJob>(bucket, key).await? {
            Some(record) if record.value.by == self.job.by => {
                self.revision = record.revision;
                if record.value == self.job {
                    return Ok(());
                }
                Box::pin(self.save()).await
            }
            _ => Err(Halt::Lost),
        }
    }

    /// Does work, with signs of life.
    pub(super) async fn beside<T, E: Into<Halt>>(
        &mut self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Halt> {
        let mut work = pin!(work);
        let mut ticks = tokio::time::interval(self.every);
        ticks.tick().await;
        loop {
            tokio::select! {
                done = &mut work => return done.map_err(Into::into),
                _ = ticks.tick() => self.save().await?,
            }
        }
    }
}
