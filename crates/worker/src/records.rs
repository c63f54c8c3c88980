//! Records in KV buckets: the last message of `$KV.<bucket>.<key>` (NATS ADR-8).

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::DirectGetErrorKind;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::latest::NotPublished;
use crate::topology::Bucket;
use crate::{Broker, BrokerError};

/// A record as it stands in a bucket.
#[derive(Debug, Clone)]
pub struct Record<T> {
    /// What it says.
    pub value: T,
    /// For compare-and-set.
    pub revision: u64,
}

fn subject(bucket: Bucket, key: &str) -> String {
    format!("$KV.{}.{key}", bucket.name())
}

fn is_deleted(message: &StreamMessage) -> bool {
    message.headers.get("KV-Operation").is_some()
        || message.headers.get("Nats-Marker-Reason").is_some()
}

impl Broker {
    /// The record of a key, where there is one.
    pub async fn record<T: DeserializeOwned>(
        &self,
        bucket: Bucket,
        key: &str,
    ) -> Result<Option<Record<T>>, BrokerError> {
        let stream = format!("KV_{}", bucket.name());
        let place = subject(bucket, key);
        let found = self.latest_raw(&stream, &place).await?;
        let Some(found) = found.filter(|found| !is_deleted(found)) else {
            return Ok(None);
        };
        let value =
            serde_json::from_slice(&found.payload).map_err(|source| BrokerError::Foreign {
                place,
                source: source.into(),
            })?;
        Ok(Some(Record {
            value,
            revision: found.sequence,
        }))
    }

    /// The records whose keys end so, in the order they were written; what can't be read is passed
    /// over.
    pub async fn records_ending<T: DeserializeOwned>(
        &self,
        bucket: Bucket,
        suffix: &str,
    ) -> Result<Vec<T>, BrokerError> {
        let name = format!("KV_{}", bucket.name());
        let stream = self
            .jetstream()
            .get_stream_no_info(&name)
            .await
            .map_err(|e| BrokerError::request("name a stream", e))?;
        let all = subject(bucket, ">");
        let (mut found, mut from) = (Vec::new(), 1);
        loop {
            let message = match stream
                .direct_get_next_for_subject(all.as_str(), Some(from))
                .await
            {
                Ok(message) => message,
                Err(e) if e.kind() == DirectGetErrorKind::NotFound => return Ok(found),
                Err(e) => return Err(BrokerError::request("read a record", e)),
            };
            from = message.sequence + 1;
            if message.subject.ends_with(suffix) && !is_deleted(&message) {
                found.extend(serde_json::from_slice::<T>(&message.payload));
            }
        }
    }

    /// The keys of records that `holds`, of all keys of a pattern (`*` is one part of a key); what
    /// can't be read is passed over.
    pub async fn keys_where<T: DeserializeOwned>(
        &self,
        bucket: Bucket,
        pattern: &str,
        holds: impl Fn(&T) -> bool,
    ) -> Result<Vec<String>, BrokerError> {
        let name = format!("KV_{}", bucket.name());
        let stream = self
            .jetstream()
            .get_stream_no_info(&name)
            .await
            .map_err(|e| BrokerError::request("name a stream", e))?;
        let (prefix, wanted) = (subject(bucket, ""), subject(bucket, pattern));
        let (mut found, mut from) = (Vec::new(), 1);
        loop {
            let message = match stream
                .direct_get_next_for_subject(wanted.as_str(), Some(from))
                .await
            {
                Ok(message) => message,
                Err(e) if e.kind() == DirectGetErrorKind::NotFound => return Ok(found),
                Err(e) => return Err(BrokerError::request("read a record", e)),
            };
            from = message.sequence + 1;
            let value = serde_json::from_slice::<T>(&message.payload);
            if !is_deleted(&message) && value.is_ok_and(|value| holds(&value)) {
                found.extend(message.subject.strip_prefix(&*prefix).map(str::to_owned));
            }
        }
    }

    /// Writes a record, whatever was there.
    pub async fn write_record<T: Serialize>(
        &self,
        bucket: Bucket,
        key: &str,
        value: &T,
    ) -> Result<(), BrokerError> {
        let bytes = to_json(value);
        match self.write_record_bytes(bucket, key, &bytes, None).await {
            Ok(_) => Ok(()),
            Err(NotPublished::Failed(error)) => Err(error),
            Err(NotPublished::Conflict) => unreachable!("nothing was expected"),
        }
    }

    /// Writes a record if the last one still has this revision (`None`: if there is none).
    /// Answers whether it was written.
    pub async fn swap_record<T: Serialize>(
        &self,
        bucket: Bucket,
        key: &str,
        value: &T,
        revision: Option<u64>,
    ) -> Result<bool, BrokerError> {
        let bytes = to_json(value);
        let expected = Some(revision.unwrap_or(0));
        match self.write_record_bytes(bucket, key, &bytes, expected).await {
            Ok(_) => Ok(true),
            Err(NotPublished::Conflict) => Ok(false),
            Err(NotPublished::Failed(error)) => Err(error),
        }
    }

    pub(crate) async fn write_record_bytes(
        &self,
        bucket: Bucket,
        key: &str,
        bytes: &[u8],
        expected: Option<u64>,
    ) -> Result<u64, NotPublished> {
        self.publish_once(&subject(bucket, key), bytes, HeaderMap::new(), expected)
            .await
    }
}

fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("records hold only what JSON can say")
}
