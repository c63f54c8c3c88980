//! Reading the last message of a subject, and publishing with what NATS offers against losing one.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use messages::Message;
use time::OffsetDateTime;

use crate::broker::error_code;
use crate::read::Wanted;
use crate::topology::StreamSpec;
use crate::{Broker, BrokerError};

/// The last message of a subject.
#[derive(Debug, Clone)]
pub struct Latest<M> {
    /// The message.
    pub message: M,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was stored.
    pub published_at: OffsetDateTime,
}

/// How long a message that is on its way takes to be there, roughly.
const IN_FLIGHT_PAUSE: Duration = Duration::from_millis(20);

/// Error numbers of the server.
mod code {
    /// Insufficient resources of the server or the account.
    pub(super) const NO_RESOURCES: [u64; 3] = [10_002, 10_023, 10_047];
    /// `maximum bytes exceeded`, and others that can't be told from it (a duplicate subject).
    pub(super) const STORE_FAILED: u64 = 10_077;
    /// Of a cluster: a message of the same subject is not yet stored by a majority.
    pub(super) const IN_FLIGHT: u64 = 10_164;
    /// The message is larger than the stream allows.
    pub(super) const TOO_LARGE: u64 = 10_054;
}

/// A publish that was not acknowledged.
#[derive(Debug)]
pub(crate) enum NotPublished {
    /// Something came between.
    Conflict,
    /// Any other reason.
    Failed(BrokerError),
}

impl Broker {
    /// The last message of a subject, where there is one.
    pub async fn latest<M: Message>(
        &self,
        stream: StreamSpec,
        subject: &str,
    ) -> Result<Option<Latest<M>>, BrokerError> {
        let Some(found) = self.read(stream.name, Wanted::Last(subject)).await? else {
            return Ok(None);
        };
        let message =
            M::decode(subject, &found.payload).map_err(|source| BrokerError::Foreign {
                place: subject.to_owned(),
                source: source.into(),
            })?;
        Ok(Some(Latest {
            message,
            sequence: found.sequence,
            published_at: found.time,
        }))
    }

    /// The sequence of the subject's last message, where there is one.
    pub async fn latest_sequence(
        &self,
        stream: StreamSpec,
        subject: &str,
    ) -> Result<Option<u64>, BrokerError> {
        let found = self.read(stream.name, Wanted::Last(subject)).await?;
        Ok(found.map(|found| found.sequence))
    }

    /// Whether a subject has a message after a sequence. Where it has none, no payload travels.
    pub async fn has_newer(
        &self,
        stream: StreamSpec,
        subject: &str,
        than: u64,
    ) -> Result<bool, BrokerError> {
        let found = self.read(stream.name, Wanted::Next(subject, than + 1));
        Ok(found.await?.is_some())
    }

    /// The sequence of the message that was stored last, of whatever subject: its leader says so.
    pub async fn last_sequence(&self, stream: StreamSpec) -> Result<u64, BrokerError> {
        let info = self.stream(stream.name).await?.get_info().await;
        let info = info.map_err(|e| BrokerError::request("say what a stream holds", e))?;
        Ok(info.state.last_sequence)
    }

    /// The first message of a subject that `holds`, among its first `limit`; what can't be decoded
    /// is passed over.
    pub async fn find<M: Message>(
        &self,
        stream: StreamSpec,
        subject: &str,
        limit: usize,
        holds: impl Fn(&M) -> bool,
    ) -> Result<Option<Latest<M>>, BrokerError> {
        let mut walk = self.walk(stream.name, subject);
        for _ in 0..limit {
            let Some(found) = walk.next().await? else {
                break;
            };
            if let Ok(message) = M::decode(subject, &found.payload)
                && holds(&message)
            {
                return Ok(Some(Latest {
                    message,
                    sequence: found.sequence,
                    published_at: found.time,
                }));
            }
        }
        Ok(None)
    }

    /// Shows every message of a stream's subjects to `look`, oldest first, `limit` at most; what can't
    /// be decoded is passed over. Answers whether that was all.
    pub async fn each<M: Message>(
        &self,
        stream: StreamSpec,
        subjects: &str,
        limit: usize,
        mut look: impl FnMut(M),
    ) -> Result<bool, BrokerError> {
        let mut walk = self.walk(stream.name, subjects);
        for _ in 0..limit {
            let Some(found) = walk.next().await? else {
                return Ok(true);
            };
            if let Ok(message) = M::decode(&found.subject, &found.payload) {
                look(message);
            }
        }
        Ok(walk.next().await?.is_none())
    }

    /// Whether a stream still holds the message of this sequence.
    pub async fn has_message(
        &self,
        stream: StreamSpec,
        sequence: u64,
    ) -> Result<bool, BrokerError> {
        let found = self.read(stream.name, Wanted::At(sequence)).await?;
        Ok(found.is_some())
    }

    /// When the schedule that stands on a subject falls due, if one stands there and says so.
    pub async fn due_at(
        &self,
        stream: StreamSpec,
        subject: &str,
    ) -> Result<Option<OffsetDateTime>, BrokerError> {
        let found = self.read(stream.name, Wanted::Last(subject)).await?;
        Ok(found.and_then(|found| {
            let schedule = found.headers.get("Nats-Schedule")?.as_str();
            let at = schedule.strip_prefix("@at ")?;
            OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).ok()
        }))
    }

    pub(crate) async fn stream(&self, name: &str) -> Result<Stream<()>, BrokerError> {
        self.jetstream()
            .get_stream_no_info(name)
            .await
            .map_err(|e| BrokerError::request("name a stream", e))
    }

    /// Publishes once and awaits the PubAck. `expected`: the subject's last sequence, 0 for none.
    pub(crate) async fn publish_once(
        &self,
        subject: &str,
        payload: &[u8],
        headers: HeaderMap,
        expected: Option<u64>,
    ) -> Result<u64, NotPublished> {
        let failed = |error| Err(NotPublished::Failed(error));
        let mut message = PublishMessage::build()
            .payload(payload.to_vec().into())
            .headers(headers);
        if let Some(expected) = expected {
            message = message.expected_last_subject_sequence(expected);
        }
        let sent = self
            .jetstream()
            .send_publish(subject.to_owned(), message)
            .await;
        let error = match sent {
            Ok(ack) => match ack.await {
                Ok(ack) => return Ok(ack.sequence),
                Err(error) => error,
            },
            Err(error) => error,
        };
        let too_large = || BrokerError::TooLarge {
            subject: subject.to_owned(),
            num_bytes: payload.len(),
        };
        let full = || BrokerError::Full {
            subject: subject.to_owned(),
        };
        match error.kind() {
            PublishErrorKind::WrongLastSequence => Err(NotPublished::Conflict),
            PublishErrorKind::MaxPayloadExceeded => failed(too_large()),
            _ => match error_code(std::error::Error::source(&error)) {
                Some(code::IN_FLIGHT) => {
                    tokio::time::sleep(IN_FLIGHT_PAUSE).await;
                    Err(NotPublished::Conflict)
                }
                Some(code::TOO_LARGE) => failed(too_large()),
                Some(code::STORE_FAILED) => failed(full()),
                Some(number) if code::NO_RESOURCES.contains(&number) => {
                    failed(BrokerError::StoreFull {
                        subject: subject.to_owned(),
                    })
                }
                _ => failed(BrokerError::request("take a message", error)),
            },
        }
    }

    /// Publishes a user's submission: the answer is the receipt, its sequence in SUBMIT.
    pub async fn submit(&self, payload: &[u8]) -> Result<u64, BrokerError> {
        self.publish_plain(messages::Submission::SUBJECT, payload)
            .await
    }

    /// Publishes a message to its own subject, replacing what is there; the answer is its sequence.
    ///
    /// For tools that stand in for a stage: a stage itself fills an [`Outbox`](crate::Outbox).
    pub async fn publish(&self, message: &impl Message) -> Result<u64, BrokerError> {
        self.publish_plain(&message.subject(), &message.encode())
            .await
    }

    async fn publish_plain(&self, subject: &str, payload: &[u8]) -> Result<u64, BrokerError> {
        match self
            .publish_once(subject, payload, HeaderMap::new(), None)
            .await
        {
            Ok(sequence) => Ok(sequence),
            Err(NotPublished::Failed(error)) => Err(error),
            Err(NotPublished::Conflict) => Err(BrokerError::Full {
                subject: subject.to_owned(),
            }),
        }
    }
}
