//! What a takedown needs of the broker: whether a block holds, what a stream holds message by
//! message, and messages erased for good.
//!
//! Erases by sequence and never by purge: a purge that reaches nothing empties the whole stream on
//! some servers (2.14.0). What is deleted by sequence is overwritten in the store as well.

use async_nats::HeaderMap;
use futures_util::future::try_join;
use futures_util::stream::{Stream, try_unfold};
use messages::{BlockRecord, CanonicalUrl, Message, UrlId};
use serde::de::DeserializeOwned;

use crate::latest::NotPublished;
use crate::topology::{Bucket, StreamSpec};
use crate::walk::Walk;
use crate::{Broker, BrokerError, Latest};

impl Broker {
    /// The block that holds for a URL, of its own or of its host, if one does.
    pub async fn block_of(&self, url: &CanonicalUrl) -> Result<Option<BlockRecord>, BrokerError> {
        let of_url = BlockRecord::key_of_url(&UrlId::of(url));
        let of_host = BlockRecord::key_of_host(&url.host());
        let (of_url, of_host) = try_join(
            self.record::<BlockRecord>(Bucket::Urls, &of_url),
            self.record::<BlockRecord>(Bucket::Hosts, &of_host),
        )
        .await?;
        let records = of_host.into_iter().chain(of_url);
        let mut blocks = records.map(|record| record.value);
        Ok(blocks.find(|block| block.is_blocked))
    }

    /// Erases what a stream holds of some subjects, `*` allowed; answers how many messages. What
    /// comes meanwhile is erased too.
    pub async fn erase(&self, stream: StreamSpec, subjects: &str) -> Result<u64, BrokerError> {
        let mut walk = self.walk(stream.name, subjects);
        let mut num_erased = 0;
        while let Some(found) = walk.next().await? {
            num_erased += u64::from(self.delete(stream, found.sequence).await?);
        }
        Ok(num_erased)
    }

    /// Answers whether the message was there: it may have been replaced, or settled, since it was seen.
    pub(crate) async fn delete(
        &self,
        stream: StreamSpec,
        sequence: u64,
    ) -> Result<bool, BrokerError> {
        let handle = self.stream(stream.name).await?;
        match handle.delete_message(sequence).await {
            Ok(deleted) => Ok(deleted),
            Err(_) if !self.has_message(stream, sequence).await? => Ok(false),
            Err(e) => Err(BrokerError::request("delete a message", e)),
        }
    }

    /// Publishes to the message's own subject if what stands there still has this sequence (`None`:
    /// if nothing does). Answers whether it was published.
    pub async fn publish_after(
        &self,
        message: &impl Message,
        last: Option<u64>,
    ) -> Result<bool, BrokerError> {
        let (subject, payload) = (message.subject(), message.encode());
        let expected = Some(last.unwrap_or(0));
        match self
            .publish_once(&subject, &payload, HeaderMap::new(), expected)
            .await
        {
            Ok(_) => Ok(true),
            Err(NotPublished::Conflict) => Ok(false),
            Err(NotPublished::Failed(error)) => Err(error),
        }
    }

    /// The messages of a stream's subjects, oldest first, one in memory at a time; what can't be
    /// decoded is passed over.
    pub fn each_message<M: Message>(
        &self,
        stream: StreamSpec,
        subjects: &'static str,
    ) -> impl Stream<Item = Result<Latest<M>, BrokerError>> + Send {
        self.walked(stream.name.to_owned(), subjects.to_owned(), |found| {
            let message = M::decode(&found.subject, &found.payload).ok()?;
            Some(Latest {
                message,
                sequence: found.sequence,
                published_at: found.time,
            })
        })
    }

    /// The records of a pattern of keys (`*` is one part of a key), one in memory at a time; what
    /// can't be read is passed over.
    pub fn each_record_of<T: DeserializeOwned + Send>(
        &self,
        bucket: Bucket,
        pattern: &'static str,
    ) -> impl Stream<Item = Result<T, BrokerError>> + Send {
        let (stream, subjects) = (
            format!("KV_{}", bucket.name()),
            format!("$KV.{}.{pattern}", bucket.name()),
        );
        // The marker of a key that was deleted is empty, and so no record.
        self.walked(stream, subjects, |found| {
            serde_json::from_slice(&found.payload).ok()
        })
    }

    fn walked<T: Send>(
        &self,
        stream: String,
        subjects: String,
        read: impl Fn(async_nats::jetstream::message::StreamMessage) -> Option<T> + Send + Copy,
    ) -> impl Stream<Item = Result<T, BrokerError>> + Send {
        try_unfold(None, move |walk: Option<Walk>| {
            let (stream, subjects) = (stream.clone(), subjects.clone());
            async move {
                let mut walk = match walk {
                    Some(walk) => walk,
                    None => self.walk(&stream, &subjects),
                };
                while let Some(found) = walk.next().await? {
                    if let Some(read) = read(found) {
                        return Ok(Some((read, Some(walk))));
                    }
                }
                Ok(None)
            }
        })
    }
}
