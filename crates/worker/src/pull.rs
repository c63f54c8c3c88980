//! Pulling: requests of exactly as many messages as there is room for, so that none ages in a buffer.
//!
//! Speaks the pull protocol of JetStream itself (NATS ADR-13, ADR-42 for pinned clients): the
//! client's own stream prefetches, and gives up its pin whenever it is dropped.

use std::time::{Duration, Instant};

use async_nats::{Message as NatsMessage, Subscriber};
use futures_util::StreamExt;
use serde::Serialize;
use tokio::sync::watch;

use crate::settle::Held;
use crate::topology::{ConsumerSpec, PULL_EXPIRES};
use crate::{Broker, BrokerError};

/// How much later than promised the end of a pull may come before it is taken for lost.
const SLACK: Duration = Duration::from_secs(2);

/// How long to wait before looking for a consumer again.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Request<'a> {
    batch: usize,
    /// Nanoseconds.
    expires: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

/// Pulls for one stage.
pub(crate) struct Puller {
    broker: Broker,
    stage: &'static str,
    spec: ConsumerSpec,
    expires: Duration,
    /// What the server calls us while we are the pinned client.
    pin: Option<String>,
    is_consumer_missing: bool,
}

/// One pull that is under way.
pub(crate) struct Pull {
    subscriber: Subscriber,
    connections: watch::Receiver<u64>,
    num_left: usize,
    deadline: Instant,
}

impl Puller {
    pub(crate) fn new(broker: Broker, stage: &'static str, spec: ConsumerSpec) -> Self {
        Self {
            broker,
            stage,
            spec,
            expires: PULL_EXPIRES,
            pin: None,
            is_consumer_missing: false,
        }
    }

    /// Lets pulls end sooner.
    pub(crate) fn with_expires(mut self, expires: Duration) -> Self {
        self.expires = expires;
        self
    }

    /// Asks for messages. After a failure the next call comes later and creates the consumer again
    /// where it was deleted.
    pub(crate) async fn request(&mut self, batch: usize) -> Result<Pull, BrokerError> {
        if self.is_consumer_missing {
            tokio::time::sleep(PAUSE).await;
            self.broker.create(&[self.spec]).await?;
            self.is_consumer_missing = false;
        }
        let connections = self.broker.connections();
        let client = self.broker.client();
        let inbox = client.new_inbox();
        let failed = |e: async_nats::Error| BrokerError::request("take a pull request", e);
        let subscriber = client
            .subscribe(inbox.clone())
            .await
            .map_err(|e| failed(e.into()))?;
        let request = Request {
            batch,
            expires: u64::try_from(self.expires.as_nanos()).unwrap_or(u64::MAX),
            group: self.spec.pinned.then_some(self.spec.name),
            id: self.pin.as_deref(),
        };
        let payload = serde_json::to_vec(&request).map_err(|e| failed(e.into()))?;
        let subject = format!(
            "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
            self.spec.stream.name, self.spec.name
        );
        client
            .publish_with_reply(subject, inbox, payload.into())
            .await
            .map_err(|e| failed(e.into()))?;
        Ok(Pull {
            subscriber,
            connections,
            num_left: batch,
            deadline: Instant::now() + self.expires + SLACK,
        })
    }

    /// The pull's next message; `None` when it has ended. Safe to drop and call again.
    pub(crate) async fn next(&mut self, pull: &mut Pull) -> Option<Held> {
        while pull.num_left > 0 {
            let message = tokio::select! {
                biased;
                message = pull.subscriber.next() => message?,
                // The new connection's server knows nothing of this pull.
                _ = pull.connections.changed() => return None,
                () = tokio::time::sleep_until(pull.deadline.into()) => return None,
            };
            match message.status.map(|status| status.as_u16()) {
                None | Some(200) => {
                    pull.num_left -= 1;
                    self.note_pin(&message);
                    if let Some(held) = Held::take(&self.broker, self.stage, self.spec, message) {
                        return Some(held);
                    }
                }
                Some(100) => {}
                Some(status) => {
                    self.note_end(status, message.description.as_deref().unwrap_or_default());
                    return None;
                }
            }
        }
        None
    }

    fn note_pin(&mut self, message: &NatsMessage) {
        let pin = message.headers.as_ref().and_then(|h| h.get("Nats-Pin-Id"));
        if let Some(pin) = pin
            && self.pin.as_deref() != Some(pin.as_str())
        {
            tracing::info!(
                "{} is now the pinned client of {}",
                self.stage,
                self.spec.title()
            );
            self.pin = Some(pin.as_str().to_owned());
        }
    }

    fn note_end(&mut self, status: u16, description: &str) {
        match status {
            // The pull has expired, or there was nothing.
            404 | 408 => {}
            // Another client is pinned.
            423 => self.pin = None,
            409 if !description.contains("Consumer Deleted") => {
                tracing::debug!("a pull of {} ended: {description}", self.spec.title());
            }
            _ => {
                tracing::warn!(
                    "{} does not answer: {status} {description}",
                    self.spec.title()
                );
                self.is_consumer_missing = true;
            }
        }
    }
}
