//! A message that we hold, and the ways to let go of it: ack, nak, dead letter and term.

mod failed;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_nats::{Client, Subject};
use bytes::Bytes;
use messages::{DeadLetter, DeadLetterHeaders, DecodeError, Message, REPLAYS_HEADER};
use time::OffsetDateTime;

use crate::outbox::Origin;
use crate::publish::{Context, Halt, persist};
use crate::topology::ConsumerSpec;
use crate::{Broker, Delivery, Stop, Stored, Verdict, metrics};

pub(crate) use failed::{Failed, Filing};

/// How often a confirmed ack is asked for; after that the message comes again.
const ACK_TRIES: usize = 3;

/// How a message ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is durable.
    Ack,
    /// It will be tried again.
    Retry,
    /// It is a dead letter with this code.
    Dead(String),
    /// It was given back untouched: a dependency is away (its code), or the process ends.
    GivenBack(String),
}

impl Outcome {
    fn label(&self) -> (&'static str, &str) {
        match self {
            Self::Ack => ("ack", ""),
            Self::Retry => ("retry", ""),
            Self::Dead(code) => ("dead", code),
            Self::GivenBack(code) => ("wait", code),
        }
    }
}

/// A pulled message that is not yet settled.
pub(crate) struct Held {
    client: Client,
    reply: Subject,
    pub(crate) stage: &'static str,
    pub(crate) stream: &'static str,
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    pub(crate) delivered: u64,
    pub(crate) payload: Bytes,
    replays: u64,
    published_at: OffsetDateTime,
    pub(crate) pulled_at: Instant,
    /// The number of this attempt if it was counted ahead; else 0.
    counted: AtomicU32,
    broker: Broker,
}

impl Held {
    /// `None`: not a message of a stream.
    pub(crate) fn take(
        broker: &Broker,
        stage: &'static str,
        spec: ConsumerSpec,
        message: async_nats::Message,
    ) -> Option<Self> {
        let reply = message.reply.clone()?;
        let replays = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(REPLAYS_HEADER))
            .and_then(|value| value.as_str().parse().ok())
            .unwrap_or(0);
        let message = async_nats::jetstream::Message {
            message,
            context: broker.jetstream().clone(),
        };
        let info = message.info().ok()?;
        Some(Self {
            client: broker.client().clone(),
            stage,
            stream: spec.stream.name,
            sequence: info.stream_sequence,
            delivered: u64::try_from(info.delivered).unwrap_or(1),
            published_at: info.published,
            subject: message.subject.to_string(),
            payload: message.payload.clone(),
            replays,
            reply,
            pulled_at: Instant::now(),
            counted: AtomicU32::new(0),
            broker: broker.clone(),
        })
    }

    pub(crate) fn decode<M: Message>(&self) -> Result<Delivery<M>, DecodeError> {
        Ok(Delivery {
            message: M::decode(&self.subject, &self.payload)?,
            subject: self.subject.clone(),
            sequence: self.sequence,
            published_at: self.published_at,
            delivered: self.delivered,
            pulled_at: self.pulled_at,
        })
    }

    pub(crate) fn stored(&self) -> Stored {
        Stored {
            subject: self.subject.clone(),
            sequence: self.sequence,
            published_at: self.published_at,
            delivered: self.delivered,
            pulled_at: self.pulled_at,
            payload: self.payload.clone(),
        }
    }

    /// Whom it is filed under.
    pub(crate) fn filing<M: Message>(&self) -> Filing {
        self.decode::<M>().map_or_else(
            |_| Filing::of_bytes(&self.payload),
            |delivery| Filing::of(&delivery.message),
        )
    }

    /// How suspect it is of being what ends processes: 0 at first, from the third delivery on 1, 2 …
    pub(crate) fn suspicion(&self) -> u32 {
        u32::try_from(self.delivered.saturating_sub(2)).unwrap_or(u32::MAX)
    }

    /// Delivered so often that it may be what ends processes.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspicion() > 0
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin {
            stage: self.stage,
            stream: self.stream.to_owned(),
            subject: self.subject.clone(),
            sequence: self.sequence,
            replays: self.replays,
        }
    }

    /// A sign of life: the broker waits on.
    pub(crate) async fn progress(&self) {
        let _ = self.client.publish(self.reply.clone(), "+WPI".into()).await;
    }

    /// Lets go of a message whose effect is durable, and has it confirmed.
    pub(crate) async fn ack(&self) -> Outcome {
        Self::ack_all(&[self]).await;
        Outcome::Ack
    }

    /// Lets go of several. The last ack is confirmed, and with it those before: they go over one
    /// connection, and are taken in their order. One that got lost with a connection comes again.
    pub(crate) async fn ack_all(all: &[&Self]) {
        let Some((last, others)) = all.split_last() else {
            return;
        };
        for held in others {
            let _ = held.client.publish(held.reply.clone(), "+ACK".into()).await;
        }
        last.confirmed("+ACK").await;
        for held in all {
            // It ended no process. Acks may get lost again and again, and nothing is buried for that.
            held.uncount().await;
            held.settled(Outcome::Ack);
        }
    }

    /// Gives a message back untouched: no attempt is used.
    pub(crate) async fn give_back(&self, code: &str) -> Outcome {
        self.uncount().await;
        self.nak(None).await;
        self.settled(Outcome::GivenBack(code.to_owned()))
    }

    /// Settles a failed message as its verdict says. Verdicts Wait and Stop give it back.
    pub(crate) async fn fail(&self, cx: &Context<'_>, filing: &Filing, failed: &Failed) -> Outcome {
        let settled = match failed.verdict {
            Verdict::Retry { after } => self.retry(cx, filing, failed, after).await,
            Verdict::Reject => {
                let attempts = self.counted().unwrap_or(filing.attempt + 1);
                self.bury(cx, filing, failed, attempts).await
            }
            Verdict::Wait | Verdict::Stop(_) => Err(Halt::Shutdown),
        };
        match settled {
            Ok(outcome) => outcome,
            Err(_) => self.give_back(&failed.code).await,
        }
    }

    /// Files what can't be decoded.
    pub(crate) async fn fail_undecodable(&self, cx: &Context<'_>, error: &DecodeError) -> Outcome {
        let filing = Filing::of_bytes(&self.payload);
        self.fail(cx, &filing, &Failed::undecodable(error)).await
    }

    /// Counts the handling of a suspect before it begins. `Err`: it is settled, at its limit.
    pub(crate) async fn count_suspect(
        &self,
        cx: &Context<'_>,
        filing: &Filing,
    ) -> Result<(), Outcome> {
        if !self.is_suspect() {
            return Ok(());
        }
        let broker = cx.process.broker();
        let limit = cx.process.config().retry.max_attempts;
        let raised = async {
            let attempts = persist(cx, || broker.attempts(self.stream, self.sequence)).await?;
            if attempts >= limit {
                return Ok(attempts + 1);
            }
            persist(cx, || broker.raise_attempts(self.stream, self.sequence)).await
        };
        match raised.await {
            Ok(attempts) if attempts > limit => {
                let failed = Failed::exhausted(limit);
                self.counted.store(limit, Ordering::Relaxed);
                Err(self.fail(cx, filing, &failed).await)
            }
            Ok(attempts) => {
                self.counted.store(attempts, Ordering::Relaxed);
                Ok(())
            }
            Err(Halt::Shutdown | Halt::Refused(_)) => Err(self.give_back("shutdown").await),
        }
    }

    /// The number of this attempt, where it was counted ahead of its handling.
    fn counted(&self) -> Option<u32> {
        Some(self.counted.load(Ordering::Relaxed)).filter(|&attempts| attempts > 0)
    }

    /// Takes back what was counted ahead. If the broker is away, it stays counted: a few outages
    /// don't bury a message.
    async fn uncount(&self) {
        if self.counted().is_some() {
            let _ = self.broker.lower_attempts(self.stream, self.sequence).await;
        }
    }

    async fn retry(
        &self,
        cx: &Context<'_>,
        filing: &Filing,
        failed: &Failed,
        after: Option<Duration>,
    ) -> Result<Outcome, Halt> {
        let broker = cx.process.broker();
        let attempts = match self.counted() {
            Some(attempts) => attempts,
            None => persist(cx, || broker.raise_attempts(self.stream, self.sequence)).await?,
        };
        let retry = cx.process.config().retry;
        if attempts >= retry.max_attempts {
            return self.bury(cx, filing, failed, attempts).await;
        }
        let pause = retry.pause(attempts, after);
        tracing::warn!(
            stage = self.stage,
            id = filing.id,
            code = failed.code,
            attempts,
            "{} failed and is tried again in {pause:.1?}: {}",
            filing.id,
            failed.error
        );
        self.nak(Some(pause)).await;
        Ok(self.settled(Outcome::Retry))
    }

    async fn bury(
        &self,
        cx: &Context<'_>,
        filing: &Filing,
        failed: &Failed,
        attempts: u32,
    ) -> Result<Outcome, Halt> {
        let letter = DeadLetter {
            id: filing.id.clone(),
            headers: DeadLetterHeaders {
                stage: self.stage.to_owned(),
                code: failed.code.clone(),
                error: failed.error.clone(),
                attempts: attempts.into(),
                time: messages::timestamp::now(),
                url: filing.url.clone(),
                stream: self.stream.to_owned(),
                subject: self.subject.clone(),
                sequence: self.sequence,
                replays: self.replays,
            },
            payload: self.payload.to_vec(),
        };
        cx.publish_dead_letter(&letter, &self.origin(), 0).await?;
        tracing::error!(
            stage = self.stage,
            id = filing.id,
            code = failed.code,
            attempts,
            "{} is a dead letter: {}",
            filing.id,
            failed.error
        );
        self.confirmed("+TERM").await;
        Ok(self.settled(Outcome::Dead(failed.code.clone())))
    }

    async fn nak(&self, delay: Option<Duration>) {
        let payload = delay.map_or_else(
            || "-NAK".to_owned(),
            |delay| format!("-NAK {{\"delay\": {}}}", delay.as_nanos()),
        );
        let _ = self
            .client
            .publish(self.reply.clone(), payload.into())
            .await;
    }

    async fn confirmed(&self, verb: &'static str) {
        for _ in 0..ACK_TRIES {
            match self.client.request(self.reply.clone(), verb.into()).await {
                Ok(_) => return,
                // Whoever delivered it is gone: it comes again.
                Err(e) if e.kind() == async_nats::RequestErrorKind::NoResponders => break,
                Err(_) => {}
            }
        }
        tracing::warn!(
            stage = self.stage,
            sequence = self.sequence,
            "{verb} of {} was not confirmed: it will be delivered again",
            self.subject
        );
    }

    fn settled(&self, outcome: Outcome) -> Outcome {
        let (label, code) = outcome.label();
        metrics::settled(self.stage, label, code);
        outcome
    }
}

/// What a `Stop` verdict means for the process; any other verdict means nothing for it.
pub(crate) fn stop_of(verdict: Verdict) -> Option<Stop> {
    match verdict {
        Verdict::Stop(stop) => Some(stop),
        _ => None,
    }
}
