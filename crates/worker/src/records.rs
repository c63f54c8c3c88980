//! Records in KV buckets: the last message of `$KV.<bucket>.<key>` (NATS ADR-8).

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::latest::NotPublished;
use crate::outbox::{Claim, RecordMergeFn};
use crate::read::Wanted;
use crate::topology::Bucket;
use crate::{Broker, BrokerError};

/// A record as it stands in a bucket.
#[derive(Debug, Clone)]
pub struct Record<T> {
    /// What it says.
    pub value: T,
    /// For compare-and-set.
    pub revision: u64,
    /// When the broker stored it.
    pub written_at: OffsetDateTime,
}

pub(crate) fn stream_name(bucket: Bucket) -> String {
    format!("KV_{}", bucket.name())
}

pub(crate) fn subject(bucket: Bucket, key: &str) -> String {
    format!("$KV.{}.{key}", bucket.name())
}

pub(crate) fn is_deleted(message: &StreamMessage) -> bool {
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
        let place = subject(bucket, key);
        let found = self
            .read(&stream_name(bucket), Wanted::Last(&place))
            .await?;
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
            written_at: found.time,
        }))
    }

    /// The records whose keys end so, in the order they were written; what can't be read is passed
    /// over.
    pub async fn records_ending<T: DeserializeOwned>(
        &self,
        bucket: Bucket,
        suffix: &str,
    ) -> Result<Vec<T>, BrokerError> {
        let mut found = Vec::new();
        self.each_record(bucket, ">", |key, value| {
            if key.ends_with(suffix) {
                found.push(value);
            }
        })
        .await?;
        Ok(found)
    }

    /// The keys of records that `holds`, of all keys of a pattern (`*` is one part of a key); what
    /// can't be read is passed over.
    pub async fn keys_where<T: DeserializeOwned>(
        &self,
        bucket: Bucket,
        pattern: &str,
        holds: impl Fn(&T) -> bool,
    ) -> Result<Vec<String>, BrokerError> {
        let mut found = Vec::new();
        self.each_record(bucket, pattern, |key, value| {
            if holds(&value) {
                found.push(key.to_owned());
            }
        })
        .await?;
        Ok(found)
    }

    /// Shows every record of a pattern of keys to `look`, in the order they were written.
    pub(crate) async fn each_record<T: DeserializeOwned>(
        &self,
        bucket: Bucket,
        pattern: &str,
        mut look: impl FnMut(&str, T),
    ) -> Result<(), BrokerError> {
        let prefix = subject(bucket, "");
        let mut walk = self.walk(&stream_name(bucket), &subject(bucket, pattern));
        while let Some(message) = walk.next().await? {
            if let Some(key) = message.subject.strip_prefix(&*prefix)
                && !is_deleted(&message)
                && let Ok(value) = serde_json::from_slice(&message.payload)
            {
                look(key, value);
            }
        }
        Ok(())
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

    /// Writes a record if the last one still has its revision; one that was deleted counts as none.
    /// Answers whether it was written.
    pub(crate) async fn claim_record(&self, claim: &Claim) -> Result<bool, BrokerError> {
        let (bucket, key) = (claim.bucket, &claim.key);
        let mut revision = claim.revision;
        loop {
            let write = self.write_record_bytes(bucket, key, &claim.bytes, Some(revision));
            match write.await {
                Ok(_) => return Ok(true),
                Err(NotPublished::Failed(error)) => return Err(error),
                Err(NotPublished::Conflict) if claim.revision > 0 => return Ok(false),
                Err(NotPublished::Conflict) => {}
            }
            let place = subject(bucket, key);
            let last = self
                .read(&stream_name(bucket), Wanted::Last(&place))
                .await?;
            match last.filter(is_deleted) {
                Some(deleted) if deleted.sequence != revision => revision = deleted.sequence,
                _ => return Ok(false),
            }
        }
    }

    /// Writes a record as it should stand beside the one that stands there, whoever wrote that and when.
    pub(crate) async fn merge_record(
        &self,
        bucket: Bucket,
        key: &str,
        ours: &[u8],
        merge: &RecordMergeFn,
    ) -> Result<(), BrokerError> {
        let (stream, place) = (stream_name(bucket), subject(bucket, key));
        loop {
            let last = self.read(&stream, Wanted::Last(&place)).await?;
            let revision = last.as_ref().map_or(0, |last| last.sequence);
            let standing = last.filter(|last| !is_deleted(last));
            let merged = standing.map_or_else(
                || Some(ours.to_vec()),
                |standing| merge(ours, &standing.payload),
            );
            let Some(merged) = merged else { return Ok(()) };
            let write = self.write_record_bytes(bucket, key, &merged, Some(revision));
            match write.await {
                Ok(_) => return Ok(()),
                Err(NotPublished::Conflict) => {}
                Err(NotPublished::Failed(error)) => return Err(error),
            }
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
