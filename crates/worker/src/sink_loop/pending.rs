//! What a sink's loop holds and has not yet handed over, and how batches are cut from it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::BatchLimits;
use crate::settle::Held;

/// Batches at once of what was delivered before: what ended the process that had it may be among it,
/// and what shares its fate often enough is a suspect.
const MAX_AGAIN: usize = 4;

/// By how much the batches of suspects shrink with each delivery, down to one message: innocents, of
/// which a process that is killed leaves hundreds, are soon done, and what ends processes is found.
const NARROWING: usize = 8;

/// A batch whose messages keep coming waits for so many pauses at most.
const MAX_PAUSES: u32 = 10;

/// What is held and not yet in a batch.
pub(super) struct Pending {
    items: VecDeque<Arc<Held>>,
    num_bytes: usize,
    /// Subjects in unfinished batches, and the bytes of their messages.
    busy: HashMap<String, usize>,
    num_busy_bytes: usize,
    limits: BatchLimits,
    /// Counted as long as nothing but pushes changes it: the loop looks with every message, and there
    /// may be a thousand. Never while there are suspects.
    ready: Option<Ready>,
}

/// What could go into a batch now.
#[derive(Debug, Clone, Copy, Default)]
struct Ready {
    num: usize,
    num_bytes: usize,
    oldest: Option<Instant>,
    youngest: Option<Instant>,
    /// Some of it was delivered before.
    is_again: bool,
}

impl Ready {
    fn add(&mut self, held: &Held) {
        let pulled_at = held.pulled_at;
        self.num += 1;
        self.num_bytes += held.payload.len();
        self.is_again |= held.delivered > 1;
        let oldest = self.oldest.unwrap_or(pulled_at);
        self.oldest = Some(oldest.min(pulled_at));
        self.youngest = self.youngest.max(Some(pulled_at));
    }
}

impl Pending {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self {
            items: VecDeque::new(),
            num_bytes: 0,
            busy: HashMap::new(),
            num_busy_bytes: 0,
            limits,
            ready: None,
        }
    }

    pub(super) fn push(&mut self, held: Held) {
        if held.is_suspect() {
            self.ready = None;
        } else if let Some(ready) = &mut self.ready
            && !self.busy.contains_key(&held.subject)
        {
            ready.add(&held);
        }
        self.num_bytes += held.payload.len();
        self.items.push_back(Arc::new(held));
    }

    /// A subject is in no unfinished batch any more.
    pub(super) fn free(&mut self, subject: &str) {
        self.num_busy_bytes -= self.busy.remove(subject).unwrap_or_default();
        self.ready = None;
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &Arc<Held>> {
        self.items.iter()
    }

    pub(super) fn into_items(self) -> impl Iterator<Item = Arc<Held>> {
        self.items.into_iter()
    }

    /// How many more messages may be pulled: two batches in the making, one of which may wait for
    /// the subjects of those in flight.
    pub(super) fn room(&self) -> usize {
        let most = self.limits.max_messages * 2;
        if self.num_bytes >= self.limits.max_bytes * 2 {
            return 0;
        }
        most.saturating_sub(self.items.len())
            .min(self.limits.max_messages)
    }

    /// When the messages that could go have waited long enough for others: the youngest for one more,
    /// or the oldest for a batch that never fills.
    pub(super) fn due_at(&mut self) -> Option<Instant> {
        let (ready, pause) = (self.ready(), self.limits.max_wait);
        Some((ready.youngest? + pause).min(ready.oldest? + pause * MAX_PAUSES))
    }

    /// Whether there is room for one more batch beside so many.
    pub(super) fn may_start(&mut self, num_in_flight: usize) -> bool {
        let limits = self.limits;
        let most = if self.ready().is_again {
            limits.max_in_flight.min(MAX_AGAIN)
        } else {
            limits.max_in_flight
        };
        num_in_flight == 0
            || num_in_flight < most && self.num_busy_bytes < limits.max_in_flight_bytes
    }

    /// Whether a batch should be cut now; if so, it won't be empty.
    pub(super) fn is_due(&mut self) -> bool {
        let ready = self.ready();
        ready.num >= self.limits.max_messages
            || ready.num > 0 && ready.num_bytes >= self.limits.max_bytes
            || self.due_at().is_some_and(|at| at <= Instant::now())
    }

    /// The next batch: of distinct subjects, none of them busy. Empty if nothing is ready.
    pub(super) fn cut(&mut self) -> Vec<Arc<Held>> {
        let mut batch: Vec<Arc<Held>> = Vec::new();
        let Some(suspicion) = self.next_suspicion() else {
            return batch;
        };
        let narrowed = self.limits.max_messages / NARROWING.saturating_pow(suspicion);
        let most = narrowed.max(1);
        let mut num_bytes = 0;
        let mut rest = VecDeque::new();
        self.ready = None;
        while let Some(held) = self.items.pop_front() {
            let size = held.payload.len();
            let fits = batch.len() < most
                && (batch.is_empty() || num_bytes + size <= self.limits.max_bytes);
            if fits && self.could_go(&held, suspicion) {
                self.busy.insert(held.subject.clone(), size);
                num_bytes += size;
                batch.push(held);
            } else {
                rest.push_back(held);
            }
        }
        self.items = rest;
        self.num_bytes -= num_bytes;
        self.num_busy_bytes += num_bytes;
        batch
    }

    /// How suspect the messages of the next batch are: as the first suspect is, where there is one.
    /// `None`: nothing may be beside suspects, and something is in flight.
    fn next_suspicion(&self) -> Option<u32> {
        let mut suspicions = self.items.iter().map(|held| held.suspicion());
        let suspicion = suspicions.find(|&it| it > 0).unwrap_or_default();
        (suspicion == 0 || self.busy.is_empty()).then_some(suspicion)
    }

    /// Whether a message could be in a batch of messages that are so suspect.
    fn could_go(&self, held: &Held, suspicion: u32) -> bool {
        held.suspicion() == suspicion && !self.busy.contains_key(&held.subject)
    }

    fn ready(&mut self) -> Ready {
        if let Some(ready) = self.ready {
            return ready;
        }
        let mut ready = Ready::default();
        let Some(suspicion) = self.next_suspicion() else {
            return ready;
        };
        let items = self.items.iter();
        for held in items.filter(|held| self.could_go(held, suspicion)) {
            ready.add(held);
        }
        if suspicion == 0 {
            self.ready = Some(ready);
        }
        ready
    }
}
