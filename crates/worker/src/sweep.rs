//! Schedules that did not fire: one that falls due while the store is full is stuck. They are found
//! by reading the stream, never by a consumer, and published again.

use std::time::Duration;

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
    /// Publishes schedules of `pattern` again that are overdue by a minute, until the process ends.
    /// Of several processes that do so one sweeps at a time.
    pub async fn keep_swept(
        &self,
        spec: ConsumerSpec,
        pattern: &'static str,
    ) -> Result<(), WorkerError> {
        self.take_turns("sweep.later", EVERY, || async {
            let due = timestamp::now() - GRACE;
            let number = self.broker().sweep(spec.stream, pattern, due).await?;
            self.swept(spec, number);
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
            let mut headers = async_nats::HeaderMap::new();
            for (name, values) in found.headers.iter() {
                // What else the server wrote there is about the old message.
                let text: &str = name.as_ref();
                let is_ours = !text.starts_with("Nats-") || text.starts_with(SCHEDULE);
                if let (true, Some(value)) = (is_ours, values.first()) {
                    headers.insert(name.clone(), value.clone());
                }
            }
            headers.insert(SCHEDULE, at_time(timestamp::now()));
            let (subject, expected) = (found.subject.to_string(), Some(found.sequence));
            match self
                .publish_once(&subject, &found.payload, headers, expected)
                .await
            {
                Ok(_) => number += 1,
                // It fired, or somebody replaced it.
                Err(NotPublished::Conflict) => {}
                Err(NotPublished::Failed(error)) => return Err(error),
            }
        }
        Ok(number)
    }
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
