//! The snapshot of the table of copies: what spares a start the reading of all SPEECHES.
//!
//! In: the table. Out: the bucket `copies`, which any process reads that takes over. What is not there,
//! damaged, of another version or of another SPEECHES is no snapshot, and never an error.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use worker::topology::{Bucket, SPEECHES};
use worker::{Broker, BrokerError, LargeRecord, Process, StreamState, WorkerError, chain};

use super::Copies;
use crate::clusters::Clusters;
use crate::{IndexError, Indexer};

/// Its key in the bucket.
const KEY: &str = "table";

/// Between two looks whether it is time.
const LOOK: Duration = Duration::from_secs(30);

/// Between two snapshots.
const PAUSE: Duration = Duration::from_mins(5);

/// Fewer changes are read again sooner than a snapshot is written.
const MIN_CHANGES: usize = 1_000;

/// One change in so many speeches: what is written stays in proportion to what has changed.
const SPEECHES_PER_CHANGE: usize = 50;

/// How long the end of a process may wait for its last snapshot.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What a snapshot is of; its bytes are the table's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Snapshot {
    version: u8,
    /// When SPEECHES was created: another one is another set of speeches.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// The sequence in SPEECHES that it holds everything up to.
    sequence: u64,
}

/// Why the table begins with nothing.
#[derive(Debug, thiserror::Error)]
enum NoSnapshot {
    #[error("there is no snapshot of it")]
    Absent,
    #[error(
        "its snapshot is of version {found}, and ours is {}",
        Clusters::VERSION
    )]
    Version { found: u8 },
    #[error("its snapshot is of another SPEECHES, which is gone")]
    Foreign,
    #[error("its snapshot is damaged")]
    Damaged,
    #[error("its snapshot can't be read: {}", chain(.0))]
    Unread(BrokerError),
}

impl Snapshot {
    /// That it is one of these speeches.
    fn check(&self, speeches: &StreamState) -> Result<(), NoSnapshot> {
        if self.version != Clusters::VERSION {
            let found = self.version;
            return Err(NoSnapshot::Version { found });
        }
        if self.created_at != speeches.created_at || self.sequence > speeches.last_sequence {
            return Err(NoSnapshot::Foreign);
        }
        Ok(())
    }
}

impl Copies {
    /// The table as its snapshot has it, or an empty one: what is lacking is read from SPEECHES.
    pub(super) async fn begin(broker: &Broker) -> Result<Self, IndexError> {
        let Some(speeches) = broker.stream_state(SPEECHES).await? else {
            return Ok(Self::default());
        };
        let mut copies = Self {
            created_at: Some(speeches.created_at),
            ..Self::default()
        };
        match read(broker, &speeches).await {
            Ok((table, sequence)) => {
                let num_speeches = table.num_speeches();
                tracing::info!(
                    num_speeches,
                    sequence,
                    "the table of copies begins with its snapshot: {num_speeches} speeches, up to {sequence} in SPEECHES"
                );
                (copies.table, copies.last) = (table, sequence);
            }
            Err(reason @ NoSnapshot::Absent) => {
                tracing::info!("the table of copies is made of all SPEECHES: {reason}");
            }
            Err(reason) => tracing::warn!("the table of copies is made of all SPEECHES: {reason}"),
        }
        Ok(copies)
    }

    fn is_due(&self) -> bool {
        let since = self.snapshot_at.map(|at| at.elapsed());
        is_due(self.num_changes, self.table.num_speeches(), since)
    }
}

impl Indexer {
    /// Writes a snapshot of the table of copies each time one is due, until the process ends.
    pub async fn keep_snapshots(&self, process: &Process) -> Result<(), WorkerError> {
        process.run_beside(Box::pin(self.write_snapshots())).await
    }

    /// Never ends.
    async fn write_snapshots(&self) -> IndexError {
        let mut ticks = tokio::time::interval(LOOK);
        loop {
            ticks.tick().await;
            self.write_snapshot_if(Copies::is_due).await;
        }
    }

    /// Writes a snapshot of what the last one lacks, if it lacks anything: for the end of a process,
    /// which waits for it no longer than a few seconds. That it can't be written is no more than a warning.
    pub async fn write_snapshot(&self) {
        if !self.broker.is_connected() {
            return;
        }
        let written = self.write_snapshot_if(|copies| copies.num_changes > 0);
        if tokio::time::timeout(LAST_WORDS, written).await.is_err() {
            tracing::warn!("there was no time for a last snapshot of the table of copies");
        }
    }

    /// The turn waits for the table only while its bytes are made.
    async fn write_snapshot_if(&self, is_due: impl Fn(&Copies) -> bool) {
        let mut copies = self.copies.clone().lock_owned().await;
        let (true, Some(created_at)) = (is_due(&copies), copies.created_at) else {
            return;
        };
        let num_changes = copies.num_changes;
        let snapshot = Snapshot {
            version: Clusters::VERSION,
            created_at,
            sequence: copies.last,
        };
        copies.snapshot_at = Some(Instant::now());
        let bytes = worker::blocking(move || copies.table.to_bytes()).await;
        match write(&self.broker, snapshot, bytes).await {
            Ok(()) => {
                let mut copies = self.copies.lock().await;
                copies.num_changes = copies.num_changes.saturating_sub(num_changes);
            }
            Err(error) => {
                let error = chain(&error);
                tracing::warn!("the snapshot of the table of copies is not written: {error}");
            }
        }
    }
}

/// Whether so much has changed, and the last snapshot is so long ago, that another one is worth it.
fn is_due(num_changes: usize, num_speeches: usize, since: Option<Duration>) -> bool {
    let enough = MIN_CHANGES.max(num_speeches / SPEECHES_PER_CHANGE);
    num_changes >= enough && since.is_none_or(|since| since >= PAUSE)
}

async fn read(broker: &Broker, speeches: &StreamState) -> Result<(Clusters, u64), NoSnapshot> {
    let record = find(broker).await?.ok_or(NoSnapshot::Absent)?;
    record.value.check(speeches)?;
    let bytes = broker.bytes_of(Bucket::Copies, KEY, &record).await;
    let bytes = bytes.map_err(NoSnapshot::Unread)?;
    let bytes = bytes.ok_or(NoSnapshot::Damaged)?;
    let table = worker::blocking(move || Clusters::of_bytes(&bytes)).await;
    Ok((table.ok_or(NoSnapshot::Damaged)?, record.value.sequence))
}

async fn find(broker: &Broker) -> Result<Option<LargeRecord<Snapshot>>, NoSnapshot> {
    match broker.large_record(Bucket::Copies, KEY).await {
        Ok(record) => Ok(record),
        Err(BrokerError::Foreign { .. }) => Err(NoSnapshot::Damaged),
        Err(error) => Err(NoSnapshot::Unread(error)),
    }
}

/// Leaves one alone that holds more: another process is the active one now. A table of speeches that are
/// no more is not written.
async fn write(broker: &Broker, snapshot: Snapshot, bytes: Vec<u8>) -> Result<(), BrokerError> {
    let Some(speeches) = broker.stream_state(SPEECHES).await? else {
        return Ok(());
    };
    if snapshot.check(&speeches).is_err() {
        return Ok(());
    }
    if let Ok(Some(LargeRecord { value: last, .. })) = find(broker).await
        && last.check(&speeches).is_ok()
        && last.sequence > snapshot.sequence
    {
        return Ok(());
    }
    let (sequence, num_bytes) = (snapshot.sequence, bytes.len());
    let written = broker.write_large_record(Bucket::Copies, KEY, snapshot, bytes.into());
    if written.await? {
        tracing::info!(
            num_bytes,
            sequence,
            "the table of copies has a snapshot, up to {sequence} in SPEECHES"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_due_after_a_thousand_changes_or_a_fiftieth_and_five_minutes() {
        assert!(is_due(1_000, 1_000, None));
        assert!(!is_due(999, 0, None));
        assert!(!is_due(1_999, 100_000, Some(PAUSE)));
        assert!(is_due(2_000, 100_000, Some(PAUSE)));
        assert!(!is_due(2_000, 100_000, Some(LOOK)));
    }
}
