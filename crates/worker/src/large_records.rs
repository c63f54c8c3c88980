//! Records that are too large for one message: bytes in parts, and a record that says what they are.
//!
//! Two sets of parts take turns, so the one that a record speaks of is never written over, and no more
//! than two are ever kept. The record is written last, by compare-and-set: of two writers one wins.

use async_nats::HeaderMap;
use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::latest::NotPublished;
use crate::process::blocking;
use crate::read::Wanted;
use crate::records::{is_deleted, stream_name, subject};
use crate::topology::Bucket;
use crate::{Broker, BrokerError};

/// Bytes of a part: any server takes a message of this size.
const PART_BYTES: usize = 512 * 1024;

/// A large record, without its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LargeRecord<T> {
    /// What its writer says of it.
    pub value: T,
    num_bytes: usize,
    /// Of all bytes, in hexadecimal digits.
    sha256: String,
    /// The set of parts that holds them, 0 or 1.
    set: u8,
}

impl Broker {
    /// The large record of a key, where there is one.
    pub async fn large_record<T: DeserializeOwned>(
        &self,
        bucket: Bucket,
        key: &str,
    ) -> Result<Option<LargeRecord<T>>, BrokerError> {
        Ok(self.record(bucket, key).await?.map(|record| record.value))
    }

    /// The bytes of a large record. `None`: they are not what was written.
    pub async fn bytes_of<T>(
        &self,
        bucket: Bucket,
        key: &str,
        record: &LargeRecord<T>,
    ) -> Result<Option<Bytes>, BrokerError> {
        let stream = stream_name(bucket);
        let mut bytes = Vec::new();
        let mut number = 0;
        while bytes.len() < record.num_bytes {
            let place = part(bucket, key, record.set, number);
            let found = self.read(&stream, Wanted::Last(&place)).await?;
            match found.filter(|found| !is_deleted(found)) {
                Some(found) if !found.payload.is_empty() => bytes.extend(&found.payload),
                _ => return Ok(None),
            }
            number += 1;
        }
        let bytes = Bytes::from(bytes);
        let is_whole = digest(bytes.clone()).await == record.sha256;
        Ok(is_whole.then_some(bytes))
    }

    /// Writes a large record, whatever was there. Answers whether it was written: if not, somebody else
    /// wrote one meanwhile.
    pub async fn write_large_record<T: Serialize>(
        &self,
        bucket: Bucket,
        key: &str,
        value: T,
        bytes: Bytes,
    ) -> Result<bool, BrokerError> {
        let (stream, place) = (stream_name(bucket), subject(bucket, key));
        let last = self.read(&stream, Wanted::Last(&place)).await?;
        let revision = last.as_ref().map_or(0, |last| last.sequence);
        let last = last.and_then(|last| {
            let last = serde_json::from_slice::<LargeRecord<IgnoredAny>>(&last.payload);
            last.ok()
        });
        let record = LargeRecord {
            value,
            num_bytes: bytes.len(),
            sha256: digest(bytes.clone()).await,
            set: last.map_or(0, |last| 1 - last.set.min(1)),
        };
        for (number, part_bytes) in bytes.chunks(PART_BYTES).enumerate() {
            // Who was frozen here must not write over what another has written since.
            let now = self.read(&stream, Wanted::Last(&place)).await?;
            if now.map_or(0, |now| now.sequence) != revision {
                return Ok(false);
            }
            let part = part(bucket, key, record.set, number);
            match self
                .publish_once(&part, part_bytes, HeaderMap::new(), None)
                .await
            {
                Ok(_) => {}
                Err(NotPublished::Conflict) => return Ok(false),
                Err(NotPublished::Failed(error)) => return Err(error),
            }
        }
        self.swap_record(bucket, key, &record, Some(revision)).await
    }
}

fn part(bucket: Bucket, key: &str, set: u8, number: usize) -> String {
    subject(bucket, &format!("{key}.{set}.{number}"))
}

async fn digest(bytes: Bytes) -> String {
    blocking(move || format!("{:x}", Sha256::digest(&bytes))).await
}
