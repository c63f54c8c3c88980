//! A reindex: a second index is built from SPEECHES beside the first, then takes its place.
//!
//! In: the record `reindex` in the bucket `jobs`, written by whoever asks. Out: the same record, with
//! how far it is, and in the end an index made anew. Every indexer process watches; one carries it
//! out, the one that gets messages if there is one, and another goes on where it ended.

mod build;
mod claim;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use worker::topology::Bucket;
use worker::{Broker, BrokerError, Failure, Process, Verdict, WorkerError, chain};

use crate::{IndexError, Indexer};
use build::Build;
use claim::{Claim, Halt};

/// Between two looks at the record.
const POLL: Duration = Duration::from_secs(1);

/// How far a reindex is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReindexStage {
    /// Nobody has begun.
    Asked,
    /// The second index is filled.
    Building,
    /// All writes wait: the last speeches go into the second index, then the two are swapped.
    Switching,
    /// The new index is searched; the old one is still there.
    Swapped,
    /// It is done.
    Done,
}

/// What was asked for, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReindexJob {
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub asked_at: OffsetDateTime,
    /// How far it is.
    pub stage: ReindexStage,
    /// All that SPEECHES holds up to this sequence is in the new index.
    #[serde(default)]
    pub sequence: u64,
    /// Messages that were taken into it.
    #[serde(default)]
    pub num_taken: u64,
    /// Documents that Meilisearch did not take; they are dead letters of the indexer as well.
    #[serde(default)]
    pub num_refused: u64,
    /// When the second index was created, in Meilisearch's words: by this it is known after a swap.
    #[serde(default)]
    pub created_at: Option<String>,
    /// The process that carries it out.
    #[serde(default)]
    pub by: Option<String>,
}

impl ReindexJob {
    /// Its key in the bucket `jobs`.
    pub const KEY: &'static str = "reindex";

    fn new() -> Self {
        Self {
            asked_at: messages::timestamp::now(),
            stage: ReindexStage::Asked,
            sequence: 0,
            num_taken: 0,
            num_refused: 0,
            created_at: None,
            by: None,
        }
    }

    /// The last one that was asked for, if any ever was.
    pub async fn last(broker: &Broker) -> Result<Option<Self>, BrokerError> {
        let record = broker.record(Bucket::Jobs, Self::KEY).await?;
        Ok(record.map(|record| record.value))
    }

    /// Asks for one, unless one is under way. Output: the one that is to be waited for.
    pub async fn ask(broker: &Broker) -> Result<Self, BrokerError> {
        loop {
            let record = broker.record::<Self>(Bucket::Jobs, Self::KEY).await?;
            let revision = match record {
                Some(record) if record.value.stage != ReindexStage::Done => {
                    return Ok(record.value);
                }
                record => record.map(|record| record.revision),
            };
            let job = Self::new();
            if broker
                .swap_record(Bucket::Jobs, Self::KEY, &job, revision)
                .await?
            {
                return Ok(job);
            }
        }
    }
}

/// Errors: Wait, while a reindex switches.
pub(crate) async fn check_pause(broker: &Broker) -> Result<(), IndexError> {
    match ReindexJob::last(broker).await? {
        Some(job) if job.stage == ReindexStage::Switching => Err(IndexError::Switching),
        _ => Ok(()),
    }
}

/// Carries out what is asked for, beside an indexer at work.
pub struct Rebuild {
    live: Indexer,
    /// How long a record may stand still before its process is taken for dead.
    lease: Duration,
}

impl Rebuild {
    /// Of an indexer: its clone does the other work.
    pub fn new(live: &Indexer) -> Self {
        Self {
            lease: live.broker().config().ack_wait,
            live: live.clone(),
        }
    }

    /// Carries out every reindex that is asked for, until the process ends.
    pub async fn keep(&self, process: &Process) -> Result<(), WorkerError> {
        process.run_beside(Box::pin(self.watch())).await
    }

    /// Output: what must end the process.
    async fn watch(&self) -> IndexError {
        let mut ticks = tokio::time::interval(POLL.min(self.lease / 4));
        let mut seen: Option<(u64, Instant)> = None;
        loop {
            ticks.tick().await;
            match Box::pin(self.look(&mut seen)).await {
                Ok(()) => {}
                Err(Halt::Lost) => tracing::info!("another process goes on with the reindex"),
                Err(Halt::Failed(error)) if matches!(error.verdict(), Verdict::Stop(_)) => {
                    return error;
                }
                Err(Halt::Failed(error)) => {
                    tracing::warn!(code = %error.code(), "the reindex waits: {}", chain(&error));
                }
            }
        }
    }

    /// Carries out what there is, if it is for us to do.
    async fn look(&self, seen: &mut Option<(u64, Instant)>) -> Result<(), Halt> {
        let broker = self.live.broker();
        let record = broker.record::<ReindexJob>(Bucket::Jobs, ReindexJob::KEY);
        let Some(record) = record
            .await?
            .filter(|it| it.value.stage != ReindexStage::Done)
        else {
            return Ok(());
        };
        let since = match *seen {
            Some((revision, since)) if revision == record.revision => since,
            _ => seen.insert((record.revision, Instant::now())).1,
        };
        let patience = match &record.value.by {
            Some(_) => self.lease,
            None if self.live.is_active(self.lease) => Duration::ZERO,
            // On a quiet day nobody knows who would get the next message.
            None => POLL.min(self.lease / 4) * 2,
        };
        if since.elapsed() < patience {
            return Ok(());
        }
        let mut claim = Claim::take(broker, record, self.lease / 4).await?;
        Build::new(&self.live).carry_out(&mut claim).await
    }
}
