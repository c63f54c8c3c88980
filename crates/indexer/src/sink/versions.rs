//! Which version is the newest, and which of them the index holds: asked before a POST and after its task.
//!
//! In: parts. Out: what of them is left to do. SPEECHES knows what is newest, and the index what it holds.

use futures_util::StreamExt;
use futures_util::stream;
use worker::topology::SPEECHES;
use worker::{BrokerError, Failure, Verdict};

use super::Indexer;
use super::part::Part;
use super::turn::Turn;
use crate::{IndexError, metrics};

/// Questions to the broker at once.
const MAX_READS: usize = 32;

impl Indexer {
    /// A message that is no longer its subject's last is done: the newer one comes by itself. This
    /// is what keeps an indexer that wakes late from putting an old speech over a new one.
    pub(super) async fn drop_replaced(
        &self,
        part: Part,
        turn: &Turn,
        verdicts: &mut [Result<(), IndexError>],
    ) -> Part {
        let is_deletion = part.is_deletion;
        let trusted = self.broker.config().ack_wait / 2;
        let (mut items, asked): (Vec<_>, Vec<_>) = part
            .items
            .into_iter()
            .partition(|item| turn.is_newest(item, trusted));
        let part = Part {
            is_deletion,
            items: asked,
        };
        let replaced = self.are_replaced(&part).await;
        for (item, is_replaced) in part.items.into_iter().zip(replaced) {
            match is_replaced {
                Ok(true) => metrics::documents("replaced", 1),
                // A node of a cluster that is behind knows less than we were given.
                Ok(false) => items.push(item),
                Err(error) => item.fail(&error.into(), verdicts),
            }
        }
        Part { is_deletion, items }
    }

    /// What the index holds already, of just this version, is done: a process that died, or that we
    /// were before an outage, has sent it.
    pub(super) async fn drop_stored(&self, part: &mut Part, turn: &Turn) -> Result<(), IndexError> {
        let doubtful = part.items.iter().filter(|item| turn.is_doubtful(item));
        let ids: Vec<&str> = doubtful.map(|item| item.id.as_str()).collect();
        if part.is_deletion || ids.is_empty() {
            return Ok(());
        }
        let standing = self.meili.standing(&ids).await?;
        let copies = self.copies.lock().await;
        let num_items = part.items.len();
        part.items.retain(|item| {
            let is_stored = standing.get(item.id.as_str()).is_some_and(|found| {
                let cluster = copies.cluster_of(&item.id);
                found.version == item.sequence()
                    && found.cluster.as_deref() == Some(cluster.as_str())
            });
            !is_stored
        });
        metrics::documents("stored", num_items - part.items.len());
        Ok(())
    }

    /// Documents are stored: done, unless a newer message has come, which then goes first.
    pub(super) async fn settle(
        &self,
        part: Part,
        verdicts: &mut [Result<(), IndexError>],
    ) -> Vec<Part> {
        let replaced = self.are_replaced(&part).await;
        let mut successors = Vec::new();
        for (item, is_replaced) in part.items.into_iter().zip(replaced) {
            let newer = match is_replaced {
                Ok(true) => self.broker.latest(SPEECHES, &item.stored.subject).await,
                Ok(false) => continue,
                Err(error) => Err(error),
            };
            match newer {
                Ok(Some(newer)) => {
                    successors.push(item.succeeded_by(&newer.message, newer.sequence));
                }
                Ok(None) => {}
                // What can't be read there fails when its own turn comes.
                Err(error) if error.verdict() == Verdict::Reject => {}
                Err(error) => item.fail(&error.into(), verdicts),
            }
        }
        Part::of(successors)
    }

    /// Whether each item's subject has a newer message.
    async fn are_replaced(&self, part: &Part) -> Vec<Result<bool, BrokerError>> {
        let items = part.items.iter();
        let asked = items.map(|item| (item.stored.subject.clone(), item.sequence()));
        stream::iter(asked.collect::<Vec<_>>())
            .map(|(subject, sequence)| async move {
                let broker = &self.broker;
                broker.has_newer(SPEECHES, &subject, sequence).await
            })
            .buffered(MAX_READS)
            .collect()
            .await
    }

    /// The last sequence of SPEECHES. `None`: that was not to be had, and each subject is asked for.
    pub(super) async fn end_of_speeches(&self) -> Option<u64> {
        self.broker.last_sequence(SPEECHES).await.ok()
    }
}
