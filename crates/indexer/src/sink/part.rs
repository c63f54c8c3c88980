//! What one task is about: messages of a batch that are all upserts or all withdrawals.

use messages::{DecodeError, Message, SpeechChange, SpeechId};
use words::Sketch;
use worker::{Failure, Stored, Verdict};

use super::ToDocument;
use crate::IndexError;
use crate::document::Line;

/// What is made of a message before its turn.
pub(super) struct Made {
    pub(super) id: SpeechId,
    /// What is sent; nothing for what goes out.
    pub(super) line: Option<Line>,
    /// For the table of copies; none, too.
    pub(super) sketch: Option<Sketch>,
}

/// A speech change on its way, and whose verdict it decides. As it was stored: some thousand items
/// wait in Meilisearch's queue.
pub(super) struct Item {
    /// The message's place in its batch.
    slot: usize,
    pub(super) stored: Stored,
    pub(super) id: SpeechId,
    is_deletion: bool,
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

impl Made {
    /// Of a message as it was stored.
    pub(super) fn of(stored: &Stored, to_document: ToDocument) -> Result<Self, DecodeError> {
        let mut change: SpeechChange = stored.decode()?;
        if let SpeechChange::Upsert(upsert) = &mut change {
            // Both need it.
            words::renew(upsert);
        }
        Ok(Self {
            id: change.speech_id().clone(),
            line: line_of(&change, stored.sequence, to_document),
            sketch: sketch_of(&change),
        })
    }
}

/// What is sent of a change.
pub(super) fn line_of(
    change: &SpeechChange,
    sequence: u64,
    to_document: ToDocument,
) -> Option<Line> {
    match change {
        SpeechChange::Upsert(upsert) => Some(to_document(upsert, sequence).into_line()),
        SpeechChange::Withdrawal(_) => None,
    }
}

/// What the table of copies takes of a change.
pub(super) fn sketch_of(change: &SpeechChange) -> Option<Sketch> {
    match change {
        SpeechChange::Upsert(upsert) => Some(words::sketch(upsert)),
        SpeechChange::Withdrawal(_) => None,
    }
}

impl Item {
    pub(super) fn of(slot: usize, stored: Stored, id: SpeechId, line: Option<Line>) -> Self {
        Self {
            slot,
            stored,
            id,
            is_deletion: line.is_none(),
            line,
            is_successor: false,
        }
    }

    /// Its sequence in SPEECHES: the document's version.
    pub(super) fn sequence(&self) -> u64 {
        self.stored.sequence
    }

    /// What it becomes has been sent before, and is to be sent again.
    pub(super) fn lacks_line(&self) -> bool {
        self.line.is_none() && !self.is_deletion
    }

    /// The newer message of the same speech, which now decides the verdict.
    pub(super) fn succeeded_by(self, change: &SpeechChange, sequence: u64) -> Self {
        let stored = Stored {
            payload: change.encode().into(),
            sequence,
            ..self.stored
        };
        Self {
            is_deletion: matches!(change, SpeechChange::Withdrawal(_)),
            stored,
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

    /// The highest sequence in these parts.
    pub(super) fn last_sequence(parts: &[Self]) -> u64 {
        let items = parts.iter().flat_map(|part| &part.items);
        items.map(Item::sequence).max().unwrap_or_default()
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
