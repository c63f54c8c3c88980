//! What a sink is: a batch in, a verdict for each message out.

use std::time::Duration;

use messages::Message;

use crate::topology::ConsumerSpec;
use crate::{Failure, Stored};

/// How batches are cut.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Messages in a batch.
    pub max_messages: usize,
    /// Payload bytes in a batch; a larger message stands alone.
    pub max_bytes: usize,
    /// How long a batch that is not full waits for one more message.
    pub max_wait: Duration,
    /// Batches handled at once.
    pub max_in_flight: usize,
    /// Payload bytes in batches handled at once, about; one batch is always handled.
    pub max_in_flight_bytes: usize,
}

/// Takes messages out of the broker, in batches. Must be idempotent.
pub trait Sink: Send + Sync + 'static {
    /// What it takes.
    type Input: Message;
    /// How it fails.
    type Error: Failure;
    /// Its name: role, log field, metric label, dead-letter subject.
    const NAME: &'static str;
    /// Where its input comes from.
    const CONSUMER: ConsumerSpec;

    /// How batches are cut.
    fn limits(&self) -> BatchLimits;

    /// Handles a batch: one verdict a message, in the batch's order. Ok only when the effect is
    /// durable; what can't be decoded is a Reject. Two batches handled at once never hold messages of
    /// the same subject. Many may wait: they are as they were stored, and take no more memory than that.
    fn handle(
        &self,
        batch: Vec<Stored>,
    ) -> impl Future<Output = Vec<Result<(), Self::Error>>> + Send;
}
