//! Schedules that fire again and again: listed for operators, and ended.

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use futures_util::stream::{Stream, TryStreamExt, try_unfold};
use messages::{CrawlRequest, Message};
use time::OffsetDateTime;

use crate::latest::NotPublished;
use crate::outbox::at_time;
use crate::publish::{SCHEDULE, add_schedule};
use crate::topology::CRAWL;
use crate::walk::Walk;
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
    fn read(message: &StreamMessage) -> Option<Self> {
        Some(Self {
            schedule: message.headers.get(SCHEDULE)?.as_str().to_owned(),
            request: CrawlRequest::decode(&message.subject, &message.payload).ok()?,
            since: message.time,
        })
    }

    /// When it fires next after `now`: a whole number of intervals after it was set, or later if
    /// the broker was not there at such a time (it counts from its own start then).
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
        self.each_recurring().try_collect().await
    }

    /// The same, one after another: there may be very many.
    pub fn each_recurring(&self) -> impl Stream<Item = Result<Recurring, BrokerError>> + Send {
        try_unfold(None, move |walk| async move {
            let mut walk: Walk = match walk {
                Some(walk) => walk,
                None if self.find_stream(CRAWL).await?.is_none() => return Ok(None),
                None => self.walk(CRAWL.name, "crawl.recrawl.*"),
            };
            while let Some(message) = walk.next().await? {
                // Whatever else somebody published there is none of ours.
                if let Some(recurring) = Recurring::read(&message) {
                    return Ok(Some((recurring, Some(walk))));
                }
            }
            Ok(None)
        })
    }

    /// Lets a message appear on `target` at a time, unless one stands on `subject` already. Answers
    /// whether it does.
    pub async fn schedule_if_absent(
        &self,
        subject: &str,
        target: &str,
        at: OffsetDateTime,
        message: &impl Message,
    ) -> Result<bool, BrokerError> {
        let mut headers = HeaderMap::new();
        add_schedule(&mut headers, target, &at_time(at));
        let payload = message.encode();
        match self.publish_once(subject, &payload, headers, Some(0)).await {
            Ok(_) => Ok(true),
            Err(NotPublished::Conflict) => Ok(false),
            Err(NotPublished::Failed(error)) => Err(error),
        }
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
