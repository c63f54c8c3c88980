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
    pub(super) items: VecDeque<Item<M>>,
    /// Subjects in unfinished batches.
    pub(super) busy: HashSet<String>,
    limits: BatchLimits,
}

impl<M> Pending<M> {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self {
            items: VecDeque::new(),
            busy: HashSet::new(),
            limits,
        }
    }

    /// How many more messages may be pulled: two batches in the making, one of which may wait for
    /// the subjects of those in flight.
    pub(super) fn room(&self) -> usize {
        let most = self.limits.max_messages * 2;
        let num_bytes: usize = self.items.iter().map(|item| item.delivery.num_bytes).sum();
        if num_bytes >= self.limits.max_bytes * 2 {
            return 0;
        }
        most.saturating_sub(self.items.len())
            .min(self.limits.max_messages)
    }

    /// When the oldest message that could go has waited long enough for others.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let oldest = self.ready().map(|item| item.delivery.pulled_at).min()?;
        Some(oldest + self.limits.max_wait)
    }

    /// Whether a batch should be cut now; if so, it won't be empty.
    pub(super) fn is_due(&self) -> bool {
        let (num, num_bytes) = self.ready().fold((0, 0), |(num, num_bytes), item| {
            (num + 1, num_bytes + item.delivery.num_bytes)
        });
        num >= self.limits.max_messages
            || num > 0 && num_bytes >= self.limits.max_bytes
            || self.due_at().is_some_and(|at| at <= Instant::now())
    }

    /// The next batch: of distinct subjects, none of them busy. Empty if nothing is ready.
    pub(super) fn cut(&mut self) -> Vec<Item<M>> {
        let only = self.suspect();
        let mut batch: Vec<Item<M>> = Vec::new();
        let mut num_bytes = 0;
        let mut rest = VecDeque::new();
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
        batch
    }

    /// The first message that must be alone: nothing else is started before it.
    fn suspect(&self) -> Option<u64> {
        let suspect = self.items.iter().find(|item| item.held.is_suspect())?;
        Some(suspect.held.sequence)
    }

    /// What could go into a batch now.
    fn ready(&self) -> impl Iterator<Item = &Item<M>> {
        let only = self.suspect();
        let may_go = only.is_none() || self.busy.is_empty();
        self.items.iter().filter(move |item| {
            may_go
                && only.is_none_or(|sequence| sequence == item.held.sequence)
                && !self.busy.contains(&item.held.subject)
        })
    }
}
