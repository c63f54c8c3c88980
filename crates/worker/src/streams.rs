//! What streams and consumers hold right now, for operators and for back-pressure.

use serde::Serialize;
use time::OffsetDateTime;

use crate::read::Wanted;
use crate::topology::{Bucket, CONSUMERS, ConsumerSpec, STREAMS, StreamSpec};
use crate::{Broker, BrokerError};

/// A stream's state.
#[derive(Debug, Clone, Serialize)]
pub struct StreamState {
    /// Its name.
    pub name: &'static str,
    /// Messages in it.
    pub num_messages: u64,
    /// Bytes in it.
    pub num_bytes: u64,
    /// Its limit, where it has one.
    pub max_bytes: Option<u64>,
    /// When its oldest message was stored.
    #[serde(with = "time::serde::rfc3339::option")]
    pub oldest_at: Option<OffsetDateTime>,
    /// When it was created: by this it is told from an earlier one of its name.
    #[serde(skip)]
    pub created_at: OffsetDateTime,
    /// The last sequence that it gave.
    #[serde(skip)]
    pub last_sequence: u64,
}

/// A consumer's state.
#[derive(Debug, Clone, Serialize)]
pub struct ConsumerState {
    /// Its stream.
    pub stream: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Messages that nobody has pulled yet.
    pub num_pending: u64,
    /// Messages that somebody holds.
    pub num_held: u64,
    /// Messages that were delivered more than once and are not settled.
    pub num_redelivered: u64,
    /// Pulls that wait for messages: 0 means that no process serves it.
    pub num_waiting: u64,
}

impl Broker {
    /// The state of a stream; `None` while it is absent.
    pub async fn stream_state(&self, spec: StreamSpec) -> Result<Option<StreamState>, BrokerError> {
        let Some(stream) = self.find_stream(spec).await? else {
            return Ok(None);
        };
        let info = stream.cached_info();
        Ok(Some(StreamState {
            name: spec.name,
            num_messages: info.state.messages,
            num_bytes: info.state.bytes,
            max_bytes: u64::try_from(info.config.max_bytes).ok(),
            oldest_at: (info.state.messages > 0).then_some(info.state.first_timestamp),
            created_at: info.created,
            last_sequence: info.state.last_sequence,
        }))
    }

    /// How many bytes NATS may store for us, where the account has a limit.
    pub async fn store_limit(&self) -> Result<Option<u64>, BrokerError> {
        let account = self
            .jetstream()
            .query_account()
            .await
            .map_err(|e| BrokerError::request("describe the account", e))?;
        let limit = account
            .limits
            .max_storage
            .and_then(|limit| u64::try_from(limit).ok());
        Ok(limit.filter(|&limit| limit > 0))
    }

    /// Whether NATS refuses all that is to be stored, for want of room. It says so only to who
    /// publishes: a small record is written again and again.
    pub async fn is_store_full(&self) -> bool {
        let written = self.write_record(Bucket::Jobs, "room", &()).await;
        matches!(written, Err(BrokerError::StoreFull { .. }))
    }

    /// The server's version.
    pub fn server_version(&self) -> String {
        self.client().server_info().version
    }

    /// The states of all streams that exist.
    pub async fn stream_states(&self) -> Result<Vec<StreamState>, BrokerError> {
        let mut states = Vec::new();
        for spec in STREAMS {
            states.extend(self.stream_state(spec).await?);
        }
        Ok(states)
    }

    /// The state of a consumer; `None` while it is absent. What is stored counts as pending at once.
    pub async fn consumer_state(
        &self,
        spec: ConsumerSpec,
    ) -> Result<Option<ConsumerState>, BrokerError> {
        let Some(consumer) = self.find_consumer(spec).await? else {
            return Ok(None);
        };
        let info = consumer.cached_info();
        let mut num_pending = info.num_pending;
        if num_pending == 0 {
            // The server tells its consumers of a message some time after it has acked it.
            let next = Wanted::Next(spec.filter, info.delivered.stream_sequence + 1);
            let found = Box::pin(self.read(spec.stream.name, next)).await?;
            num_pending = u64::from(found.is_some());
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Ok(Some(ConsumerState {
            stream: spec.stream.name,
            name: spec.name,
            num_pending,
            num_held: count(info.num_ack_pending),
            num_redelivered: count(info.num_redelivered),
            num_waiting: count(info.num_waiting),
        }))
    }

    /// The states of all consumers that exist.
    pub async fn consumer_states(&self) -> Result<Vec<ConsumerState>, BrokerError> {
        let mut states = Vec::new();
        for spec in CONSUMERS {
            states.extend(self.consumer_state(spec).await?);
        }
        Ok(states)
    }
}
