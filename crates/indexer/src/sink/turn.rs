//! What is known between two turns: what must be done before the next write, and what need not be.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::part::{Item, Part};
use crate::{IndexError, Meili};

/// Our own last tasks that are kept in mind: more than can be unfinished at once.
const MAX_OURS: usize = 256;

/// The state that turns share.
#[derive(Default)]
pub(crate) struct Turn {
    is_prepared: bool,
    /// The task of settings that were sent and are not known to be applied.
    pub(super) settings: Option<u32>,
    /// The clusters that the index says were compared with the table's.
    pub(super) is_compared: bool,
    taken_at: Option<Instant>,
    /// Tasks that we lost sight of. A speech must not be in two unfinished ones.
    unfinished: Vec<u32>,
    /// Everything up to this sequence may have been sent before, in a task that we lost sight of.
    doubtful: u64,
    /// Our own tasks, the last ones.
    ours: VecDeque<u32>,
    quiet: Option<Quiet>,
    /// The highest sequence that had its turn.
    highest: u64,
}

/// Since when nothing was published to SPEECHES.
#[derive(Clone, Copy)]
struct Quiet {
    since: Instant,
    end: u64,
}

impl Turn {
    /// A server that comes back may come back empty, and another index may stand under the name.
    pub(crate) fn forget(&mut self) {
        self.is_prepared = false;
        self.is_compared = false;
    }

    pub(super) fn begin(&mut self) {
        self.taken_at = Some(Instant::now());
    }

    pub(super) fn is_taken_within(&self, within: Duration) -> bool {
        self.taken_at.is_some_and(|at| at.elapsed() < within)
    }

    pub(super) async fn prepare(&mut self, meili: &Meili) -> Result<(), IndexError> {
        if !self.unfinished.is_empty() {
            meili.wait_for(&self.unfinished).await?;
            self.unfinished.clear();
        }
        if !self.is_prepared {
            self.settings = meili.send_settings().await?;
            self.is_prepared = true;
        }
        Ok(())
    }

    pub(super) fn sent(&mut self, uid: u32) {
        if self.ours.len() == MAX_OURS {
            self.ours.pop_front();
        }
        self.ours.push_back(uid);
    }

    /// The tasks of these parts go on without us.
    pub(super) fn lost<'a>(&mut self, tasks: impl Iterator<Item = (u32, &'a Part)>) {
        self.forget();
        for (uid, part) in tasks {
            self.unfinished.push(uid);
            let last = part.items.iter().map(Item::sequence).max();
            self.doubtful = self.doubtful.max(last.unwrap_or_default());
        }
    }

    /// Whether an item may have been sent before: by a process that died or froze, or by us.
    pub(super) fn is_doubtful(&self, item: &Item) -> bool {
        item.stored.delivered > 1 || item.sequence() <= self.doubtful
    }

    /// Waits for the tasks of whoever was at work before us: what they write is then there.
    pub(super) async fn await_others(&self, meili: &Meili) -> Result<(), IndexError> {
        let mut uids = meili.unfinished_tasks().await?;
        uids.retain(|uid| !self.ours.contains(uid));
        meili.wait_for(&uids).await.map(drop)
    }

    /// Takes note of where SPEECHES ends.
    pub(super) fn note_end(&mut self, end: Option<u64>) {
        let is_same = end.is_some() && self.quiet.map(|quiet| quiet.end) == end;
        if !is_same {
            self.quiet = end.map(|end| Quiet {
                since: Instant::now(),
                end,
            });
        }
    }

    /// Whether nothing can have replaced an item: SPEECHES was at its end before the item was pulled,
    /// and still is. What does not come in the order of the stream, or was pulled longer than `trusted`
    /// ago, is looked up all the same: a node of a cluster that is behind gives what is old, and another
    /// process may have been at work meanwhile.
    pub(super) fn is_newest(&self, item: &Item, trusted: Duration) -> bool {
        let pulled_at = item.stored.pulled_at;
        let is_quiet = self.quiet.is_some_and(|quiet| quiet.since < pulled_at);
        is_quiet && item.sequence() > self.highest && pulled_at.elapsed() < trusted
    }

    /// The turn of these parts is over.
    pub(super) fn end(&mut self, highest: u64) {
        self.highest = self.highest.max(highest);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use messages::SpeechId;
    use worker::Stored;

    use super::*;

    const TRUSTED: Duration = Duration::from_hours(1);

    fn item(sequence: u64, delivered: u64) -> Item {
        let id: SpeechId = format!("{sequence:032x}").parse().expect("an id");
        let stored = Stored {
            subject: format!("speech.changed.{id}"),
            sequence,
            published_at: messages::timestamp::now(),
            delivered,
            pulled_at: Instant::now(),
            payload: Bytes::new(),
        };
        Item::of(0, stored, id, None)
    }

    #[test]
    fn an_item_is_the_newest_if_speeches_ended_where_it_ends_before_it_was_pulled() {
        let mut turn = Turn::default();
        let first = item(1, 1);
        assert!(!turn.is_newest(&first, TRUSTED));
        turn.note_end(Some(9));
        assert!(!turn.is_newest(&first, TRUSTED), "pulled before the look");
        let second = item(2, 1);
        turn.note_end(Some(9));
        assert!(turn.is_newest(&second, TRUSTED));
        assert!(!turn.is_newest(&second, Duration::ZERO), "too long ago");
        turn.end(2);
        assert!(!turn.is_newest(&second, TRUSTED), "out of order");
        let third = item(3, 1);
        assert!(turn.is_newest(&third, TRUSTED));
        turn.note_end(Some(10));
        assert!(!turn.is_newest(&third, TRUSTED), "something was published");
        turn.note_end(None);
        assert!(!turn.is_newest(&item(4, 1), TRUSTED));
    }

    #[test]
    fn what_was_delivered_before_or_was_in_a_lost_task_is_doubtful() {
        let mut turn = Turn::default();
        assert!(turn.is_doubtful(&item(5, 2)) && !turn.is_doubtful(&item(5, 1)));
        let parts = Part::of(vec![item(4, 1), item(7, 1)]);
        turn.lost(parts.iter().map(|part| (1, part)));
        assert!(turn.is_doubtful(&item(5, 1)) && !turn.is_doubtful(&item(8, 1)));
    }
}
