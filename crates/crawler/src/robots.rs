//! The robots.txt of hosts (RFC 9309): what was fetched of them goes in, a permission comes out.
//!
//! Fetches nothing: whoever finds nothing known here fetches the file, in its host's turn, and says
//! what came. It is kept in the host's record for all crawlers, and in a small memory of one's own.

mod line;
mod memory;
mod rules;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use messages::{CanonicalUrl, Host, PRODUCT_TOKEN, RobotsRecord, timestamp};
use time::OffsetDateTime;
use worker::topology::Bucket;
use worker::{Broker, BrokerError, RetryConfig};

use crate::CrawlerConfig;
use line::{Fetching, Lines};
use memory::Memory;
use rules::{Rules, Terms, record_of};

/// A longer `Crawl-delay` is cut to this: it would keep a host's URLs waiting for years.
const LONGEST_CRAWL_DELAY: Duration = Duration::from_secs(300);

/// How a fetch of a robots.txt ended, after redirects.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// HTTP status; 0 where no answer came.
    pub(crate) status: u16,
    pub(crate) found: Found,
}

#[derive(Debug)]
pub(crate) enum Found {
    /// The file, as far as it was read.
    File(Vec<u8>),
    /// There is none that we could read: everything may be fetched.
    NoFile,
    /// The host is there and does not say: nothing may be fetched.
    Nothing {
        /// What the site asked for.
        after: Option<Duration>,
    },
}

impl Fetched {
    /// Redirects that lead to no file.
    pub(crate) const NO_FILE: Self = Self {
        status: 0,
        found: Found::NoFile,
    };

    /// No answer, or none that could be read to its end.
    pub(crate) const SILENCE: Self = Self {
        status: 0,
        found: Found::Nothing { after: None },
    };
}

/// Whether a URL may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    Granted,
    Denied,
    /// Nothing of its host may be fetched until the file is asked for again, then.
    Unreachable(OffsetDateTime),
}

/// Knows the rules of hosts.
pub struct Robots {
    broker: Broker,
    agent: String,
    lifetime: Duration,
    retry: RetryConfig,
    memory: Mutex<Memory>,
    lines: Lines,
}

impl Robots {
    /// Rules for the product token of the configured user agent.
    pub(crate) fn new(broker: Broker, config: &CrawlerConfig, retry: RetryConfig) -> Self {
        Self {
            broker,
            agent: config.product_token().to_owned(),
            lifetime: config.robots_ttl,
            retry,
            memory: Mutex::default(),
            lines: Lines::new(usize::from(config.fetch_concurrency) / 4),
        }
    }

    /// The product token that the rules are for, where the operator chose one.
    pub(crate) fn own_agent(&self) -> Option<Box<str>> {
        let is_own = !self.agent.eq_ignore_ascii_case(PRODUCT_TOKEN);
        is_own.then(|| self.agent.as_str().into())
    }

    /// The pause that a host asks for between two requests, as far as it is known and in reason.
    pub fn crawl_delay(&self, host: &Host) -> Option<Duration> {
        let memory = self.memory();
        let delay = memory.rules_of(host)?.crawl_delay()?;
        Some(delay.min(LONGEST_CRAWL_DELAY))
    }

    /// The sitemaps that a host's file names, as far as it is known.
    pub async fn sitemaps(&self, host: &Host) -> Result<Vec<CanonicalUrl>, BrokerError> {
        let record = self.record(host).await?;
        Ok(record
            .map(|record| Rules::of(&record).sitemaps())
            .unwrap_or_default())
    }

    /// What is known; `None`: the file must be fetched first.
    pub(crate) async fn permission(
        &self,
        url: &CanonicalUrl,
    ) -> Result<Option<Permission>, BrokerError> {
        let now = timestamp::now();
        let host = url.host();
        let of = |rules: &Rules| rules.permission(url, now);
        let known = self.memory().rules_of(&host).and_then(of);
        if known.is_some() {
            return Ok(known);
        }
        let record = self.record(&host).await?;
        let Some(record) = record.filter(|record| record.agent == self.agent) else {
            return Ok(None);
        };
        let rules = Rules::of(&record);
        let permission = of(&rules);
        self.memory().insert(host, rules, now);
        Ok(permission)
    }

    /// The right to fetch a host's file; `Err`: somebody else does, come back after this time.
    pub(crate) async fn begin(&self, host: &Host) -> Result<Fetching, Duration> {
        self.lines.enter(host).await
    }

    /// Remembers what came of a fetch that was made for `url`, and decides about it.
    pub(crate) async fn learn(
        &self,
        url: &CanonicalUrl,
        file: CanonicalUrl,
        fetched: Fetched,
    ) -> Result<Permission, BrokerError> {
        let host = url.host();
        let before = self.record(&host).await?;
        let now = timestamp::now();
        let terms = Terms {
            agent: &self.agent,
            lifetime: self.lifetime,
            retry: self.retry,
        };
        let record = record_of(before.as_ref(), file, fetched, terms, now);
        let key = RobotsRecord::key(&host);
        self.broker
            .write_record(Bucket::Hosts, &key, &record)
            .await?;
        if record.rules.is_none() {
            tracing::warn!(
                %host, code = "robots_unreachable",
                "the robots.txt of {host} can't be had (status {}): nothing of it is fetched until {}",
                record.status, record.expires_at
            );
        }
        let rules = Rules::of(&record);
        let permission = rules.permission(url, now);
        self.memory().insert(host, rules, now);
        // It has expired already: a pause of nothing.
        Ok(permission.unwrap_or(Permission::Unreachable(now)))
    }

    /// The record as it stands; one that can't be understood counts as none.
    async fn record(&self, host: &Host) -> Result<Option<RobotsRecord>, BrokerError> {
        let key = RobotsRecord::key(host);
        match self.broker.record(Bucket::Hosts, &key).await {
            Ok(record) => Ok(record.map(|record| record.value)),
            Err(BrokerError::Foreign { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
