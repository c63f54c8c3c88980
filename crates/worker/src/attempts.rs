//! How often a message was tried: a counter in the bucket `attempts`, for a day.
//!
//! The broker's own `delivered` is no such counter: a crash raises it for all that was pulled.

use crate::topology::Bucket;
use crate::{Broker, BrokerError};

fn key(stream: &str, sequence: u64) -> String {
    format!("{stream}.{sequence}")
}

impl Broker {
    pub(crate) async fn attempts(&self, stream: &str, sequence: u64) -> Result<u32, BrokerError> {
        let record = self
            .record(Bucket::Attempts, &key(stream, sequence))
            .await?;
        Ok(record.map_or(0, |record| record.value))
    }

    /// Counts one more and answers how many that makes.
    pub(crate) async fn raise_attempts(
        &self,
        stream: &str,
        sequence: u64,
    ) -> Result<u32, BrokerError> {
        self.change_attempts(stream, sequence, |attempts| attempts + 1)
            .await
    }

    /// Takes one back: what was counted ahead of its handling was no attempt.
    pub(crate) async fn lower_attempts(
        &self,
        stream: &str,
        sequence: u64,
    ) -> Result<u32, BrokerError> {
        self.change_attempts(stream, sequence, |attempts| attempts.saturating_sub(1))
            .await
    }

    async fn change_attempts(
        &self,
        stream: &str,
        sequence: u64,
        change: impl Fn(u32) -> u32,
    ) -> Result<u32, BrokerError> {
        let key = key(stream, sequence);
        loop {
            let record = self.record::<u32>(Bucket::Attempts, &key).await?;
            let next = change(record.as_ref().map_or(0, |record| record.value));
            let revision = record.map(|record| record.revision);
            if self
                .swap_record(Bucket::Attempts, &key, &next, revision)
                .await?
            {
                return Ok(next);
            }
        }
    }
}
