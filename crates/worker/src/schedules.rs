//! Schedules that fire again and again: listed for operators, and ended.

use async_nats::jetstream::stream::DirectGetErrorKind;
use messages::{CrawlRequest, Message};
use time::OffsetDateTime;

use crate::topology::{CRAWL, stream_of};
use crate::{Broker, BrokerError};

/// A request that comes again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurring {
    /// What is requested each time.
    pub request: CrawlRequest,
    /// As the broker was told it: `@every 168h`.
    pub schedule: String,
    /// When it was set.
    pub since: OffsetDateTime,
}

impl Recurring {
    /// When it fires next after `now`: a whole number of intervals after it was set.
    pub fn next_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let every = self.request.every?.duration();
        let passed = (now - self.since).whole_seconds().max(0).unsigned_abs();
        let rounds = passed / every.as_secs() + 1;
        self.since
            .checked_add((every * u32::try_from(rounds).ok()?).try_into().ok()?)
    }
}

impl Broker {
    /// The requests that come again and again, in the order they were set.
    pub async fn recurring(&self) -> Result<Vec<Recurring>, BrokerError> {
        let mut found = Vec::new();
        let Some(stream) = self.find_stream(CRAWL).await? else {
            return Ok(found);
        };
        let mut from = 1;
        loop {
            let message = match stream
                .direct_get_next_for_subject("crawl.recrawl.*", Some(from))
                .await
            {
                Ok(message) => message,
                Err(e) if e.kind() == DirectGetErrorKind::NotFound => return Ok(found),
                Err(e) => return Err(BrokerError::request("read a schedule", e)),
            };
            from = message.sequence + 1;
            let schedule = message.headers.get("Nats-Schedule");
            // Whatever else somebody published there is none of ours.
            if let Some(schedule) = schedule
                && let Ok(request) = CrawlRequest::decode(&message.subject, &message.payload)
            {
                found.push(Recurring {
                    request,
                    schedule: schedule.as_str().to_owned(),
                    since: message.time,
                });
            }
        }
    }

    /// Empties a subject; a schedule that stands there fires no more.
    pub(crate) async fn empty(&self, subject: &str) -> Result<(), BrokerError> {
        let Some(stream) = self.find_stream(stream_of(subject)).await? else {
            return Ok(());
        };
        let purge = stream.purge().filter(subject);
        let purged = purge.await.map(|_| ());
        purged.map_err(|e| BrokerError::request("end a schedule", e))
    }
}

#[cfg(test)]
mod tests {
    use messages::Why;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_next_time_is_a_whole_number_of_intervals_after_the_first() {
        let since = datetime!(2026-01-01 06:00 UTC);
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
            since,
        };
        for (now, next) in [
            (
                datetime!(2025-12-31 00:00 UTC),
                datetime!(2026-01-01 18:00 UTC),
            ),
            (since, datetime!(2026-01-01 18:00 UTC)),
            (
                datetime!(2026-01-03 17:59:59 UTC),
                datetime!(2026-01-03 18:00 UTC),
            ),
            (
                datetime!(2026-01-03 18:00 UTC),
                datetime!(2026-01-04 06:00 UTC),
            ),
        ] {
            assert_eq!(recurring.next_at(now), Some(next), "{now}");
        }
    }
}
