//! The breaker of withdrawals: when too many pages of one host vanish at once, it is more likely
//! that the site is broken than that its pages are gone, and what follows is held until an operator
//! releases it.
//!
//! In: pages that begin to yield a speech, and pages that are gone or say `noindex` now. Out: whether
//! to withdraw. It keeps its counts in one small record a host; redelivery may count a page twice,
//! which errs on the side of holding.

use std::time::Duration;

use messages::{Host, ReleaseRecord, VanishedRecord, timestamp};
use time::OffsetDateTime;
use worker::topology::Bucket;
use worker::{Broker, BrokerError};

use crate::ExtractorConfig;

/// What vanishes within so long vanishes at once.
const AT_ONCE: Duration = Duration::from_hours(1);

#[derive(Clone)]
pub(super) struct Breaker {
    broker: Broker,
    limits: Limits,
}

/// Withdrawals stop above the larger of the two.
#[derive(Debug, Clone, Copy)]
struct Limits {
    num_pages: u64,
    /// In hundredths of the host's pages.
    share: u64,
}

impl Breaker {
    pub(super) fn new(broker: Broker, config: &ExtractorConfig) -> Self {
        let limits = Limits {
            num_pages: config.max_vanished,
            share: config.max_vanished_share,
        };
        Self { broker, limits }
    }

    /// A page yields a speech that yielded none before.
    pub(super) async fn appeared(&self, host: &Host) -> Result<(), BrokerError> {
        self.update(host, |mut record| {
            record.num_pages += 1;
            (record, ())
        })
        .await
    }

    /// Whether the speeches of a page may be withdrawn that was found gone, or no longer to be
    /// indexed, at that time.
    pub(super) async fn lets_go(
        &self,
        host: &Host,
        found_at: OffsetDateTime,
    ) -> Result<bool, BrokerError> {
        let key = ReleaseRecord::key(host);
        let release = self
            .broker
            .record::<ReleaseRecord>(Bucket::Hosts, &key)
            .await?;
        let released_at = release.map(|release| release.value.at);
        let (limits, now) = (self.limits, timestamp::now());
        let (is_free, trips) = self
            .update(host, |record| {
                let was_held = record.held_since;
                let (record, is_free) = vanish(record, found_at, released_at, limits, now);
                let trips = record.held_since.is_some() && record.held_since != was_held;
                (record, (is_free, trips))
            })
            .await?;
        if trips {
            tracing::warn!(
                code = "withdrawal_held", %host,
                "too many pages of {host} vanish at once: nothing of it is withdrawn until \
                 `speechmill host release {host}`"
            );
        }
        Ok(is_free)
    }

    async fn update<T>(
        &self,
        host: &Host,
        change: impl Fn(VanishedRecord) -> (VanishedRecord, T),
    ) -> Result<T, BrokerError> {
        let key = VanishedRecord::key(host);
        loop {
            let before = self
                .broker
                .record::<VanishedRecord>(Bucket::Hosts, &key)
                .await?;
            let revision = before.as_ref().map(|record| record.revision);
            let record = before.map_or_else(
                || VanishedRecord::new(host.clone(), timestamp::now()),
                |record| record.value,
            );
            let (after, answer) = change(record.clone());
            let is_done = after == record
                || self
                    .broker
                    .swap_record(Bucket::Hosts, &key, &after, revision)
                    .await?;
            if is_done {
                return Ok(answer);
            }
        }
    }
}

/// The counts after one more page was found to vanish, and whether it may go.
fn vanish(
    mut record: VanishedRecord,
    found_at: OffsetDateTime,
    released_at: Option<OffsetDateTime>,
    limits: Limits,
    now: OffsetDateTime,
) -> (VanishedRecord, bool) {
    if record
        .held_since
        .is_some_and(|held| released_at >= Some(held))
    {
        record.held_since = None;
        record.num_vanished = 0;
    }
    if released_at.is_some_and(|at| found_at <= at) {
        record.num_pages = record.num_pages.saturating_sub(1);
        return (record, true);
    }
    if record.held_since.is_some() {
        return (record, false);
    }
    if record.num_vanished == 0 || now - record.since > AT_ONCE {
        record.since = now;
        record.num_vanished = 0;
    }
    // Of the pages that there were before the first of them vanished.
    let num_pages = record.num_pages + record.num_vanished;
    let allowed = limits.num_pages.max(num_pages * limits.share / 100);
    if record.num_vanished >= allowed && limits.share < 100 {
        record.held_since = Some(now);
        return (record, false);
    }
    record.num_vanished += 1;
    record.num_pages = record.num_pages.saturating_sub(1);
    (record, true)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-01 06:00 UTC);
    const LIMITS: Limits = Limits {
        num_pages: 20,
        share: 20,
    };

    fn host_of(num_pages: u64) -> VanishedRecord {
        let url: messages::CanonicalUrl = "https://a.cn/".parse().unwrap();
        VanishedRecord {
            num_pages,
            ..VanishedRecord::new(url.host(), NOW)
        }
    }

    /// Lets pages vanish one after another until one is held; answers how many went.
    fn run(record: &mut VanishedRecord, most: u64, now: OffsetDateTime) -> u64 {
        for number in 0..most {
            let (after, is_free) = vanish(record.clone(), now, None, LIMITS, now);
            *record = after;
            if !is_free {
                return number;
            }
        }
        most
    }

    #[test]
    fn more_than_a_share_of_the_pages_is_held_and_a_few_never_are() {
        for (num_pages, allowed) in [(0, 20), (50, 20), (100, 20), (1_000, 200)] {
            let mut record = host_of(num_pages);
            assert_eq!(run(&mut record, 2_000, NOW), allowed, "of {num_pages}");
            assert_eq!(record.held_since, Some(NOW));
            assert_eq!(record.num_pages, num_pages.saturating_sub(allowed));
        }
    }

    #[test]
    fn what_vanishes_slowly_is_not_held() {
        let mut record = host_of(100);
        for round in 0..5 {
            let now = NOW + Duration::from_hours(2) * round;
            assert_eq!(run(&mut record, 20, now), 20);
        }
        assert_eq!(record.num_pages, 0);
    }

    #[test]
    fn once_held_it_stays_so_until_it_is_released() {
        let mut record = host_of(100);
        run(&mut record, 50, NOW);
        let later = NOW + Duration::from_hours(48);
        assert_eq!(run(&mut record, 1, later), 0);
        let (after, is_free) = vanish(record.clone(), NOW, Some(later), LIMITS, later);
        assert!(is_free, "what was found gone before the release");
        assert_eq!((after.held_since, after.num_pages), (None, 79));
        let next = later + Duration::from_secs(1);
        let mut after = after;
        for number in 0..21 {
            let (counted, is_free) = vanish(after, next, Some(later), LIMITS, next);
            after = counted;
            assert_eq!(is_free, number < 20, "and counts begin anew");
        }
    }

    #[test]
    fn a_share_of_all_turns_it_off() {
        let limits = Limits {
            num_pages: 0,
            share: 100,
        };
        let mut record = host_of(10);
        for _ in 0..30 {
            let (after, is_free) = vanish(record, NOW, None, limits, NOW);
            assert!(is_free);
            record = after;
        }
    }
}
