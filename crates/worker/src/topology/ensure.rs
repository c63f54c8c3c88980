//! Creates what is absent, reports what is different, and alters only when an operator says so.

use std::fmt;
use std::time::{Duration, Instant};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::context::{GetStreamErrorKind, RequestError, RequestErrorKind};

use super::{BUCKETS, Bucket, CONSUMERS, ConsumerSpec, STREAMS, StreamSpec, compare};
use crate::{Broker, BrokerError};

/// How long a role that may not create waits for somebody who may.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a server says that it, or the account, has no JetStream.
const NO_JETSTREAM: [ErrorCode; 2] = [
    ErrorCode::JETSTREAM_NOT_ENABLED,
    ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
];

const WITHOUT_JETSTREAM: &str =
    "NATS runs without JetStream: start nats-server with -js or our configuration";

/// Something on the server that is not as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The stream, consumer or bucket.
    pub what: String,
    /// How it differs.
    pub how: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.how.join(", "))
    }
}

impl Broker {
    /// Creates what is absent: streams, buckets, and the consumers that a role needs, for it may not
    /// create another's. Refuses to go on where something exists in another configuration.
    pub async fn ensure_topology(&self, consumers: &[ConsumerSpec]) -> Result<(), BrokerError> {
        let started = Instant::now();
        loop {
            match self.create(consumers).await {
                Err(BrokerError::Absent { .. }) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        match self.differences().await?.first() {
            None => Ok(()),
            Some(difference) => Err(BrokerError::Different(format!(
                "NATS is set up in another way than this configuration says; {difference}. \
                 Run the role with the options it was set up with, or `speechmill check --apply` to alter it"
            ))),
        }
    }

    /// What does not exist.
    pub async fn absent(&self) -> Result<Vec<String>, BrokerError> {
        let mut absent = Vec::new();
        for spec in STREAMS {
            if self.find_stream(spec).await?.is_none() {
                absent.push(format!("stream {}", spec.name));
            }
        }
        for spec in CONSUMERS {
            if self.find_consumer(spec).await?.is_none() {
                absent.push(format!("consumer {}", spec.title()));
            }
        }
        for bucket in BUCKETS {
            if !self.has_bucket(bucket).await? {
                absent.push(format!("bucket {}", bucket.name()));
            }
        }
        Ok(absent)
    }

    /// What exists in another configuration than declared. What is absent is no difference.
    pub async fn differences(&self) -> Result<Vec<Difference>, BrokerError> {
        let mut found = Vec::new();
        let mut note = |what: String, how: Vec<String>| {
            if !how.is_empty() {
                found.push(Difference { what, how });
            }
        };
        for spec in STREAMS {
            if let Some(stream) = self.find_stream(spec).await? {
                let declared = spec.stream_config(self.config());
                let how = compare::stream(&stream.cached_info().config, &declared);
                note(format!("stream {}", spec.name), how);
            }
        }
        for spec in CONSUMERS {
            if let Some(consumer) = self.find_consumer(spec).await? {
                let declared = spec.consumer_config(self.config());
                let how = compare::consumer(&consumer.cached_info().config, &declared);
                note(format!("consumer {}", spec.title()), how);
            }
        }
        for bucket in BUCKETS {
            if let Some(replicas) = self.bucket_replicas(bucket).await? {
                let declared = self.config().replicas;
                let how = if replicas == declared {
                    Vec::new()
                } else {
                    vec![format!(
                        "num_replicas is {replicas} and should be {declared}"
                    )]
                };
                note(format!("bucket {}", bucket.name()), how);
            }
        }
        Ok(found)
    }

    /// Creates what is absent and alters what differs. Some changes the server refuses (a stream's
    /// retention, say): it says which.
    pub async fn apply_topology(&self) -> Result<Vec<Difference>, BrokerError> {
        self.create_absent().await?;
        let altered = self.differences().await?;
        for spec in STREAMS {
            if altered
                .iter()
                .any(|d| d.what == format!("stream {}", spec.name))
            {
                self.jetstream()
                    .update_stream(spec.stream_config(self.config()))
                    .await
                    .map_err(|e| BrokerError::request("alter a stream", e))?;
            }
        }
        for spec in CONSUMERS {
            if altered
                .iter()
                .any(|d| d.what == format!("consumer {}", spec.title()))
            {
                self.jetstream()
                    .update_consumer_on_stream(
                        spec.consumer_config(self.config()),
                        spec.stream.name,
                    )
                    .await
                    .map_err(|e| BrokerError::request("alter a consumer", e))?;
            }
        }
        for bucket in BUCKETS {
            if altered
                .iter()
                .any(|d| d.what == format!("bucket {}", bucket.name()))
            {
                self.jetstream()
                    .update_key_value(bucket.kv_config(self.config()))
                    .await
                    .map_err(|e| BrokerError::request("alter a bucket", e))?;
            }
        }
        Ok(altered)
    }

    /// Creates all that is absent, and compares nothing.
    pub async fn create_absent(&self) -> Result<(), BrokerError> {
        self.create(&CONSUMERS).await
    }

    pub(crate) async fn create(&self, consumers: &[ConsumerSpec]) -> Result<(), BrokerError> {
        let absent =
            |what: String| move |source: async_nats::Error| BrokerError::Absent { what, source };
        for spec in STREAMS {
            if self.find_stream(spec).await?.is_none() {
                self.jetstream()
                    .create_stream(spec.stream_config(self.config()))
                    .await
                    .map_err(|e| absent(format!("the stream {}", spec.name))(e.into()))?;
                tracing::info!(stream = spec.name, "created the stream {}", spec.name);
            }
        }
        for spec in consumers {
            self.ensure_consumer(*spec).await?;
        }
        for bucket in BUCKETS {
            if !self.has_bucket(bucket).await? {
                self.jetstream()
                    .create_key_value(bucket.kv_config(self.config()))
                    .await
                    .map_err(|e| absent(format!("the bucket {}", bucket.name()))(e.into()))?;
            }
        }
        Ok(())
    }

    /// The consumer, created where it is absent: handling is idempotent, so it starts at the beginning.
    async fn ensure_consumer(&self, spec: ConsumerSpec) -> Result<PullConsumer, BrokerError> {
        if let Some(consumer) = self.find_consumer(spec).await? {
            return Ok(consumer);
        }
        tracing::info!("creating the consumer {}", spec.title());
        self.jetstream()
            .create_consumer_strict_on_stream(spec.consumer_config(self.config()), spec.stream.name)
            .await
            .map_err(|source| BrokerError::Absent {
                what: format!("the consumer {}", spec.title()),
                source: source.into(),
            })
    }

    /// That JetStream is there at all, for whoever has just connected. Later nothing may be concluded
    /// from silence: a server that starts again is silent, too.
    pub(crate) async fn require_jetstream(&self) -> Result<(), BrokerError> {
        let Err(error) = self.jetstream().get_stream(STREAMS[0].name).await else {
            return Ok(());
        };
        let is_missing = match error.kind() {
            GetStreamErrorKind::JetStream(error) => NO_JETSTREAM.contains(&error.error_code()),
            GetStreamErrorKind::Request => std::error::Error::source(&error)
                .and_then(|source| source.downcast_ref::<RequestError>())
                .is_some_and(|source| source.kind() == RequestErrorKind::NoResponders),
            _ => false,
        };
        if is_missing {
            return Err(BrokerError::Unsupported(WITHOUT_JETSTREAM.to_owned()));
        }
        Ok(())
    }

    pub(crate) async fn find_stream(
        &self,
        spec: StreamSpec,
    ) -> Result<Option<async_nats::jetstream::stream::Stream>, BrokerError> {
        match self.jetstream().get_stream(spec.name).await {
            Ok(stream) => Ok(Some(stream)),
            Err(e) => match e.kind() {
                GetStreamErrorKind::JetStream(error) if error.code() == 404 => Ok(None),
                GetStreamErrorKind::JetStream(error)
                    if NO_JETSTREAM.contains(&error.error_code()) =>
                {
                    Err(BrokerError::Unsupported(WITHOUT_JETSTREAM.to_owned()))
                }
                _ => Err(BrokerError::request("describe a stream", e)),
            },
        }
    }

    pub(crate) async fn find_consumer(
        &self,
        spec: ConsumerSpec,
    ) -> Result<Option<PullConsumer>, BrokerError> {
        use async_nats::jetstream::stream::ConsumerErrorKind;
        match self
            .jetstream()
            .get_consumer_from_stream(spec.name, spec.stream.name)
            .await
        {
            Ok(consumer) => Ok(Some(consumer)),
            Err(e) => match e.kind() {
                ConsumerErrorKind::JetStream(error) if error.code() == 404 => Ok(None),
                _ => Err(BrokerError::request("describe a consumer", e)),
            },
        }
    }

    pub(crate) async fn has_bucket(&self, bucket: Bucket) -> Result<bool, BrokerError> {
        Ok(self.bucket_replicas(bucket).await?.is_some())
    }

    async fn bucket_replicas(&self, bucket: Bucket) -> Result<Option<usize>, BrokerError> {
        let name = format!("KV_{}", bucket.name());
        match self.jetstream().get_stream(name).await {
            Ok(stream) => Ok(Some(stream.cached_info().config.num_replicas)),
            Err(e) => match e.kind() {
                GetStreamErrorKind::JetStream(error) if error.code() == 404 => Ok(None),
                _ => Err(BrokerError::request("describe a bucket", e)),
            },
        }
    }
}
