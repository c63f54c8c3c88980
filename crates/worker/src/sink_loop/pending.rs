//! What a sink's loop holds and has not yet handed over, and how batches are cut from it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::settle::Held;
use crate::{BatchLimits, Delivery};

/// A message with its delivery, waiting for its batch or in it.
pub(super) struct Item<M> {
    pub(super) held: Arc<Held>,
    pub(super) delivery: Delivery<M>,
}

/// What is held and not yet in a batch.
pub(super) struct Pending<M> {
    items: VecDeque<Item<M>>,
    num_bytes: usize,
    /// Subjects in unfinished batches.
    busy: HashSet<String>,
    limits: BatchLimits,
    /// Counted as long as nothing but pushes changes it: the loop looks with every message, and there
    /// may be a thousand. Never while one of them must be alone.
    ready: Option<Ready>,
}

/// What could go into a batch now.
#[derive(Debug, Clone, Copy, Default)]
struct Ready {
    num: usize,
    num_bytes: usize,
    oldest: Option<Instant>,
}

impl Ready {
    fn add<M>(&mut self, item: &Item<M>) {
        let pulled_at = item.delivery.pulled_at;
        self.num += 1;
        self.num_bytes += item.delivery.num_bytes;
        self.oldest = Some(
            self.oldest
                .map_or(pulled_at, |oldest| oldest.min(pulled_at)),
        );
    }
}

impl<M> Pending<M> {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self {
            items: VecDeque::new(),
            num_bytes: 0,
            busy: HashSet::new(),
            limits,
            ready: None,
        }
    }

    pub(super) fn push(&mut self, item: Item<M>) {
        if item.held.is_suspect() {
            self.ready = None;
        } else if let Some(ready) = &mut self.ready
            && !self.busy.contains(&item.held.subject)
        {
            ready.add(&item);
        }
        self.num_bytes += item.delivery.num_bytes;
        self.items.push_back(item);
    }

    /// A subject is in no unfinished batch any more.
    pub(super) fn free(&mut self, subject: &str) {
        self.busy.remove(subject);
        self.ready = None;
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &Item<M>> {
        self.items.iter()
    }

    pub(super) fn into_items(self) -> impl Iterator<Item = Item<M>> {
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

    /// When the oldest message that could go has waited long enough for others.
    pub(super) fn due_at(&mut self) -> Option<Instant> {
        Some(self.ready().oldest? + self.limits.max_wait)
    }

    /// Whether a batch should be cut now; if so, it won't be empty.
    pub(super) fn is_due(&mut self) -> bool {
        let ready = self.ready();
        ready.num >= self.limits.max_messages
            || ready.num > 0 && ready.num_bytes >= self.limits.max_bytes
            || self.due_at().is_some_and(|at| at <= Instant::now())
    }

    /// The next batch: of distinct subjects, none of them busy. Empty if nothing is ready.
    pub(super) fn cut(&mut self) -> Vec<Item<M>> {
        let only = self.suspect();
        let mut batch: Vec<Item<M>> = Vec::new();
        let mut num_bytes = 0;
        let mut rest = VecDeque::new();
        self.ready = None;
        while let Some(item) = self.items.pop_front() {
            let size = item.delivery.num_bytes;
            let fits = batch.len() < self.limits.max_messages
                && (batch.is_empty() || num_bytes + size <= self.limits.max_bytes);
            let is_meant = only.is_none_or(|sequence| sequence == item.held.sequence);
            let is_free = only.is_none() || self.busy.is_empty();
            if fits && is_meant && is_free && self.busy.insert(item.held.subject.clone()) {
                num_bytes += size;
                batch.push(item);
            } else {
                rest.push_back(item);
            }
        }
        self.items = rest;
        self.num_bytes -= num_bytes;
        batch
    }

    /// The first message that must be alone: nothing else is started before it.
    fn suspect(&self) -> Option<u64> {
        let suspect = self.items.iter().find(|item| item.held.is_suspect())?;
        Some(suspect.held.sequence)
    }

    fn ready(&mut self) -> Ready {
        if let Some(ready) = self.ready {
            return ready;
        }
        let only = self.suspect();
        let may_go = only.is_none() || self.busy.is_empty();
        let could_go = self.items.iter().filter(|item| {
            may_go
                && only.is_none_or(|sequence| sequence == item.held.sequence)
                && !self.busy.contains(&item.held.subject)
        });
        let mut ready = Ready::default();
        for item in could_go {
            ready.add(item);
        }
        if only.is_none() {
            self.ready = Some(ready);
        }
        ready
    }
}
