//! The memory of a host, as all extractors share it: what its pages taught, frozen when there are 20,
//! 100 and 500 of them.
//!
//! In: pages that yield a speech. Out: the host's memory, and its pages once more whenever that has
//! grown. One record a host, written by compare-and-set; learning from a page twice is learning once.
//! Nothing is learned while a generation is due, so that it is made of the same pages whoever makes it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use messages::{AgainRecord, Host, MemoryRecord, Page, PageAgain, Response, UrlId};
use sites::Sites;
use worker::topology::{self, Bucket};
use worker::{Broker, BrokerError, Outbox};

use super::view;
use crate::{HostMemory, MAX_LEARNED, Traits};

/// How many pages each generation is made of.
const GENERATIONS: [usize; 3] = [20, 100, MAX_LEARNED];

/// Hosts whose last memory is kept in the process; one has some 150 KB at most.
const MAX_HOSTS: usize = 256;

#[derive(Clone)]
pub(super) struct Learning {
    broker: Broker,
    sites: Arc<Sites>,
    /// Memories that never change again, of pages that were all published to be extracted again.
    settled: Arc<Mutex<HashMap<Host, Known>>>,
}

/// What is known of a host.
#[derive(Clone)]
pub(super) struct Known {
    record: Arc<MemoryRecord>,
    revision: Option<u64>,
    pub(super) memory: Arc<HostMemory>,
}

impl Known {
    fn of(record: MemoryRecord, revision: Option<u64>) -> Self {
        let memory = HostMemory::of_hashes(record.generation, &record.blocks, &record.tails);
        Self {
            memory: Arc::new(memory),
            record: Arc::new(record),
            revision,
        }
    }

    fn learns_from(&self, url_id: &UrlId) -> bool {
        self.record.learned.len() < MAX_LEARNED && !self.record.learned.contains(url_id)
    }
}

/// The newest generation that so many pages make.
fn generation_of(num_pages: usize) -> u32 {
    let made = GENERATIONS.iter().filter(|&&pages| pages <= num_pages);
    u32::try_from(made.count()).unwrap_or(u32::MAX)
}

impl Learning {
    pub(super) fn new(broker: Broker, sites: Arc<Sites>) -> Self {
        Self {
            broker,
            sites,
            settled: Arc::default(),
        }
    }

    /// What is known of a host; a generation that is due is frozen first.
    pub(super) async fn of(&self, host: &Host) -> Result<Known, BrokerError> {
        if let Some(known) = self.settled().get(host) {
            return Ok(known.clone());
        }
        let key = MemoryRecord::key(host);
        loop {
            let found = self
                .broker
                .record::<MemoryRecord>(Bucket::Hosts, &key)
                .await?;
            let revision = found.as_ref().map(|record| record.revision);
            let record = found.map_or_else(|| MemoryRecord::new(host.clone()), |it| it.value);
            let due = generation_of(record.learned.len());
            if due <= record.generation {
                return Ok(Known::of(record, revision));
            }
            let (blocks, tails) = self.freeze(due, &record).await?.to_hashes();
            let frozen = MemoryRecord {
                generation: due,
                blocks,
                tails,
                ..record
            };
            // Read again in any case: the revision is that of whoever won.
            let is_ours = self
                .broker
                .swap_record(Bucket::Hosts, &key, &frozen, revision)
                .await?;
            if is_ours {
                tracing::info!(%host, generation = due, "the memory of {host} is frozen: generation {due}");
            }
        }
    }

    /// A page yields a speech. Answers with what is known of its host then.
    pub(super) async fn learn(
        &self,
        mut known: Known,
        url_id: &UrlId,
    ) -> Result<Known, BrokerError> {
        while known.learns_from(url_id) {
            let mut record = (*known.record).clone();
            record.learned.insert(url_id.clone());
            let host = record.host.clone();
            self.broker
                .swap_record(
                    Bucket::Hosts,
                    &MemoryRecord::key(&host),
                    &record,
                    known.revision,
                )
                .await?;
            known = self.of(&host).await?;
        }
        Ok(known)
    }

    /// Publishes the pages of a host to be extracted again, unless that was done since its memory was
    /// frozen. The page in hand is left out. A crash in between leaves it to the host's next page.
    pub(super) async fn extract_again(
        &self,
        known: &Known,
        in_hand: &UrlId,
        outbox: &mut Outbox,
    ) -> Result<(), BrokerError> {
        let generation = known.record.generation;
        let host = &known.record.host;
        if generation == 0 || self.settled().contains_key(host) {
            return Ok(());
        }
        let key = AgainRecord::key(host);
        let last = self
            .broker
            .record::<AgainRecord>(Bucket::Hosts, &key)
            .await?;
        if last.is_some_and(|last| last.value.generation >= generation) {
            if generation == generation_of(MAX_LEARNED) {
                self.settle(known);
            }
            return Ok(());
        }
        for url_id in known.record.learned.iter().filter(|&id| id != in_hand) {
            outbox.publish(&PageAgain {
                url_id: url_id.clone(),
            });
        }
        let again = AgainRecord {
            host: host.clone(),
            generation,
        };
        // Written when all of them are acknowledged.
        outbox.record(Bucket::Hosts, key, &again);
        Ok(())
    }

    /// Reads the pages of a host one after another; those that are gone or were trimmed teach nothing.
    async fn freeze(
        &self,
        generation: u32,
        record: &MemoryRecord,
    ) -> Result<HostMemory, BrokerError> {
        let mut pages = Vec::new();
        for url_id in &record.learned {
            let subject = Page::subject_of(url_id);
            let page = match self.broker.latest::<Page>(topology::PAGES, &subject).await {
                Err(BrokerError::Foreign { .. }) => continue,
                page => page?.map(|page| page.message),
            };
            if let Some(Page::Response(response)) = page {
                let sites = self.sites.clone();
                pages.extend(worker::blocking(move || traits_of(&response, &sites)).await);
            }
        }
        Ok(worker::blocking(move || HostMemory::freeze(generation, &pages)).await)
    }

    fn settle(&self, known: &Known) {
        let mut settled = self.settled();
        if settled.len() >= MAX_HOSTS {
            settled.clear();
        }
        settled.insert(known.record.host.clone(), known.clone());
    }

    fn settled(&self) -> std::sync::MutexGuard<'_, HashMap<Host, Known>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn traits_of(response: &Response, sites: &Sites) -> Option<Traits> {
    view::with(response, |page| Traits::of(page, sites)).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_due_at_20_at_100_and_at_500_pages() {
        let due = |num_pages| generation_of(num_pages);
        assert_eq!(
            [0, 19, 20, 99, 100, 499, 500].map(due),
            [0, 0, 1, 1, 2, 2, 3]
        );
    }
}
