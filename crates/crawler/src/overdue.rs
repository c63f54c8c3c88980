//! Recurring requests whose schedule did not fire: the store was full, or the broker was away, at
//! its time. A broker that starts again counts the interval from its start.
//!
//! In: every `crawl.recrawl`. Out: a request for each URL that was not asked for within its interval,
//! on `crawl.later`, due at once. The schedule itself is left as it is, and a URL that waits already
//! is left alone.

use std::future::ready;
use std::time::Duration;

use futures_util::{TryStreamExt, try_join};
use messages::{CrawlRecord, CrawlRequest, UrlId};
use time::OffsetDateTime;
use worker::topology::{Bucket, CRAWL, CRAWLER};
use worker::{Broker, BrokerError, DeadFilter, Process, Recurring, Stage, WorkerError};

use crate::Crawler;

/// How often one of all processes looks.
const EVERY: Duration = Duration::from_mins(10);

/// A schedule is given so long to fire by itself.
const GRACE: Duration = Duration::from_mins(1);

/// URLs that are looked up at once.
const CONCURRENCY: usize = 64;

/// Makes up for recurring requests that did not come, until the process ends. Of several processes
/// one looks at a time.
pub async fn keep_recrawled(process: &Process) -> Result<(), WorkerError> {
    let work = || async {
        let number = request_overdue(process.broker(), OffsetDateTime::now_utc()).await?;
        process.swept(CRAWLER, number);
        Ok(())
    };
    process.take_turns("sweep.recrawl", EVERY, work).await
}

/// Requests every recurring URL that is overdue at this time. Answers how many.
pub async fn request_overdue(broker: &Broker, now: OffsetDateTime) -> Result<u64, BrokerError> {
    broker
        .each_recurring()
        .map_ok(|recurring| async move {
            // Most were asked for in time, and many never fell due: at most one look for each of these.
            let is_lost = is_overdue(&recurring, None, now)
                && is_overdue(&recurring, fetched_at(broker, &recurring).await?, now)
                && is_forgotten(broker, &recurring, now).await?;
            Ok(is_lost && request(broker, &recurring, now).await?)
        })
        .try_buffer_unordered(CONCURRENCY)
        .try_fold(0, |number, requested| {
            ready(Ok(number + u64::from(requested)))
        })
        .await
}

/// Whether the interval has passed since it was set and since its URL was last asked for.
fn is_overdue(
    recurring: &Recurring,
    asked_at: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> bool {
    let last = asked_at.map_or(recurring.since, |at| at.max(recurring.since));
    let interval = recurring.request.every.map(messages::Interval::duration);
    // A schedule without an interval is none of ours.
    interval.is_some_and(|interval| now - last > interval + GRACE)
}

/// Whether it waits nowhere, did not die at its last time, and was not fetched while we looked.
async fn is_forgotten(
    broker: &Broker,
    recurring: &Recurring,
    now: OffsetDateTime,
) -> Result<bool, BrokerError> {
    let id = recurring.request.url_id();
    let (due, later) = (
        CrawlRequest::due_subject(&id),
        CrawlRequest::later_subject(&id),
    );
    let (due, later, died_at) = try_join!(
        broker.latest_sequence(CRAWL, &due),
        broker.latest_sequence(CRAWL, &later),
        died_at(broker, &id)
    )?;
    Ok(due.or(later).is_none()
        && is_overdue(recurring, died_at, now)
        // Read last: a request that was in hand a moment ago has left its record by now.
        && is_overdue(recurring, fetched_at(broker, recurring).await?, now))
}

/// When the URL was last fetched, or found to be forbidden.
async fn fetched_at(
    broker: &Broker,
    recurring: &Recurring,
) -> Result<Option<OffsetDateTime>, BrokerError> {
    let key = CrawlRecord::key(&recurring.request.url_id());
    match broker.record::<CrawlRecord>(Bucket::Urls, &key).await {
        Ok(record) => Ok(record.map(|record| record.value.fetched_at)),
        // Nobody can tell: it must not be asked for again and again.
        Err(BrokerError::Foreign { .. }) => Ok(Some(OffsetDateTime::now_utc())),
        Err(error) => Err(error),
    }
}

/// When a request for the URL became a dead letter, which leaves no other trace.
async fn died_at(broker: &Broker, id: &UrlId) -> Result<Option<OffsetDateTime>, BrokerError> {
    let filter = DeadFilter {
        id: Some(id.to_string()),
        stage: Some(Crawler::NAME.to_owned()),
        ..DeadFilter::default()
    };
    let letters = broker.dead_letters(&filter, usize::MAX).await?;
    Ok(letters.last().map(|filed| filed.letter.headers.time))
}

/// Answers whether it was requested: not if a request has come to wait there meanwhile.
async fn request(
    broker: &Broker,
    recurring: &Recurring,
    now: OffsetDateTime,
) -> Result<bool, BrokerError> {
    let request = &recurring.request;
    let id = request.url_id();
    let (due, later) = (
        CrawlRequest::due_subject(&id),
        CrawlRequest::later_subject(&id),
    );
    broker.schedule_if_absent(&later, &due, now, request).await
}

#[cfg(test)]
mod tests {
    use messages::Why;
    use time::macros::datetime;

    use super::*;

    const SET: OffsetDateTime = datetime!(2026-01-01 06:00 UTC);

    #[test]
    fn it_is_overdue_an_interval_and_a_minute_after_it_was_set_or_last_asked_for() {
        let recurring = Recurring {
            request: CrawlRequest {
                url: "https://a.cn/1".parse().unwrap(),
                why: Why::Recrawl,
                depth: 0,
                attempt: 0,
                every: Some("12h".parse().unwrap()),
                refetch: false,
            },
            schedule: "@every 12h".to_owned(),
            since: SET,
        };
        let second = Duration::from_secs(1);
        let before = SET - Duration::from_hours(100);
        let after = SET + Duration::from_hours(5);
        for (asked_at, last) in [(None, SET), (Some(before), SET), (Some(after), after)] {
            let due_at = last + Duration::from_hours(12) + GRACE;
            assert!(!is_overdue(&recurring, asked_at, due_at), "{asked_at:?}");
            assert!(is_overdue(&recurring, asked_at, due_at + second));
        }
        let mut other = recurring;
        other.request.every = None;
        assert!(!is_overdue(&other, None, SET + Duration::from_hours(1_000)));
    }
}
