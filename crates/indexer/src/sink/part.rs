//! What one task is about: messages of a batch that are all upserts or all withdrawals.

use bytes::Bytes;
use messages::{Message, SpeechChange, SpeechId};
use worker::{Delivery, Failure, Verdict};

use crate::IndexError;
use crate::document::Line;

/// A speech change on its way, and whose verdict it decides. As it was stored: some thousand items
/// wait, for their turn and in Meilisearch's queue.
pub(super) struct Item {
    /// The message's place in its batch.
    slot: usize,
    pub(super) subject: String,
    pub(super) id: SpeechId,
    /// Its sequence in SPEECHES: the document's version.
    pub(super) sequence: u64,
    is_deletion: bool,
    payload: Bytes,
    /// What is sent, from when it is made until it is sent; nothing for what goes out.
    pub(super) line: Option<Line>,
    /// Read from the stream after the batch's own message was stored.
    is_successor: bool,
}

/// Messages of one task.
pub(super) struct Part {
    pub(super) is_deletion: bool,
    /// Of distinct speeches.
    pub(super) items: Vec<Item>,
}

impl Item {
    pub(super) fn of(slot: usize, delivery: Delivery<SpeechChange>) -> Self {
        Self {
            slot,
            subject: delivery.subject,
            id: delivery.message.speech_id().clone(),
            sequence: delivery.sequence,
            is_deletion: is_deletion(&delivery.message),
            payload: delivery.payload,
            line: None,
            is_successor: false,
        }
    }

    /// What decodes it.
    ///
    /// # Panics
    ///
    /// Never: it was decoded before.
    pub(super) fn change(&self) -> impl FnOnce() -> SpeechChange + Send + use<> {
        let (subject, payload) = (self.subject.clone(), self.payload.clone());
        move || SpeechChange::decode(&subject, &payload).expect("it was decoded before")
    }

    /// The newer message of the same speech, which now decides the verdict.
    pub(super) fn succeeded_by(self, change: &SpeechChange, sequence: u64) -> Self {
        Self {
            is_deletion: is_deletion(change),
            payload: change.encode().into(),
            sequence,
            line: None,
            is_successor: true,
            ..self
        }
    }

    /// Writes the verdict down. That a successor is refused is no fault of the message before it,
    /// which was stored: the successor gets its own verdict when it is delivered.
    pub(super) fn fail(&self, error: &IndexError, verdicts: &mut [Result<(), IndexError>]) {
        let is_its_own = matches!(error.verdict(), Verdict::Reject | Verdict::Retry { .. });
        if self.is_successor && is_its_own {
            return;
        }
        verdicts[self.slot] = Err(error.clone());
    }
}

impl Part {
    /// At most two parts: what goes in, and what goes out.
    pub(super) fn of(items: Vec<Item>) -> Vec<Self> {
        let parted = items.into_iter().partition(|item| item.is_deletion);
        let (deletions, upserts): (Vec<_>, Vec<_>) = parted;
        [(false, upserts), (true, deletions)]
            .into_iter()
            .filter(|(_, items)| !items.is_empty())
            .map(|(is_deletion, items)| Self { is_deletion, items })
            .collect()
    }

    pub(super) fn halves(mut self) -> [Self; 2] {
        let items = self.items.split_off(self.items.len() / 2);
        let is_deletion = self.is_deletion;
        [self, Self { is_deletion, items }]
    }

    pub(super) fn fail(&self, error: &IndexError, verdicts: &mut [Result<(), IndexError>]) {
        for item in &self.items {
            item.fail(error, verdicts);
        }
    }

    /// What has become of its documents when its task has succeeded.
    pub(super) fn outcome(&self) -> &'static str {
        if self.is_deletion {
            "deleted"
        } else {
            "upserted"
        }
    }
}

fn is_deletion(change: &SpeechChange) -> bool {
    matches!(change, SpeechChange::Withdrawal(_))
}
