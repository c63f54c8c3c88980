//! What a stage is: one input, some outputs, one verdict.

use std::time::Instant;

use bytes::Bytes;
use messages::Message;
use time::OffsetDateTime;

use crate::topology::ConsumerSpec;
use crate::{Failure, Outbox};

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
    /// The message as it was stored.
    pub payload: Bytes,
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
