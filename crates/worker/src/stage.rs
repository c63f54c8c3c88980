//! What a stage is: one input, some outputs, one verdict.

use std::time::Instant;

use bytes::Bytes;
use messages::{DecodeError, Message};
use time::OffsetDateTime;

use crate::topology::ConsumerSpec;
use crate::{Failure, Outbox};

/// A message as it stands in its stream, not decoded yet.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The subject it was published to.
    pub subject: String,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was stored.
    pub published_at: OffsetDateTime,
    /// How often it was delivered, this time included; 1 for what was only read.
    pub delivered: u64,
    /// When we pulled it, or read it.
    pub pulled_at: Instant,
    /// Its bytes.
    pub payload: Bytes,
}

impl Stored {
    /// One that was read, not pulled.
    pub fn read(
        subject: String,
        sequence: u64,
        published_at: OffsetDateTime,
        payload: Bytes,
    ) -> Self {
        Self {
            subject,
            sequence,
            published_at,
            delivered: 1,
            pulled_at: Instant::now(),
            payload,
        }
    }

    /// The message.
    pub fn decode<M: Message>(&self) -> Result<M, DecodeError> {
        M::decode(&self.subject, &self.payload)
    }
}

/// A message as it came out of a stream.
#[derive(Debug, Clone)]
pub struct Delivery<M> {
    /// The message.
    pub message: M,
    /// The subject it was published to.
    pub subject: String,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was stored.
    pub published_at: OffsetDateTime,
    /// How often it was delivered, this time included.
    pub delivered: u64,
    /// When we pulled it.
    pub pulled_at: Instant,
}

/// Turns one message into others. Called for many messages at once; must be idempotent.
pub trait Stage: Send + Sync + 'static {
    /// What it takes.
    type Input: Message;
    /// How it fails.
    type Error: Failure;
    /// Its name: role, log field, metric label, dead-letter subject.
    const NAME: &'static str;
    /// Where its input comes from.
    const CONSUMER: ConsumerSpec;

    /// Messages handled at once.
    fn concurrency(&self) -> usize;

    /// Handles one message. What it puts into the outbox is published if it answers Ok, and only then.
    fn handle(
        &self,
        input: &Delivery<Self::Input>,
        outbox: &mut Outbox,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
