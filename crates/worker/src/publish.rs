//! Publishing what is in an outbox, and not giving up while the broker is away or full.

use std::time::Instant;

use async_nats::HeaderMap;
use futures_util::future::try_join_all;
use messages::{DeadLetter, REPLAYS_HEADER};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::latest::NotPublished;
use crate::outbox::{Claim, FollowUp, Merge, MergeFn, Origin, Outbox, Output};
use crate::process::{Gate, Patience};
use crate::read::Wanted;
use crate::records;
use crate::topology;
use crate::{BrokerError, Failure, Process, Published, Verdict, metrics};

/// Headers of a message that is to appear on another subject later (NATS ADR-51).
pub(crate) const SCHEDULE: &str = "Nats-Schedule";
const SCHEDULE_TARGET: &str = "Nats-Schedule-Target";

/// What the loop of one stage works with.
pub(crate) struct Context<'a> {
    pub(crate) process: &'a Process,
    pub(crate) gate: &'a Gate,
}

/// Why something was not brought to its end.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The process ends.
    Shutdown,
    /// The broker refuses, and waiting won't help.
    Refused(BrokerError),
}

/// Does it again while the broker is away or full, with the gate closed.
pub(crate) async fn persist<T, F>(
    cx: &Context<'_>,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Halt>
where
    F: Future<Output = Result<T, BrokerError>>,
{
    let mut patience = Patience::default();
    let mut closed = None;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if error.verdict() == Verdict::Wait => error,
            Err(error) => return Err(Halt::Refused(error)),
        };
        if closed.is_none() {
            tracing::warn!(code = %error.code(), "waiting: {}", crate::chain(&error));
            closed = Some(cx.gate.close());
        }
        tokio::select! {
            () = cx.process.shutdown().cancelled() => return Err(Halt::Shutdown),
            () = tokio::time::sleep(patience.next()) => {}
        }
    }
}

impl Context<'_> {
    /// Writes the record that goes before the outputs. Answers whether it stands as it was to stand;
    /// else the input has to be handled again.
    pub(crate) async fn claim(&self, claim: Option<&Claim>) -> Result<bool, Halt> {
        let Some(claim) = claim else { return Ok(true) };
        let broker = self.process.broker();
        persist(self, || broker.claim_record(claim)).await
    }

    /// Publishes all outputs and awaits their acknowledgements, then the optional ones.
    pub(crate) async fn publish_outputs(&self, outbox: &mut Outbox) -> Result<Published, Halt> {
        let origin = &outbox.origin;
        let outputs = std::mem::take(&mut outbox.outputs);
        let published = outputs
            .into_iter()
            .enumerate()
            .map(|(n, output)| self.publish_output(output, origin, n + 1));
        let superseded = try_join_all(published).await?;
        let optional = outbox
            .optional
            .iter()
            .enumerate()
            .map(|(n, (subject, payload))| self.publish_optional(subject, payload, origin, n + 1));
        let refused = try_join_all(optional).await?;
        let count = |flags: Vec<bool>| {
            u32::try_from(flags.into_iter().filter(|&flag| flag).count()).unwrap_or(u32::MAX)
        };
        let published = Published {
            num_refused: count(refused),
            num_superseded: count(superseded),
        };
        let count = |code: &str, number| self.process.count(origin.stage, code, number);
        for (code, number) in outbox.counts.drain(..) {
            count(&code, number);
        }
        count("frontier_full", published.num_refused.into());
        count("superseded", published.num_superseded.into());
        Ok(published)
    }

    /// Writes the records, unless something newer was there.
    pub(crate) async fn write_records(
        &self,
        outbox: &mut Outbox,
        published: &Published,
    ) -> Result<(), Halt> {
        if published.num_superseded > 0 {
            return Ok(());
        }
        let broker = self.process.broker();
        for record in outbox.records.drain(..) {
            let bytes = (record.value)(published);
            let (bucket, key) = (record.bucket, &record.key);
            let is_same = |claim: &Claim| claim.key == *key && claim.bytes == bytes;
            if outbox.claim.as_ref().is_some_and(is_same) {
                continue;
            }
            let write = || async {
                match &record.merge {
                    None => {
                        unconditional(broker.write_record_bytes(bucket, key, &bytes, None).await)
                    }
                    Some(merge) => broker.merge_record(bucket, key, &bytes, merge).await,
                }
            };
            persist(self, write).await?;
        }
        Ok(())
    }

    /// Publishes what a record calls for that may have changed while the input was held.
    pub(crate) async fn follow_up(
        &self,
        follow_up: Option<&FollowUp>,
        pulled_at: Instant,
    ) -> Result<(), Halt> {
        let broker = self.process.broker();
        let is_long = pulled_at.elapsed() > broker.config().ack_wait;
        let Some(follow_up) = follow_up.filter(|_| is_long) else {
            return Ok(());
        };
        let (stream, place) = (
            records::stream_name(follow_up.bucket),
            records::subject(follow_up.bucket, &follow_up.key),
        );
        let read = || broker.read(&stream, Wanted::Last(&place));
        let record = persist(self, read).await?;
        let record = record.filter(|record| !records::is_deleted(record));
        let message = record.and_then(|record| (follow_up.message)(&record.payload));
        if let Some((subject, payload)) = message {
            self.publish_plain(&subject, &payload, &HeaderMap::new())
                .await?;
        }
        Ok(())
    }

    /// Files a dead letter; the `n`-th output of its input.
    pub(crate) async fn publish_dead_letter(
        &self,
        letter: &DeadLetter,
        origin: &Origin,
        n: usize,
    ) -> Result<(), Halt> {
        let mut headers = message_id(origin, n);
        for (name, value) in letter.headers.to_pairs() {
            headers.insert(name, value);
        }
        self.publish_plain(&letter.subject(), &letter.payload, &headers)
            .await
    }

    /// Answers whether the output was superseded.
    async fn publish_output(
        &self,
        output: Output,
        origin: &Origin,
        n: usize,
    ) -> Result<bool, Halt> {
        match output {
            Output::Plain { subject, payload } => {
                self.publish_plain(&subject, &payload, &replays(origin))
                    .await?;
            }
            Output::Scheduled {
                subject,
                target,
                schedule,
                payload,
            } => {
                let mut headers = replays(origin);
                add_schedule(&mut headers, &target, &schedule);
                self.publish_plain(&subject, &payload, &headers).await?;
            }
            Output::Unscheduled { subject } => {
                // Erased, not purged: see takedown.rs. A schedule that is erased fires no more.
                let erase = || self.process.broker().erase(topology::CRAWL, &subject);
                persist(self, erase).await?;
            }
            Output::Dead(letter) => {
                self.publish_dead_letter(&letter, origin, n).await?;
                // Not among the ends: DEAD itself is counted.
                metrics::counted(origin.stage, &letter.headers.code, 1);
            }
            Output::Merged {
                subject,
                merge,
                is_new,
                schedule,
            } => {
                let schedule = schedule.as_ref();
                let publish = || self.publish_merged(&subject, &merge, is_new, schedule, origin);
                return persist(self, publish).await;
            }
        }
        Ok(false)
    }

    async fn publish_plain(
        &self,
        subject: &str,
        payload: &[u8],
        headers: &HeaderMap,
    ) -> Result<(), Halt> {
        let broker = self.process.broker();
        let publish = || async {
            let published = broker
                .publish_once(subject, payload, headers.clone(), None)
                .await;
            unconditional(published)
        };
        persist(self, publish).await
    }

    async fn publish_merged(
        &self,
        subject: &str,
        merge: &MergeFn,
        is_new: bool,
        schedule: Option<&(String, String)>,
        origin: &Origin,
    ) -> Result<bool, BrokerError> {
        let broker = self.process.broker();
        let stream = topology::stream_of(subject);
        let mut must_look = !is_new;
        loop {
            let last = if must_look {
                broker.read(stream.name, Wanted::Last(subject)).await?
            } else {
                None
            };
            let payload = match merge(last.as_ref().map(|last| &last.payload[..])) {
                Merge::Publish(payload) => payload,
                Merge::Keep => return Ok(false),
                Merge::Superseded => return Ok(true),
            };
            let mut headers = replays(origin);
            if let Some((target, at)) = schedule {
                let standing = last.as_ref().and_then(|last| last.headers.get(SCHEDULE));
                let standing = standing.map_or("", |at| at.as_str());
                add_schedule(&mut headers, target, later_of(standing, at));
            }
            let expected = Some(last.map_or(0, |last| last.sequence));
            match broker
                .publish_once(subject, &payload, headers, expected)
                .await
            {
                Ok(_) => return Ok(false),
                Err(NotPublished::Conflict) => must_look = true,
                Err(NotPublished::Failed(error)) => return Err(error),
            }
        }
    }

    /// Answers whether the broker had no room.
    async fn publish_optional(
        &self,
        subject: &str,
        payload: &[u8],
        origin: &Origin,
        n: usize,
    ) -> Result<bool, Halt> {
        let broker = self.process.broker();
        let mut headers = message_id(origin, n);
        headers.insert(REPLAYS_HEADER, origin.replays.to_string());
        let publish = || async {
            let published = broker
                .publish_once(subject, payload, headers.clone(), None)
                .await;
            match unconditional(published) {
                Ok(()) => Ok(false),
                Err(
                    BrokerError::Full { .. }
                    | BrokerError::StoreFull { .. }
                    | BrokerError::TooLarge { .. },
                ) => Ok(true),
                Err(error) => Err(error),
            }
        };
        persist(self, publish).await
    }
}

fn unconditional(published: Result<u64, NotPublished>) -> Result<(), BrokerError> {
    match published {
        Ok(_) => Ok(()),
        Err(NotPublished::Failed(error)) => Err(error),
        Err(NotPublished::Conflict) => unreachable!("nothing was expected"),
    }
}

/// Makes a message appear on `target` when its schedule says so.
pub(crate) fn add_schedule(headers: &mut HeaderMap, target: &str, schedule: &str) {
    headers.insert(SCHEDULE, schedule);
    headers.insert(SCHEDULE_TARGET, target);
}

/// The later of two schedules that fire once; `ours` where the standing one is no such schedule.
fn later_of<'a>(standing: &'a str, ours: &'a str) -> &'a str {
    let time = |at: &str| OffsetDateTime::parse(at.strip_prefix("@at ")?, &Rfc3339).ok();
    if time(standing) > time(ours) {
        standing
    } else {
        ours
    }
}

/// What makes the broker recognise a second publish of the same output.
fn message_id(origin: &Origin, n: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let id = format!("{}:{}:{n}", origin.stream, origin.sequence);
    headers.insert("Nats-Msg-Id", id);
    headers
}

/// Replays are counted on through all that comes of a replayed message.
fn replays(origin: &Origin) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if origin.replays > 0 {
        headers.insert(REPLAYS_HEADER, origin.replays.to_string());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_schedules_the_later_counts_and_of_nonsense_ours() {
        let (early, late) = ("@at 2026-01-01T00:00:00.5Z", "@at 2026-01-01T00:00:00.51Z");
        assert_eq!(later_of(early, late), late);
        assert_eq!(later_of(late, early), late);
        for nonsense in ["", "@every 1h", "@at noon"] {
            assert_eq!(later_of(nonsense, early), early);
        }
    }
}
