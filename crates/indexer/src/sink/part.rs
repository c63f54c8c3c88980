//! What one task is about: messages of a batch that are all upserts or all withdrawals.

use std::borrow::Cow;

use messages::SpeechChange;
use worker::{Delivery, Failure, Verdict};

use crate::IndexError;
use crate::document::Line;

/// A speech change on its way, and whose verdict it decides.
pub(super) struct Item<'a> {
    /// The message's place in its batch.
    slot: usize,
    subject: &'a str,
    pub(super) change: Cow<'a, SpeechChange>,
    /// Its sequence in SPEECHES: the document's version.
    pub(super) sequence: u64,
    /// What is sent, from when it is made until it is sent; nothing for what goes out.
    pub(super) line: Option<Line>,
    /// Read from the stream after the batch's own message was stored.
    is_successor: bool,
}

/// Messages of one task.
pub(super) struct Part<'a> {
    pub(super) is_deletion: bool,
    /// Of distinct speeches.
    pub(super) items: Vec<Item<'a>>,
}

impl<'a> Item<'a> {
    pub(super) fn of(slot: usize, delivery: &'a Delivery<SpeechChange>) -> Self {
        Self {
            slot,
            subject: &delivery.subject,
            change: Cow::Borrowed(&delivery.message),
            sequence: delivery.sequence,
            line: None,
            is_successor: false,
        }
    }

    pub(super) fn id(&self) -> &str {
        self.change.speech_id().as_str()
    }

    pub(super) fn subject(&self) -> &'a str {
        self.subject
    }

    /// The newer message of the same speech, which now decides the verdict.
    pub(super) fn succeeded_by(self, change: SpeechChange, sequence: u64) -> Self {
        Self {
            change: Cow::Owned(change),
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

impl<'a> Part<'a> {
    /// At most two parts: what goes in, and what goes out.
    pub(super) fn of(items: Vec<Item<'a>>) -> Vec<Self> {
        let is_deletion = |item: &Item<'_>| matches!(*item.change, SpeechChange::Withdrawal(_));
        let (deletions, upserts): (Vec<_>, Vec<_>) = items.into_iter().partition(is_deletion);
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
