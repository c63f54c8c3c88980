//! What nobody is given any more: schedules that fell due while the store was full, and messages of a
//! work queue that stand behind what its consumer has settled, as a server that was killed may leave
//! them. They are found by reading the stream, never by a consumer, and published again.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use messages::timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::latest::NotPublished;
use crate::outbox::at_time;
use crate::publish::SCHEDULE;
use crate::topology::{ConsumerSpec, StreamSpec};
use crate::{Broker, BrokerError, Process, WorkerError};

/// How often one of all processes sweeps.
const EVERY: Duration = Duration::from_mins(1);

/// A schedule is given so long to fire by itself.
const GRACE: Duration = Duration::from_mins(1);

impl Process {
    /// Publishes schedules of `pattern` again that are overdue by a minute, and what the consumer will
    /// not be given, until the process ends. Of several processes that do so one sweeps at a time.
    pub async fn keep_swept(
        &self,
        spec: ConsumerSpec,
        pattern: &'static str,
    ) -> Result<(), WorkerError> {
        self.take_turns("sweep.later", EVERY, || async {
            let due = timestamp::now() - GRACE;
            let number = self.broker().sweep(spec.stream, pattern, due).await?;
            self.swept(spec, number);
            let number = self.broker().revive(spec).await?;
            self.count(spec.name, "revived", number);
            if number > 0 {
                let stream = spec.stream.name;
                tracing::warn!(
                    stream,
                    "{number} messages of {stream} were settled or lost sight of, and were there still: \
                     published again"
                );
            }
            Ok(())
        })
        .await
    }

    /// Counts and logs schedules that did not fire and were made up for.
    pub fn swept(&self, spec: ConsumerSpec, number: u64) {
        if number == 0 {
            return;
        }
        self.count(spec.name, "swept", number);
        let stream = spec.stream.name;
        tracing::warn!(
            stream,
            "{number} schedules of {stream} had not fired and were published again: was the store full?"
        );
    }
}

impl Broker {
    /// Publishes again what should have fired before `due`, if nothing came between; it fires at
    /// once. Answers how many.
    pub async fn sweep(
        &self,
        spec: StreamSpec,
        pattern: &str,
        due: OffsetDateTime,
    ) -> Result<u64, BrokerError> {
        let Some(stream) = self.find_stream(spec).await? else {
            return Ok(0);
        };
        // What we publish comes behind it.
        let last = stream.cached_info().state.last_sequence;
        let mut walk = self.walk(spec.name, pattern);
        let mut number = 0;
        while let Some(found) = walk.next().await? {
            // Sequences rise with time: what follows was stored too late to be overdue.
            if found.time > due || found.sequence > last {
                break;
            }
            let schedule = found
                .headers
                .get(SCHEDULE)
                .map(async_nats::HeaderValue::as_str);
            if !schedule.is_some_and(|schedule| is_overdue(schedule, due)) {
                continue;
            }
            let mut headers = ours(&found);
            headers.insert(SCHEDULE, at_time(timestamp::now()));
            number += u64::from(self.replace(&found, headers).await?);
        }
        Ok(number)
    }

    /// Publishes again what stands in a work queue behind what its consumer has settled: its ack may
    /// have been lost, or its removal, so it is handled once more, and gives way to what comes after it.
    /// One message a subject is what this relies on. Answers how many.
    pub async fn revive(&self, spec: ConsumerSpec) -> Result<u64, BrokerError> {
        let Some(consumer) = self.find_consumer(spec).await? else {
            return Ok(0);
        };
        let settled = consumer.cached_info().ack_floor.stream_sequence;
        let mut walk = self.walk(spec.stream.name, spec.filter);
        let mut number = 0;
        while let Some(found) = walk.next().await? {
            if found.sequence > settled {
                break;
            }
            number += u64::from(self.replace(&found, ours(&found)).await?);
        }
        Ok(number)
    }

    /// Publishes a message in the place of itself. Answers whether nothing came between.
    async fn replace(
        &self,
        found: &StreamMessage,
        headers: HeaderMap,
    ) -> Result<bool, BrokerError> {
        let (subject, expected) = (found.subject.as_str(), Some(found.sequence));
        let sent = self.publish_once(subject, &found.payload, headers, expected);
        match sent.await {
            Ok(_) => Ok(true),
            // It fired, or somebody replaced it.
            Err(NotPublished::Conflict) => Ok(false),
            Err(NotPublished::Failed(error)) => Err(error),
        }
    }
}

/// The headers of a message that go with it; what else the server wrote there is about the old one.
fn ours(found: &StreamMessage) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in found.headers.iter() {
        let text: &str = name.as_ref();
        let is_ours = !text.starts_with("Nats-") || text.starts_with(SCHEDULE);
        if let (true, Some(value)) = (is_ours, values.first()) {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers
}

/// A schedule that fires once and should have before `due`.
fn is_overdue(schedule: &str, due: OffsetDateTime) -> bool {
    let at = schedule.strip_prefix("@at ");
    at.and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok())
        .is_some_and(|at| at < due)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_what_should_have_fired_once_is_overdue() {
        let due = datetime!(2026-01-01 00:00 UTC);
        assert!(is_overdue("@at 2025-12-31T23:59:59Z", due));
        for other in ["@at 2026-01-01T00:00:01Z", "@every 1h", "@at noon", ""] {
            assert!(!is_overdue(other, due), "{other}");
        }
    }
}
