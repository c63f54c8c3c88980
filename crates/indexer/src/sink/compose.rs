//! What is made of messages before their turn, on all cores: documents as they are sent, and sketches.
//!
//! In: parts. Out: the lines of their items; sketches wait in [`Sketched`] until the table of copies has
//! come to their sequence.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use futures_util::future::join_all;
use messages::{SpeechChange, SpeechId};
use words::Sketch;

use super::part::{Item, Part};
use super::{Indexer, ToDocument};
use crate::clusters::Change;
use crate::document::Line;

/// Sketches of messages that are at hand, by sequence. The table reads the others from SPEECHES.
#[derive(Clone, Default)]
pub(super) struct Sketched(Arc<Mutex<BTreeMap<u64, Change>>>);

/// What follows a sequence.
pub(super) enum Next {
    /// These, and the sequence of the last.
    Known(Vec<Change>, u64),
    /// So many sequences that only SPEECHES knows.
    Unknown(u64),
}

impl Indexer {
    /// Makes the lines that items lack. One batch at a time, in order: the table follows the stream.
    pub(super) async fn compose(&self, parts: &mut [Part]) {
        let _order = self.order.lock().await;
        let items = parts.iter_mut().flat_map(|part| &mut part.items);
        let items: Vec<&mut Item> = items.filter(|item| item.line.is_none()).collect();
        let num_cores = available_parallelism().map_or(1, NonZero::get);
        let share = items.len().div_ceil(num_cores).max(1);
        let tasks = items.chunks(share).map(|share| {
            let share = share.iter();
            let share = share.map(|item| (item.change(), item.sequence));
            let (share, to_document) = (share.collect::<Vec<_>>(), self.to_document);
            worker::blocking(move || {
                let share = share.into_iter();
                let made = share.map(|(change, sequence)| {
                    let mut change = change();
                    if let SpeechChange::Upsert(upsert) = &mut change {
                        // Both need it.
                        words::renew(upsert);
                    }
                    let line = line_of(&change, sequence, to_document);
                    (line, sketch_of(&change))
                });
                made.collect::<Vec<_>>()
            })
        });
        let made = join_all(tasks).await.into_iter().flatten();
        for (item, (line, sketch)) in items.into_iter().zip(made) {
            item.line = line;
            let id = item.id.clone();
            self.sketched.insert(item.sequence, id, sketch);
        }
    }
}

/// What is sent of a change; nothing of what goes out.
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

impl Sketched {
    fn insert(&self, sequence: u64, id: SpeechId, sketch: Option<Sketch>) {
        let mut by_sequence = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        by_sequence.insert(sequence, (id, sketch));
    }

    /// Takes out what directly follows a sequence; what is not after it is forgotten.
    pub(super) fn take_after(&self, last: u64) -> Next {
        let mut by_sequence = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *by_sequence = by_sequence.split_off(&(last + 1));
        let mut end = last;
        let mut known = Vec::new();
        while let Some(sketched) = by_sequence.remove(&(end + 1)) {
            known.push(sketched);
            end += 1;
        }
        if known.is_empty() {
            let next = by_sequence.keys().next();
            Next::Unknown(next.map_or(u64::MAX, |next| next - last - 1))
        } else {
            Next::Known(known, end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_known_up_to_the_first_sequence_that_is_not_at_hand() {
        let sketched = Sketched::default();
        for sequence in [3, 4, 5, 8, 9] {
            let id: SpeechId = format!("{sequence:032x}").parse().expect("an id");
            sketched.insert(sequence, id, None);
        }
        assert!(matches!(sketched.take_after(1), Next::Unknown(1)));
        assert!(matches!(sketched.take_after(2), Next::Known(run, 5) if run.len() == 3));
        assert!(matches!(sketched.take_after(5), Next::Unknown(2)));
        assert!(matches!(sketched.take_after(7), Next::Known(run, 9) if run.len() == 2));
        assert!(matches!(sketched.take_after(9), Next::Unknown(u64::MAX)));
    }
}
