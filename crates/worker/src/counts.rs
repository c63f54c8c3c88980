//! How things end, counted by stage and code, beyond the life of a process: the records
//! `counts.<stage>` in the bucket `jobs`.
//!
//! In: codes, as skips and other named ends happen. Out: what is new, added to the records every few
//! seconds and once more at the end. Statistics and no invariants: a process that is killed loses its
//! last seconds, and an addition whose acknowledgement is lost is made twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use messages::timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::topology::Bucket;
use crate::{Broker, BrokerError, Failure, Process, WorkerError, metrics};

/// How often what is new is added to the records.
const EVERY: Duration = Duration::from_secs(5);

/// What the keys of all such records begin with.
const PREFIX: &str = "counts.";

/// How often things ended so, in one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// When counting began.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// By stable code.
    pub counts: BTreeMap<String, u64>,
}

impl Ends {
    fn none() -> Self {
        Self {
            since: timestamp::now(),
            counts: Numbers::new(),
        }
    }
}

type Numbers = BTreeMap<String, u64>;

/// What no record has yet, by stage.
#[derive(Default)]
pub(crate) struct Counts(Mutex<BTreeMap<&'static str, Numbers>>);

impl Counts {
    fn stages(&self) -> MutexGuard<'_, BTreeMap<&'static str, Numbers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, stage: &'static str, numbers: Numbers) {
        merge(self.stages().entry(stage).or_default(), numbers);
    }
}

fn merge(counts: &mut Numbers, more: Numbers) {
    for (code, number) in more {
        *counts.entry(code).or_default() += number;
    }
}

impl Process {
    /// Counts so many ends of a code.
    pub fn count(&self, stage: &'static str, code: &str, number: u64) {
        metrics::counted(stage, code, number);
        if number > 0 {
            let numbers = Numbers::from([(code.to_owned(), number)]);
            self.counts().add(stage, numbers);
        }
    }

    /// Adds to the records what was counted since the last time. What can't be added is kept.
    pub async fn flush_counts(&self) -> Result<(), BrokerError> {
        let stages = std::mem::take(&mut *self.counts().stages());
        let mut flushed = Ok(());
        for (stage, numbers) in stages {
            if let Err(error) = self.broker().add_ends(stage, &numbers).await {
                self.counts().add(stage, numbers);
                flushed = Err(error);
            }
        }
        flushed
    }

    /// Adds what was counted to the records again and again, until the process ends; what its stages
    /// count while they end is left to a last [`Process::flush_counts`].
    pub async fn keep_counts(&self) -> Result<(), WorkerError> {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = self.shutdown().cancelled() => return self.result(),
                _ = ticks.tick() => {}
            }
            // An addition that was begun is brought to its end: what it took is nowhere else.
            if let Err(error) = self.flush_counts().await {
                tracing::warn!(code = %error.code(), "can't count: {}", crate::chain(&error));
            }
        }
    }
}

impl Broker {
    /// How things ended, by stage, over all processes; some seconds old.
    pub async fn ends(&self) -> Result<BTreeMap<String, Ends>, BrokerError> {
        let mut stages = BTreeMap::new();
        if !self.has_bucket(Bucket::Jobs).await? {
            return Ok(stages);
        }
        self.each_record(Bucket::Jobs, "counts.*", |key, ends| {
            let stage = key.strip_prefix(PREFIX).unwrap_or(key);
            stages.insert(stage.to_owned(), ends);
        })
        .await?;
        Ok(stages)
    }

    async fn add_ends(&self, stage: &str, numbers: &Numbers) -> Result<(), BrokerError> {
        let key = format!("{PREFIX}{stage}");
        loop {
            let found = self.record::<Ends>(Bucket::Jobs, &key).await?;
            let revision = found.as_ref().map(|found| found.revision);
            let mut ends = found.map_or_else(Ends::none, |found| found.value);
            merge(&mut ends.counts, numbers.clone());
            if self
                .swap_record(Bucket::Jobs, &key, &ends, revision)
                .await?
            {
                return Ok(());
            }
        }
    }
}
