//! Reading one message of a stream, whichever is wanted.
//!
//! A follower may be behind, and one that is cut off from the others answers all the same: in a cluster
//! the leader is asked (`STREAM.MSG.GET`), which costs more; else any server is (direct get, NATS ADR-31).

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DirectGetErrorKind, LastRawMessageErrorKind};

use crate::{Broker, BrokerError};

/// Which message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// The last of a subject.
    Last(&'a str),
    /// The first of these subjects that is not before a sequence.
    Next(&'a str, u64),
    /// The one of a sequence.
    At(u64),
}

impl Broker {
    pub(crate) async fn read(
        &self,
        stream: &str,
        wanted: Wanted<'_>,
    ) -> Result<Option<StreamMessage>, BrokerError> {
        if self.config().replicas > 1 {
            self.read_from_leader(stream, wanted).await
        } else {
            self.read_from_any(stream, wanted).await
        }
    }

    async fn read_from_leader(
        &self,
        stream: &str,
        wanted: Wanted<'_>,
    ) -> Result<Option<StreamMessage>, BrokerError> {
        let stream = self.stream(stream).await?;
        let request = stream.raw_message_builder();
        let request = match wanted {
            Wanted::Last(subject) => request.last_by_subject(subject),
            Wanted::Next(subjects, from) => request.sequence(from).next_by_subject(subjects),
            Wanted::At(sequence) => request.sequence(sequence),
        };
        match request.send().await {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(e) => Err(BrokerError::request("read a message", e)),
        }
    }

    async fn read_from_any(
        &self,
        stream: &str,
        wanted: Wanted<'_>,
    ) -> Result<Option<StreamMessage>, BrokerError> {
        let stream = self.stream(stream).await?;
        let found = match wanted {
            Wanted::Last(subject) => stream.direct_get_last_for_subject(subject).await,
            Wanted::Next(subjects, from) => {
                let next = stream.direct_get_next_for_subject(subjects, Some(from));
                next.await
            }
            Wanted::At(sequence) => stream.direct_get(sequence).await,
        };
        match found {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(e) => Err(BrokerError::request("read a message", e)),
        }
    }
}
