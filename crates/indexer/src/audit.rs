//! The audit: SPEECHES against the index, document by document, and what differs put right.
//!
//! In: both servers, beside an indexer that may be at work. Out: ids of what differs; documents and
//! deletions, written by the sink itself. Publishes nothing, and takes no message. Keeps ids and
//! versions in memory, and of texts one batch.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream;
use messages::{Message, SpeechChange, SpeechId};
use worker::topology::{INDEXER, SPEECHES};
use worker::{BatchLimits, Broker, Failure, Latest, Sink, Stored, Verdict};

use crate::meili::Standing;
use crate::{IndexError, Indexer, Meili, MeiliConfig};

/// Documents in one question to Meilisearch.
const PAGE: usize = 1_000;

/// Questions at once.
const MAX_READS: usize = 16;

/// Speeches that are written at once: a batch like the indexer's own, but never two.
const LIMITS: BatchLimits = BatchLimits {
    max_messages: 200,
    max_bytes: 16 * 1024 * 1024,
    max_wait: Duration::ZERO,
    max_in_flight: 1,
    max_in_flight_bytes: 16 * 1024 * 1024,
};

/// Compares and repairs.
pub struct Audit {
    broker: Broker,
    meili: Meili,
    indexer: Indexer,
}

/// What differs, by id.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Speeches in SPEECHES that are not withdrawn.
    pub num_speeches: usize,
    /// Documents in the index.
    pub num_documents: usize,
    /// Speeches without a document.
    pub missing: Vec<String>,
    /// Documents of an older version.
    pub stale: Vec<String>,
    /// Documents of no speech, or of one that is withdrawn.
    pub surplus: Vec<String>,
    /// Documents of a newer version than SPEECHES has: not the stream that they were made from.
    pub ahead: Vec<String>,
    /// Messages that an indexer has still to take: what differs may be among them.
    pub num_waiting: u64,
}

/// What a repair came to.
#[derive(Debug, Default)]
pub struct Repaired {
    /// Ids that are as they should be now.
    pub num_done: usize,
    /// Ids that Meilisearch does not take, and why.
    pub refused: Vec<(String, IndexError)>,
}

/// How one document differs.
enum Difference {
    Missing,
    Stale,
    Surplus,
    Ahead,
}

impl Differences {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        [&self.missing, &self.stale, &self.surplus, &self.ahead]
            .iter()
            .all(|ids| ids.is_empty())
    }
}

impl Audit {
    /// Checks the configuration; nothing is sent.
    pub fn new(config: &MeiliConfig, broker: Broker) -> Result<Self, IndexError> {
        let meili = Meili::new(config)?;
        Ok(Self {
            indexer: Indexer::beside(meili.clone(), broker.clone(), LIMITS),
            broker,
            meili,
        })
    }

    /// Compares. The stream must be there.
    pub async fn compare(&self) -> Result<Differences, IndexError> {
        let waiting = self.broker.consumer_state(INDEXER).await?;
        let mut speeches = self.speeches().await?;
        let mut differences = Differences {
            num_speeches: speeches.len(),
            num_waiting: waiting.map_or(0, |state| state.num_pending + state.num_held),
            ..Differences::default()
        };
        let mut suspects = Vec::new();
        loop {
            let page = self.meili.page(differences.num_documents, PAGE).await?;
            differences.num_documents += page.len();
            let is_last = page.len() < PAGE;
            for Standing { id, version, .. } in page {
                if speeches.remove(&id) != Some(version) {
                    suspects.push(id);
                }
            }
            if is_last {
                break;
            }
        }
        suspects.extend(speeches.into_keys());
        // Much may have come and gone while we walked: only what differs at a second look does.
        let mut judged = stream::iter(suspects)
            .map(|id| async move { self.judge(&id).await.map(|found| (id, found)) })
            .buffered(MAX_READS);
        while let Some((id, found)) = judged.try_next().await? {
            match found {
                Some(Difference::Missing) => differences.missing.push(id),
                Some(Difference::Stale) => differences.stale.push(id),
                Some(Difference::Surplus) => differences.surplus.push(id),
                Some(Difference::Ahead) => differences.ahead.push(id),
                None => {}
            }
        }
        Ok(differences)
    }

    /// Puts right what is missing, stale and surplus. What is ahead is left alone: it is newer.
    ///
    /// Errors: what stops or halts all of it.
    pub async fn repair(&self, found: &Differences) -> Result<Repaired, IndexError> {
        let mut repaired = Repaired::default();
        let ids = [&found.missing, &found.stale, &found.surplus];
        let orphans = self.write(ids.into_iter().flatten(), &mut repaired).await?;
        self.take_out(&orphans).await?;
        // Had one of them come while it was taken out, it is written now.
        let left = self.write(orphans.iter(), &mut repaired).await?;
        repaired.num_done += left.len();
        Ok(repaired)
    }

    /// Ids and sequences of all speeches that are not withdrawn.
    async fn speeches(&self) -> Result<HashMap<String, u64>, IndexError> {
        let mut ids = Vec::new();
        let look = |change: SpeechChange| {
            if let SpeechChange::Upsert(upsert) = change {
                ids.push(upsert.speech.speech_id.to_string());
            }
        };
        let subjects = SPEECHES.subjects[0];
        self.broker
            .each(SPEECHES, subjects, usize::MAX, look)
            .await?;
        stream::iter(ids)
            .map(|id| async move {
                let sequence = self
                    .broker
                    .latest_sequence(SPEECHES, &subject_of(&id))
                    .await?;
                // Gone since: no sequence is 0, and a second look follows.
                Ok((id, sequence.unwrap_or_default()))
            })
            .buffer_unordered(MAX_READS)
            .try_collect()
            .await
    }

    async fn judge(&self, id: &str) -> Result<Option<Difference>, IndexError> {
        let latest = match self.latest(id).await {
            // Nobody knows which document would be right; it is a dead letter of the indexer.
            Err(error) if error.verdict() == Verdict::Reject => return Ok(None),
            latest => latest?,
        };
        let wanted = latest
            .filter(|latest| matches!(latest.message, SpeechChange::Upsert(_)))
            .map(|latest| latest.sequence);
        Ok(match (wanted, self.meili.version_of(id).await?) {
            (Some(_), None) => Some(Difference::Missing),
            (Some(wanted), Some(version)) if version < wanted => Some(Difference::Stale),
            (Some(wanted), Some(version)) if version > wanted => Some(Difference::Ahead),
            (None, Some(_)) => Some(Difference::Surplus),
            _ => None,
        })
    }

    async fn latest(&self, id: &str) -> Result<Option<Latest<SpeechChange>>, IndexError> {
        Ok(self.broker.latest(SPEECHES, &subject_of(id)).await?)
    }

    /// Takes the last message of each speech through the sink. Output: ids that have no message.
    async fn write(
        &self,
        ids: impl Iterator<Item = &String>,
        repaired: &mut Repaired,
    ) -> Result<Vec<String>, IndexError> {
        let mut orphans = Vec::new();
        let mut batch = Vec::new();
        let mut num_bytes = 0;
        for id in ids {
            match self.latest(id).await {
                Ok(Some(latest)) => {
                    let stored = stored(id, &latest);
                    let is_full = batch.len() == LIMITS.max_messages
                        || num_bytes + stored.payload.len() > LIMITS.max_bytes;
                    if is_full {
                        self.flush(std::mem::take(&mut batch), repaired).await?;
                        num_bytes = 0;
                    }
                    num_bytes += stored.payload.len();
                    batch.push((latest.message.speech_id().clone(), stored));
                }
                Ok(None) => orphans.push(id.clone()),
                Err(error) => refuse(id, error, repaired)?,
            }
        }
        self.flush(batch, repaired).await?;
        Ok(orphans)
    }

    async fn flush(
        &self,
        batch: Vec<(SpeechId, Stored)>,
        repaired: &mut Repaired,
    ) -> Result<(), IndexError> {
        let (ids, batch): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        for (id, verdict) in ids.iter().zip(self.indexer.handle(batch).await) {
            match verdict {
                Ok(()) => repaired.num_done += 1,
                Err(error) => refuse(id.as_str(), error, repaired)?,
            }
        }
        Ok(())
    }

    /// Deletes documents of speeches that SPEECHES knows nothing of.
    async fn take_out(&self, ids: &[String]) -> Result<(), IndexError> {
        if ids.is_empty() {
            return Ok(());
        }
        let stream = self.broker.stream_state(SPEECHES).await?;
        if stream.is_none_or(|state| state.num_messages == 0) {
            return Err(IndexError::Config(
                "SPEECHES is empty, and so no document is taken out: is this the right NATS?"
                    .to_owned(),
            ));
        }
        for ids in ids.chunks(PAGE) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let uid = self.meili.delete_documents(&ids).await?;
            let ended = self.meili.wait_for(&[uid]).await?;
            let task = ended.get(&uid).ok_or(IndexError::TaskLost { uid })?;
            task.result(uid)?;
        }
        Ok(())
    }
}

/// Ids of documents have no character that a subject may not have.
fn subject_of(id: &str) -> String {
    format!("speech.changed.{id}")
}

fn stored(id: &str, latest: &Latest<SpeechChange>) -> Stored {
    let payload = latest.message.encode().into();
    Stored::read(
        subject_of(id),
        latest.sequence,
        latest.published_at,
        payload,
    )
}

/// Writes down what is one document's fault; hands back what ends the whole repair.
fn refuse(id: &str, error: IndexError, repaired: &mut Repaired) -> Result<(), IndexError> {
    if !matches!(error.verdict(), Verdict::Reject | Verdict::Retry { .. }) {
        return Err(error);
    }
    repaired.refused.push((id.to_owned(), error));
    Ok(())
}
