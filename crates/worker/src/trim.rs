//! Makes room in a stream that keeps the latest of everything: the oldest messages leave, but none
//! that its consumer has not yet settled.

use std::time::Duration;

use crate::topology::ConsumerSpec;
use crate::{Broker, BrokerError, Failure, Process, WorkerError};

/// How often the stream's size is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Hundredths of `max_bytes`: trimming begins above the first and ends below the second.
const HIGH: u64 = 90;
const LOW: u64 = 85;

impl Process {
    /// Keeps the stream of a consumer, its only one, below nine tenths of its limit until the
    /// process ends. Several processes may do so at once.
    pub async fn keep_trimmed(&self, spec: ConsumerSpec) -> Result<(), WorkerError> {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = self.shutdown().cancelled() => return self.result(),
                _ = ticks.tick() => {}
            }
            match self.broker().trim(spec).await {
                Ok(0) => {}
                Ok(trimmed) => {
                    self.count(spec.name, "trimmed", trimmed);
                    tracing::info!(
                        stream = spec.stream.name,
                        "trimmed {trimmed} messages of {}: raise its limit to keep more",
                        spec.stream.name
                    );
                }
                Err(error) => {
                    tracing::warn!(code = %error.code(), "can't trim: {}", crate::chain(&error));
                }
            }
        }
    }
}

impl Broker {
    /// Removes the oldest messages of a stream that is nearly full, as far as its consumer has
    /// settled them. Answers how many.
    pub async fn trim(&self, spec: ConsumerSpec) -> Result<u64, BrokerError> {
        let (Some(stream), Some(consumer)) = (
            self.find_stream(spec.stream).await?,
            self.find_consumer(spec).await?,
        ) else {
            return Ok(0);
        };
        let state = &stream.cached_info().state;
        // Its limit as it is now: an operator may alter it while we run.
        let Ok(max_bytes) = u64::try_from(stream.cached_info().config.max_bytes) else {
            return Ok(0);
        };
        let Some(num) = to_trim(state.bytes, state.messages, max_bytes) else {
            return Ok(0);
        };
        // Sequences have gaps where messages were replaced: this removes `num` messages at most.
        let settled = consumer.cached_info().ack_floor.stream_sequence;
        let keep_from = (state.first_sequence + num).min(settled + 1);
        // A purge up to the first sequence is taken for a purge of everything by some servers (2.14.0).
        if keep_from <= state.first_sequence.max(1) {
            return Ok(0);
        }
        let purged = stream
            .purge()
            .sequence(keep_from)
            .await
            .map_err(|e| BrokerError::request("trim a stream", e))?;
        Ok(purged.purged)
    }
}

/// How many messages of mean size must leave; `None` while there is room.
fn to_trim(bytes: u64, messages: u64, max_bytes: u64) -> Option<u64> {
    if bytes <= max_bytes / 100 * HIGH {
        return None;
    }
    let surplus = bytes - max_bytes / 100 * LOW;
    Some((surplus * messages).div_ceil(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_while_there_is_room() {
        assert_eq!(to_trim(90, 10, 100), None);
        assert_eq!(to_trim(0, 0, 100), None);
    }

    #[test]
    fn what_leaves_makes_room_enough() {
        assert_eq!(to_trim(100, 1_000, 100), Some(150));
        assert_eq!(to_trim(95, 10, 100), Some(2));
    }
}
