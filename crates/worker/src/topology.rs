//! Every stream, consumer and bucket there is, declared once.
//!
//! A role creates what is absent and never alters what exists: another configuration stops it.

mod compare;
mod ensure;

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PriorityPolicy, pull};
use async_nats::jetstream::{kv, stream};

use crate::BrokerConfig;

pub use ensure::Difference;

/// The largest message: NATS's own limit of 8 MiB less room for a dead letter's headers.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024 - 64 * 1024;

/// How many messages of one consumer may be unacknowledged at once, over all its processes.
const MAX_ACK_PENDING: i64 = 16_384;

/// How long a pull waits for messages.
pub(crate) const PULL_EXPIRES: Duration = Duration::from_secs(5);

/// A stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSpec {
    /// Its name.
    pub name: &'static str,
    /// Its subjects.
    pub subjects: &'static [&'static str],
    retention: Retention,
    /// Its `max_bytes` for each 64 of the one of PAGES; `None`: no limit.
    share: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retention {
    /// Until acked.
    WorkQueue,
    /// Until acked; one message per subject.
    WorkQueueOfLatest,
    /// The latest message of each subject, for ever.
    Latest,
    /// Every message, for 30 days.
    Month,
}

/// A durable consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// Its stream.
    pub stream: StreamSpec,
    /// Its durable name: the role's.
    pub name: &'static str,
    /// What it sees of the stream.
    pub filter: &'static str,
    /// Only one process at a time gets messages.
    pub pinned: bool,
}

/// A KV bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// One record a URL and writer.
    Urls,
    /// One record a host and writer.
    Hosts,
    /// Attempt counters, for a day.
    Attempts,
    /// Long jobs of operators.
    Jobs,
    /// The snapshot of the table of copies.
    Copies,
}

/// URLs as users publish them.
pub const SUBMIT: StreamSpec = StreamSpec {
    name: "SUBMIT",
    subjects: &["crawl.submit"],
    retention: Retention::WorkQueue,
    share: Some(2),
};

/// Links that pages in scope hold.
pub const FOUND: StreamSpec = StreamSpec {
    name: "FOUND",
    subjects: &["crawl.found"],
    retention: Retention::WorkQueue,
    share: Some(2),
};

/// The frontier: requests that are due, deferred or recurring. Schedules forbid `discard new`, so it
/// has no limit and never discards; admission keeps it in bounds.
pub const CRAWL: StreamSpec = StreamSpec {
    name: "CRAWL",
    subjects: &["crawl.request.*", "crawl.later.*", "crawl.recrawl.*"],
    retention: Retention::WorkQueueOfLatest,
    share: None,
};

/// The newest page of every URL.
pub const PAGES: StreamSpec = StreamSpec {
    name: "PAGES",
    subjects: &["page.fetched.*"],
    retention: Retention::Latest,
    share: Some(64),
};

/// Pages to extract again.
pub const AGAIN: StreamSpec = StreamSpec {
    name: "AGAIN",
    subjects: &["page.again.*"],
    retention: Retention::WorkQueueOfLatest,
    share: Some(2),
};

/// The newest version of every speech.
pub const SPEECHES: StreamSpec = StreamSpec {
    name: "SPEECHES",
    subjects: &["speech.changed.*"],
    retention: Retention::Latest,
    share: Some(32),
};

/// What can never work.
pub const DEAD: StreamSpec = StreamSpec {
    name: "DEAD",
    subjects: &["dead.*.*"],
    retention: Retention::Month,
    share: Some(8),
};

/// All streams, in the order data flows.
pub const STREAMS: [StreamSpec; 7] = [SUBMIT, FOUND, CRAWL, PAGES, AGAIN, SPEECHES, DEAD];

/// Admission of submissions.
pub const ADMIT_SUBMITTED: ConsumerSpec = consumer(SUBMIT, "admission", "crawl.submit");
/// Admission of found links.
pub const ADMIT_FOUND: ConsumerSpec = consumer(FOUND, "admission", "crawl.found");
/// Fetching; must not see schedules.
pub const CRAWLER: ConsumerSpec = consumer(CRAWL, "crawler", "crawl.request.*");
/// Extraction.
pub const EXTRACTOR: ConsumerSpec = consumer(PAGES, "extractor", "page.fetched.*");
/// Extraction once more.
pub const EXTRACTOR_AGAIN: ConsumerSpec = consumer(AGAIN, "extractor", "page.again.*");
/// Indexing, by one process at a time.
pub const INDEXER: ConsumerSpec = ConsumerSpec {
    pinned: true,
    ..consumer(SPEECHES, "indexer", "speech.changed.*")
};

/// All consumers, in the order data flows.
pub const CONSUMERS: [ConsumerSpec; 6] = [
    ADMIT_SUBMITTED,
    ADMIT_FOUND,
    CRAWLER,
    EXTRACTOR,
    EXTRACTOR_AGAIN,
    INDEXER,
];

/// What the role crawler consumes.
pub const CRAWLER_CONSUMES: [ConsumerSpec; 3] = [ADMIT_SUBMITTED, ADMIT_FOUND, CRAWLER];
/// What the role extractor consumes.
pub const EXTRACTOR_CONSUMES: [ConsumerSpec; 2] = [EXTRACTOR, EXTRACTOR_AGAIN];
/// What the role indexer consumes.
pub const INDEXER_CONSUMES: [ConsumerSpec; 1] = [INDEXER];

/// All buckets.
pub const BUCKETS: [Bucket; 5] = [
    Bucket::Urls,
    Bucket::Hosts,
    Bucket::Attempts,
    Bucket::Jobs,
    Bucket::Copies,
];

const fn consumer(stream: StreamSpec, name: &'static str, filter: &'static str) -> ConsumerSpec {
    ConsumerSpec {
        stream,
        name,
        filter,
        pinned: false,
    }
}

impl StreamSpec {
    /// Its `max_bytes`, where it has one.
    pub fn max_bytes(&self, config: &BrokerConfig) -> Option<u64> {
        let pages = config.pages_max_mib * 1024 * 1024;
        self.share
            .map(|share| (pages / 64 * share).max(MAX_MESSAGE_BYTES as u64))
    }

    pub(crate) fn stream_config(&self, config: &BrokerConfig) -> stream::Config {
        let latest = matches!(
            self.retention,
            Retention::WorkQueueOfLatest | Retention::Latest
        );
        let work = matches!(
            self.retention,
            Retention::WorkQueue | Retention::WorkQueueOfLatest
        );
        let keeps_all = *self == CRAWL || *self == DEAD;
        stream::Config {
            name: self.name.to_owned(),
            subjects: self.subjects.iter().map(|&s| s.to_owned()).collect(),
            retention: if work {
                stream::RetentionPolicy::WorkQueue
            } else {
                stream::RetentionPolicy::Limits
            },
            discard: if keeps_all {
                stream::DiscardPolicy::Old
            } else {
                stream::DiscardPolicy::New
            },
            max_bytes: self
                .max_bytes(config)
                .map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            max_messages: -1,
            max_messages_per_subject: if latest { 1 } else { -1 },
            max_age: match self.retention {
                Retention::Month => Duration::from_hours(30 * 24),
                _ => Duration::ZERO,
            },
            max_message_size: if *self == DEAD {
                -1
            } else {
                i32::try_from(MAX_MESSAGE_BYTES).unwrap_or(i32::MAX)
            },
            duplicate_window: Duration::from_mins(2),
            num_replicas: config.replicas,
            allow_direct: true,
            allow_message_schedules: *self == CRAWL,
            storage: stream::StorageType::File,
            ..stream::Config::default()
        }
    }
}

impl ConsumerSpec {
    /// `STREAM/consumer`, as people are told of it.
    pub fn title(&self) -> String {
        format!("{}/{}", self.stream.name, self.name)
    }

    pub(crate) fn consumer_config(&self, config: &BrokerConfig) -> pull::Config {
        pull::Config {
            durable_name: Some(self.name.to_owned()),
            name: Some(self.name.to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: config.ack_wait,
            max_deliver: -1,
            max_ack_pending: MAX_ACK_PENDING,
            filter_subject: self.filter.to_owned(),
            priority_policy: if self.pinned {
                PriorityPolicy::PinnedClient
            } else {
                PriorityPolicy::None
            },
            priority_groups: if self.pinned {
                vec![self.name.to_owned()]
            } else {
                Vec::new()
            },
            priority_timeout: if self.pinned {
                config.ack_wait
            } else {
                Duration::ZERO
            },
            ..pull::Config::default()
        }
    }
}

impl Bucket {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Urls => "urls",
            Self::Hosts => "hosts",
            Self::Attempts => "attempts",
            Self::Jobs => "jobs",
            Self::Copies => "copies",
        }
    }

    pub(crate) fn kv_config(self, config: &BrokerConfig) -> kv::Config {
        kv::Config {
            bucket: self.name().to_owned(),
            history: 1,
            max_age: match self {
                Self::Attempts => Duration::from_hours(24),
                _ => Duration::ZERO,
            },
            num_replicas: config.replicas,
            storage: stream::StorageType::File,
            ..kv::Config::default()
        }
    }
}

/// The stream that takes a subject of ours.
///
/// # Panics
///
/// For a subject that no stream takes.
pub fn stream_of(subject: &str) -> StreamSpec {
    let takes = |pattern: &&str| {
        pattern
            .split_once('*')
            .map_or(*pattern == subject, |(start, _)| subject.starts_with(start))
    };
    STREAMS
        .into_iter()
        .find(|stream| stream.subjects.iter().any(takes))
        .expect("every subject of ours has a stream")
}
