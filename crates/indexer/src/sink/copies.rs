//! The table of copies beside the sink: kept up with SPEECHES, and the index kept up with it.
//!
//! In: what SPEECHES holds, up to the message at hand. Out: the cluster of a speech, and documents whose
//! cluster has another name now. In the first turn it begins with its snapshot, or with none.

mod snapshot;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::stream;
use futures_util::{StreamExt, TryStreamExt};
use messages::{SpeechChange, SpeechId};
use time::OffsetDateTime;
use tokio::sync::OwnedMutexGuard;
use worker::topology::SPEECHES;
use worker::{BatchLimits, Broker, Failure, Verdict};

use super::Turn;
use super::compose::Next;
use super::part::{Part, line_of, sketch_of};
use crate::clusters::{Change, Clusters};
use crate::{IndexError, Indexer, Meili};

/// What is read of SPEECHES at once.
const LIMITS: BatchLimits = BatchLimits {
    max_messages: 500,
    max_bytes: 8 * 1024 * 1024,
    max_wait: Duration::ZERO,
    max_in_flight: 1,
    max_in_flight_bytes: 8 * 1024 * 1024,
};

/// Questions to the broker at once.
const MAX_READS: usize = 32;

/// Documents in one question to Meilisearch.
const PAGE: usize = 1_000;

/// The table, and how far it is.
#[derive(Default)]
pub(super) struct Copies {
    table: Clusters,
    /// When the SPEECHES that it is of was created; `None` before it has begun.
    created_at: Option<OffsetDateTime>,
    /// The sequence in SPEECHES that it holds everything up to.
    last: u64,
    /// Changes that no snapshot holds.
    num_changes: usize,
    /// When the last snapshot was begun.
    snapshot_at: Option<Instant>,
    /// Speeches whose documents say another cluster, or may.
    moved: BTreeSet<SpeechId>,
}

impl Indexer {
    /// Brings the table of copies up to these messages, if it is not beyond them, and documents up to
    /// the table. All of them are written before the messages that moved them: whoever breaks off here
    /// does it again.
    pub(super) async fn follow(&self, turn: &mut Turn, parts: &[Part]) -> Result<(), IndexError> {
        let mut copies = self.catch_up(Part::last_sequence(parts)).await?;
        if !self.is_live {
            return Ok(());
        }
        if !turn.is_compared && copies.is_begun() {
            copies.compare(&self.meili).await?;
            turn.is_compared = true;
        }
        loop {
            let rewrites = copies.to_write(&self.broker).await?;
            if rewrites.is_empty() {
                return Ok(());
            }
            let to_document = self.to_document;
            let (rewrites, lines) = worker::blocking(move || {
                let lines = rewrites
                    .iter()
                    .map(|(_, change, sequence)| line_of(change.as_ref()?, *sequence, to_document));
                let lines = lines.collect::<Vec<_>>();
                (rewrites, lines)
            })
            .await;
            let lines = rewrites.iter().zip(lines);
            let documents =
                lines.filter_map(|((id, ..), line)| Some((line?, copies.cluster_of(id))));
            let documents: Vec<_> = documents.collect();
            let gone = rewrites
                .iter()
                .filter(|(_, change, _)| matches!(change, Some(SpeechChange::Withdrawal(_))));
            let withdrawn: Vec<&str> = gone.map(|(id, ..)| id.as_str()).collect();
            let mut uids = Vec::new();
            if !documents.is_empty() {
                uids.push(self.meili.put_documents(documents).await?);
            }
            if !withdrawn.is_empty() {
                uids.push(self.meili.delete_documents(&withdrawn).await?);
            }
            for (uid, task) in self.meili.wait_for(&uids).await? {
                if let Err(error) = task.result(uid) {
                    // One of them was refused when its own message came, too: no message waits for it.
                    let error = worker::chain(&error);
                    tracing::warn!("the clusters of some documents are not written: {error}");
                }
            }
            copies.written(&self.broker, &rewrites).await?;
        }
    }

    /// Writes the documents again whose clusters are not the table's. Nothing, where there is no table yet.
    pub(crate) async fn compare_copies(&self) -> Result<(), IndexError> {
        let mut turn = self.turn.lock().await;
        self.follow(&mut turn, &[]).await
    }

    /// Takes into the table what SPEECHES holds up to a sequence.
    pub(super) async fn catch_up(&self, to: u64) -> Result<OwnedMutexGuard<Copies>, IndexError> {
        let mut copies = self.copies.clone().lock_owned().await;
        if copies.last == 0 && to > 0 {
            *copies = Box::pin(Copies::begin(&self.broker)).await?;
        }
        while copies.last < to {
            let hole = match self.sketched.take_after(copies.last) {
                Next::Known(changes, last) => {
                    copies = worker::blocking(move || {
                        copies.take_in(changes, last);
                        copies
                    })
                    .await;
                    continue;
                }
                Next::Unknown(hole) => usize::try_from(hole).unwrap_or(usize::MAX),
            };
            let limits = BatchLimits {
                max_messages: LIMITS.max_messages.min(hole),
                ..LIMITS
            };
            let run = self
                .broker
                .messages_after(SPEECHES, copies.last, limits)
                .await?;
            let is_end = run.is_end;
            copies = worker::blocking(move || {
                // What can't be decoded is a dead letter of the indexer by itself.
                let changes = run.messages.iter().filter_map(|stored| {
                    let change: SpeechChange = stored.decode().ok()?;
                    Some((change.speech_id().clone(), sketch_of(&change)))
                });
                copies.take_in(changes.collect(), run.last);
                copies
            })
            .await;
            if is_end {
                break;
            }
        }
        Ok(copies)
    }
}

impl Copies {
    /// Takes in what there is up to a sequence.
    fn take_in(&mut self, changes: Vec<Change>, last: u64) {
        self.num_changes += changes.len();
        self.moved.extend(self.table.apply(changes));
        self.last = last;
    }

    /// The cluster of a speech; its own, where the table does not know it.
    pub(super) fn cluster_of(&self, id: &SpeechId) -> SpeechId {
        self.table.cluster_of(id).unwrap_or_else(|| id.clone())
    }

    /// Finds the documents that say another cluster: what a process that died did not come to, and
    /// what a server that came back has lost.
    pub(super) async fn compare(&mut self, meili: &Meili) -> Result<(), IndexError> {
        let mut offset = 0;
        loop {
            let page = meili.page(offset, PAGE).await?;
            offset += page.len();
            let is_last = page.len() < PAGE;
            for found in page {
                let Ok(id) = found.id.parse::<SpeechId>() else {
                    continue;
                };
                let wanted = self.table.cluster_of(&id);
                if wanted.is_some_and(|wanted| found.cluster.as_deref() != Some(wanted.as_str())) {
                    self.moved.insert(id);
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Whether it holds anything that was read.
    pub(super) fn is_begun(&self) -> bool {
        self.last > 0
    }

    /// Some of those whose documents are to be written again. They stay on the list until
    /// [`Self::written`].
    pub(super) async fn to_write(&self, broker: &Broker) -> Result<Vec<Rewrite>, IndexError> {
        let ids = self.moved.iter().take(LIMITS.max_messages).cloned();
        stream::iter(ids.collect::<Vec<_>>())
            .map(|id| async move {
                match broker.latest(SPEECHES, &subject_of(&id)).await {
                    Ok(Some(latest)) => Ok((id, Some(latest.message), latest.sequence)),
                    Ok(None) => Ok((id, None, 0)),
                    // It is a dead letter of the indexer by itself.
                    Err(error) if error.verdict() == Verdict::Reject => Ok((id, None, 0)),
                    Err(error) => Err(error.into()),
                }
            })
            .buffered(MAX_READS)
            .try_collect()
            .await
    }

    /// Takes them off the list, but for those of which something newer has come: another process may
    /// have written that before we wrote this.
    pub(super) async fn written(
        &mut self,
        broker: &Broker,
        rewrites: &[Rewrite],
    ) -> Result<(), IndexError> {
        for (id, change, sequence) in rewrites {
            let last = match change {
                Some(_) => broker.latest_sequence(SPEECHES, &subject_of(id)).await?,
                None => None,
            };
            if last.is_none_or(|last| last == *sequence) {
                self.moved.remove(id);
            }
        }
        Ok(())
    }
}

/// A speech whose document is to be written again, its last message and that one's sequence.
pub(super) type Rewrite = (SpeechId, Option<SpeechChange>, u64);

fn subject_of(id: &SpeechId) -> String {
    format!("speech.changed.{}", id.as_str())
}
