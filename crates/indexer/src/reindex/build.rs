//! The steps of a reindex, each of which may be broken off anywhere and done again.
//!
//! In: a claimed job. Out: the second index in the place of the first. Documents are written by the
//! sink itself, with all its checks, so that an old message never replaces a newer one here either.

use std::time::Duration;

use futures_util::future::try_join;
use worker::topology::SPEECHES;
use worker::{BatchLimits, Failure, Run, Sink, Stored, Verdict, chain};

use super::ReindexStage;
use super::claim::{Claim, Halt};
use crate::{IndexError, Indexer};

/// How often a batch is tried that Meilisearch fails at.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Two of these are in memory, beside the batches of the indexer itself.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The two indexes.
pub(super) struct Build<'a> {
    live: &'a Indexer,
    second: Indexer,
    limits: BatchLimits,
}

impl<'a> Build<'a> {
    pub(super) fn new(live: &'a Indexer) -> Self {
        let mut limits = live.limits();
        limits.max_bytes = limits.max_bytes.min(MAX_BYTES);
        Self {
            live,
            second: live.of_second(),
            limits,
        }
    }

    /// Goes on from where the job is, to its end.
    pub(super) async fn carry_out(&self, claim: &mut Claim) -> Result<(), Halt> {
        loop {
            match claim.job.stage {
                ReindexStage::Asked => self.begin(claim).await?,
                ReindexStage::Building if self.is_lost(claim).await? => {
                    claim.job.stage = ReindexStage::Asked;
                }
                ReindexStage::Building => {
                    self.fill(claim, &self.second).await?;
                    self.switch(claim).await?;
                }
                ReindexStage::Switching => self.switch(claim).await?,
                ReindexStage::Swapped => self.close(claim).await?,
                ReindexStage::Done => return Ok(()),
            }
            tracing::info!(stage = ?claim.job.stage, "the reindex goes on");
        }
    }

    /// A new second index, with the settings of today; what an earlier one has left is deleted.
    async fn begin(&self, claim: &mut Claim) -> Result<(), Halt> {
        let second = self.second.meili();
        let work = async {
            second.delete_index().await?;
            second.apply_settings().await?;
            self.live.prepare().await?;
            second.created_at().await
        };
        claim.job.created_at = claim.beside(work).await?;
        (claim.job.sequence, claim.job.num_taken) = (0, 0);
        claim.job.num_refused = 0;
        claim.job.stage = ReindexStage::Building;
        claim.save().await
    }

    /// Takes what SPEECHES holds, up to its end, into an index.
    async fn fill(&self, claim: &mut Claim, into: &Indexer) -> Result<(), Halt> {
        let mut run = self.read(claim.job.sequence).await?;
        loop {
            // The next is read while this one is indexed.
            let both = try_join(take(into, &run.messages), self.read(run.last));
            let (num_refused, next) = claim.beside(both).await?;
            claim.job.num_taken += run.messages.len() as u64;
            claim.job.num_refused += num_refused;
            claim.job.sequence = run.last;
            claim.save().await?;
            if run.is_end {
                return Ok(());
            }
            run = next;
        }
    }

    /// Nobody writes, the last messages go into the second index, and the two change places.
    async fn switch(&self, claim: &mut Claim) -> Result<(), Halt> {
        // Ours first: then this process waits no longer than it must.
        let mut turn = self.live.pause().await;
        claim.job.stage = ReindexStage::Switching;
        claim.save().await?;
        if !self.is_swapped(claim).await? {
            self.fill(claim, &self.second).await?;
            if self.is_lost(claim).await? {
                claim.job.stage = ReindexStage::Asked;
                return claim.save().await;
            }
            let (first, second) = (self.live.meili(), self.second.meili());
            claim.beside(first.swap_with(second)).await?;
            // Its clusters are of the time when each document was written.
            turn.forget();
        }
        claim.job.stage = ReindexStage::Swapped;
        claim.save().await
    }

    /// What another process may have put into the old index at the last moment goes into the new one
    /// as well; then the old one is deleted.
    async fn close(&self, claim: &mut Claim) -> Result<(), Halt> {
        self.fill(claim, self.live).await?;
        if !self.is_swapped(claim).await? {
            claim.job.stage = ReindexStage::Switching;
            return claim.save().await;
        }
        claim.beside(self.live.compare_copies()).await?;
        claim.beside(self.second.meili().delete_index()).await?;
        claim.job.stage = ReindexStage::Done;
        claim.save().await
    }

    /// Whether what stands under the second name is not what was begun: Meilisearch came back without.
    async fn is_lost(&self, claim: &Claim) -> Result<bool, IndexError> {
        let created_at = self.second.meili().created_at().await?;
        Ok(created_at.is_none() || created_at != claim.job.created_at)
    }

    /// Whether the index that we have built is the one that is searched.
    async fn is_swapped(&self, claim: &mut Claim) -> Result<bool, Halt> {
        let first = self.live.meili();
        // A swap that a process asked for before it died may be on its way.
        claim.beside(first.swaps_are_done()).await?;
        Ok(first.created_at().await? == claim.job.created_at)
    }

    async fn read(&self, after: u64) -> Result<Run, IndexError> {
        let broker = self.live.broker();
        Ok(broker.messages_after(SPEECHES, after, self.limits).await?)
    }
}

/// Takes a batch into an index. Output: how many documents it does not take.
async fn take(into: &Indexer, batch: &[Stored]) -> Result<u64, IndexError> {
    for attempt in 1.. {
        let mut num_refused = 0;
        let mut failed = None;
        for (stored, verdict) in batch.iter().zip(into.handle(batch.to_vec()).await) {
            let Err(error) = verdict else { continue };
            let is_given_up = match error.verdict() {
                Verdict::Reject => true,
                Verdict::Retry { .. } => attempt >= ATTEMPTS,
                Verdict::Wait | Verdict::Stop(_) => return Err(error),
            };
            if is_given_up {
                let subject = &stored.subject;
                tracing::warn!(code = %error.code(), subject, "{subject} is not in the new index: {}", chain(&error));
                num_refused += 1;
            } else {
                failed = Some(error);
            }
        }
        if failed.is_none() {
            return Ok(num_refused);
        }
        tokio::time::sleep(PAUSE).await;
    }
    unreachable!("attempts are counted")
}
