//! What is made of messages before their turn, on all cores: documents as they are sent, and sketches.
//!
//! In: messages as they were stored. Out: items with their lines; sketches wait in [`Sketched`] until the
//! table of copies has come to their sequence.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use futures_util::future::join_all;
use messages::{DecodeError, SpeechId};
use words::Sketch;
use worker::Stored;

use super::Indexer;
use super::part::{Item, Made, Part};
use crate::IndexError;
use crate::clusters::Change;

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
    /// Makes what becomes of a batch. What can't be decoded gets its verdict.
    pub(super) async fn compose(
        &self,
        batch: Vec<Stored>,
        verdicts: &mut [Result<(), IndexError>],
    ) -> Vec<Item> {
        let made = self.make(&batch).await;
        let mut items = Vec::with_capacity(batch.len());
        for (slot, (stored, made)) in batch.into_iter().zip(made).enumerate() {
            match made {
                Ok(Made { id, line, sketch }) => {
                    self.sketched.insert(stored.sequence, id.clone(), sketch);
                    items.push(Item::of(slot, stored, id, line));
                }
                Err(error) => verdicts[slot] = Err(error.into()),
            }
        }
        items
    }

    /// Makes once more what has been sent, and what has come since.
    pub(super) async fn complete(&self, parts: &mut [Part]) {
        let items = parts.iter_mut().flat_map(|part| &mut part.items);
        let items: Vec<&mut Item> = items.filter(|item| item.lacks_line()).collect();
        let stored: Vec<Stored> = items.iter().map(|item| item.stored.clone()).collect();
        let made = self.make(&stored).await;
        for (item, made) in items.into_iter().zip(made) {
            // It was decoded before.
            item.line = made.ok().and_then(|made| made.line);
        }
    }

    /// On all cores.
    async fn make(&self, stored: &[Stored]) -> Vec<Result<Made, DecodeError>> {
        let num_cores = available_parallelism().map_or(1, NonZero::get);
        let share = stored.len().div_ceil(num_cores).max(1);
        let tasks = stored.chunks(share).map(|share| {
            let (share, to_document) = (share.to_vec(), self.to_document);
            worker::blocking(move || {
                let made = share.iter().map(|stored| Made::of(stored, to_document));
                made.collect::<Vec<_>>()
            })
        });
        join_all(tasks).await.into_iter().flatten().collect()
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
