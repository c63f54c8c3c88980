//! What a stage wants published and remembered, collected before anything is done about it.

use messages::{DeadLetter, DeadLetterHeaders, Message, Page};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::topology::Bucket;
use crate::{Failure, chain};

/// What to do about a subject's last message when another one is to follow it.
#[derive(Debug)]
pub enum Merge<M> {
    /// Publish this one, which holds all that the last one did.
    Publish(M),
    /// The last one says all that ours would say.
    Keep,
    /// The last one is newer: ours is dropped, and so are the input's records.
    Superseded,
}

/// What became of the outputs, for the records that count them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Optional outputs that the broker had no room for.
    pub num_refused: u32,
    /// Outputs dropped because something newer was there.
    pub num_superseded: u32,
}

pub(crate) type MergeFn = Box<dyn Fn(Option<&[u8]>) -> Merge<Vec<u8>> + Send + Sync>;
pub(crate) type RecordFn = Box<dyn FnOnce(&Published) -> Vec<u8> + Send>;
/// From ours and the standing one to what should stand; `None`: it stands already.
pub(crate) type RecordMergeFn = Box<dyn Fn(&[u8], &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// One thing to publish; all of them are acknowledged by the broker before the input is acked.
pub(crate) enum Output {
    /// Replaces what its subject holds.
    Plain { subject: String, payload: Vec<u8> },
    /// Follows what its subject holds, by compare-and-set.
    Merged {
        subject: String,
        merge: MergeFn,
        /// Nothing is believed to stand there: not looked at until something turns out to.
        is_new: bool,
        /// Target and time, for a message that is to stand there until then.
        schedule: Option<(String, String)>,
    },
    /// Appears on `target` later.
    Scheduled {
        subject: String,
        target: String,
        schedule: String,
        payload: Vec<u8>,
    },
    /// Ends the schedule that stands there.
    Unscheduled { subject: String },
    /// Part of the input that can never work.
    Dead(Box<DeadLetter>),
}

/// A record to write once the outputs are safe.
pub(crate) struct RecordWrite {
    pub(crate) bucket: Bucket,
    pub(crate) key: String,
    pub(crate) value: RecordFn,
    /// Without it, ours replaces whatever stands there.
    pub(crate) merge: Option<RecordMergeFn>,
}

/// A record to write before the outputs, if the standing one has this revision still.
pub(crate) struct Claim {
    pub(crate) bucket: Bucket,
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
    /// 0: none stands.
    pub(crate) revision: u64,
}

/// What to publish after all else if a record calls for it.
pub(crate) struct FollowUp {
    pub(crate) bucket: Bucket,
    pub(crate) key: String,
    pub(crate) message: FollowUpFn,
}

/// From the record to subject and payload.
pub(crate) type FollowUpFn = Box<dyn Fn(&[u8]) -> Option<(String, Vec<u8>)> + Send + Sync>;

/// Where the input came from, for dead letters of its parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    pub(crate) stage: &'static str,
    pub(crate) stream: String,
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    pub(crate) replays: u64,
}

/// Collects a stage's outputs.
#[derive(Default)]
pub struct Outbox {
    pub(crate) claim: Option<Claim>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) optional: Vec<(String, Vec<u8>)>,
    pub(crate) records: Vec<RecordWrite>,
    pub(crate) follow_up: Option<FollowUp>,
    pub(crate) counts: Vec<(String, u64)>,
    pub(crate) origin: Origin,
}

impl Outbox {
    pub(crate) fn for_input(origin: Origin) -> Self {
        Self {
            origin,
            ..Self::default()
        }
    }

    /// Writes a record *before* the outputs, if the one that stands has this revision still (`None`: if
    /// none stands); else nothing is published, and the stage handles its input again. So what an input
    /// is about to publish is known to whoever handles a newer one, whatever happens in between.
    pub fn claim<T: Serialize>(
        &mut self,
        bucket: Bucket,
        key: impl Into<String>,
        value: &T,
        revision: Option<u64>,
    ) {
        self.claim = Some(Claim {
            bucket,
            key: key.into(),
            bytes: to_json(value),
            revision: revision.unwrap_or(0),
        });
    }

    /// Publishes a message to its own subject, replacing what is there.
    pub fn publish(&mut self, message: &impl Message) {
        self.outputs.push(Output::Plain {
            subject: message.subject(),
            payload: message.encode(),
        });
    }

    /// Publishes a message that may be refused for want of room: it is counted and forgotten then.
    pub fn publish_optional(&mut self, message: &impl Message) {
        self.optional.push((message.subject(), message.encode()));
    }

    /// Reads the subject's last message, asks `merge`, and publishes if nothing came between; else
    /// asks again. A last message that can't be decoded counts as none.
    pub fn publish_merged<M: Message>(
        &mut self,
        subject: impl Into<String>,
        merge: impl Fn(Option<M>) -> Merge<M> + Send + Sync + 'static,
    ) {
        self.merged(subject.into(), None, false, merge);
    }

    /// Like [`Outbox::publish_merged`] where nothing is believed to stand: `merge` is asked with
    /// nothing first, and the subject is read only if something stands there after all.
    pub fn publish_new<M: Message>(
        &mut self,
        subject: impl Into<String>,
        merge: impl Fn(Option<M>) -> Merge<M> + Send + Sync + 'static,
    ) {
        self.merged(subject.into(), None, true, merge);
    }

    /// Like [`Outbox::schedule_at`], of a message that is merged with the one that stands on
    /// `subject` already; the later of their times counts.
    pub fn schedule_merged<M: Message>(
        &mut self,
        subject: impl Into<String>,
        target: impl Into<String>,
        at: OffsetDateTime,
        merge: impl Fn(Option<M>) -> Merge<M> + Send + Sync + 'static,
    ) {
        self.merged(
            subject.into(),
            Some((target.into(), at_time(at))),
            false,
            merge,
        );
    }

    fn merged<M: Message>(
        &mut self,
        subject: String,
        schedule: Option<(String, String)>,
        is_new: bool,
        merge: impl Fn(Option<M>) -> Merge<M> + Send + Sync + 'static,
    ) {
        let of = subject.clone();
        self.outputs.push(Output::Merged {
            subject,
            merge: Box::new(move |last| {
                let last = last.and_then(|payload| M::decode(&of, payload).ok());
                match merge(last) {
                    Merge::Publish(message) => Merge::Publish(message.encode()),
                    Merge::Keep => Merge::Keep,
                    Merge::Superseded => Merge::Superseded,
                }
            }),
            is_new,
            schedule,
        });
    }

    /// Publishes a page unless a newer one of its URL is there. `is_new`: none is believed to be.
    pub fn publish_newer(&mut self, page: Page, is_new: bool) {
        let subject = page.subject();
        let newer = move |last: Option<Page>| match last {
            Some(last) if last.fetched_at() > page.fetched_at() => Merge::Superseded,
            Some(last) if last == page => Merge::Keep,
            _ => Merge::Publish(page.clone()),
        };
        self.merged(subject, None, is_new, newer);
    }

    /// Lets a message appear on `target` at a time; until then it stands on `subject`.
    pub fn schedule_at(
        &mut self,
        subject: impl Into<String>,
        target: impl Into<String>,
        at: OffsetDateTime,
        message: &impl Message,
    ) {
        self.schedule(subject, target, at_time(at), message);
    }

    /// Lets a message appear on `target` again and again; the schedule stays on `subject`.
    pub fn schedule_every(
        &mut self,
        subject: impl Into<String>,
        target: impl Into<String>,
        every: messages::Interval,
        message: &impl Message,
    ) {
        self.schedule(subject, target, format!("@every {every}"), message);
    }

    /// Ends the schedule that stands on `subject`, if one does.
    pub fn unschedule(&mut self, subject: impl Into<String>) {
        self.outputs.push(Output::Unscheduled {
            subject: subject.into(),
        });
    }

    fn schedule(
        &mut self,
        subject: impl Into<String>,
        target: impl Into<String>,
        schedule: String,
        message: &impl Message,
    ) {
        self.outputs.push(Output::Scheduled {
            subject: subject.into(),
            target: target.into(),
            schedule,
            payload: message.encode(),
        });
    }

    /// Files a part of the input as a dead letter of its own; the other parts go on.
    pub fn dead_letter(
        &mut self,
        id: impl Into<String>,
        url: Option<String>,
        payload: Vec<u8>,
        failure: &impl Failure,
    ) {
        let letter = DeadLetter {
            id: id.into(),
            headers: DeadLetterHeaders {
                stage: self.origin.stage.to_owned(),
                code: failure.code().into_owned(),
                error: chain(failure),
                attempts: 1,
                time: messages::timestamp::now(),
                url,
                stream: self.origin.stream.clone(),
                subject: self.origin.subject.clone(),
                sequence: self.origin.sequence,
                replays: self.origin.replays,
            },
            payload,
        };
        self.outputs.push(Output::Dead(Box::new(letter)));
    }

    /// Remembers a record once the outputs are safe; not if one of them was superseded.
    pub fn record<T: Serialize>(&mut self, bucket: Bucket, key: impl Into<String>, value: &T) {
        let bytes = to_json(value);
        self.records.push(RecordWrite {
            bucket,
            key: key.into(),
            value: Box::new(move |_| bytes),
            merge: None,
        });
    }

    /// Like [`Outbox::record`], of a value that depends on what became of the outputs, and where a record
    /// that somebody else wrote meanwhile counts too: `merge` says of ours and that one what should stand,
    /// `None` that it stands already.
    pub fn record_merged<T: Serialize + DeserializeOwned + 'static>(
        &mut self,
        bucket: Bucket,
        key: impl Into<String>,
        value: impl FnOnce(&Published) -> T + Send + 'static,
        merge: fn(T, T) -> Option<T>,
    ) {
        self.records.push(RecordWrite {
            bucket,
            key: key.into(),
            value: Box::new(move |published| to_json(&value(published))),
            merge: Some(Box::new(move |ours, standing| {
                let read = |bytes| serde_json::from_slice(bytes).ok();
                match (read(ours), read(standing)) {
                    (Some(ours), Some(standing)) => Some(to_json(&merge(ours, standing)?)),
                    // What can't be read is nobody's.
                    _ => Some(ours.to_vec()),
                }
            })),
        });
    }

    /// If the input was held for longer than the broker waits for an ack: reads a record when all else is
    /// done, and publishes what `message` makes of it. For what came while the input was worked on, and
    /// was left to it.
    pub fn follow_up<T: DeserializeOwned, M: Message>(
        &mut self,
        bucket: Bucket,
        key: impl Into<String>,
        message: impl Fn(T) -> Option<M> + Send + Sync + 'static,
    ) {
        self.follow_up = Some(FollowUp {
            bucket,
            key: key.into(),
            message: Box::new(move |record| {
                let message = message(serde_json::from_slice(record).ok()?)?;
                Some((message.subject(), message.encode()))
            }),
        });
    }

    /// Counts an end other than an output: a skip's code, say.
    pub fn count(&mut self, code: &str) {
        self.count_many(code, 1);
    }

    /// Counts so many such ends.
    pub fn count_many(&mut self, code: &str, number: u64) {
        self.counts.push((code.to_owned(), number));
    }
}

/// A schedule that fires once.
pub(crate) fn at_time(at: OffsetDateTime) -> String {
    let at = at
        .to_offset(time::UtcOffset::UTC)
        .format(&time::format_description::well_known::Rfc3339)
        .expect("a time in this era can be written as RFC 3339");
    format!("@at {at}")
}

fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("records hold only what JSON can say")
}
