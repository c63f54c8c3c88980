//! What is remembered of a host in the KV bucket `hosts`: its clock, shared by all crawlers, and
//! what an operator ordered.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Host;

/// What a host's delay comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelayFrom {
    /// The operator's configuration.
    #[default]
    Configured,
    /// The site's robots.txt.
    CrawlDelay,
    /// The time that the site takes to answer.
    Latency,
}

/// `<host>.clock`, written by crawlers, by compare-and-set. Times are those of the crawlers' own
/// clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRecord {
    /// The host; its key can't be turned back into it.
    pub host: Host,
    /// When the next request may start.
    #[serde(with = "time::serde::rfc3339")]
    pub next_at: OffsetDateTime,
    /// When the next one that is deferred may come back.
    #[serde(with = "time::serde::rfc3339")]
    pub tail_at: OffsetDateTime,
    /// The pause between two requests, as it was at the last reservation.
    #[serde(default)]
    pub delay_ms: u64,
    /// Where that comes from.
    #[serde(default)]
    pub delay_from: DelayFrom,
    /// No request before that.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub blocked_until: Option<OffsetDateTime>,
    /// The stable code of what blocked it (`http_429` …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    /// Blocks in a row: the next one is longer.
    #[serde(default)]
    pub num_blocks: u32,
    /// How long the host took to answer lately; a moving average.
    #[serde(default)]
    pub latency_ms: u64,
}

impl ClockRecord {
    /// The clock of a host that was never asked.
    pub fn new(host: Host, now: OffsetDateTime) -> Self {
        Self {
            host,
            next_at: now,
            tail_at: now,
            delay_ms: 0,
            delay_from: DelayFrom::default(),
            blocked_until: None,
            blocked_by: None,
            num_blocks: 0,
            latency_ms: 0,
        }
    }

    /// What the keys of all such records end with.
    pub const SUFFIX: &str = ".clock";

    /// The record's key.
    pub fn key(host: &Host) -> String {
        format!("{}{}", host.key(), Self::SUFFIX)
    }

    /// The pause between two requests.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// `<host>.control`, written by the operator's commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// The host.
    pub host: Host,
    /// Nothing is fetched from it.
    #[serde(default)]
    pub is_paused: bool,
    /// Since when it is so.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl ControlRecord {
    /// What the keys of all such records end with.
    pub const SUFFIX: &str = ".control";

    /// The record's key.
    pub fn key(host: &Host) -> String {
        format!("{}{}", host.key(), Self::SUFFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CanonicalUrl;

    #[test]
    fn an_old_clock_without_the_newer_fields_can_be_read() {
        let json = r#"{"host":"a.cn:81","next_at":"2026-01-02T03:04:05Z","tail_at":"2026-01-02T03:04:05Z"}"#;
        let clock: ClockRecord = serde_json::from_str(json).unwrap();
        assert_eq!((clock.num_blocks, clock.blocked_until), (0, None));
        assert_eq!(ClockRecord::key(&clock.host), "a.cn=81.clock");
    }

    #[test]
    fn a_clock_survives_json() {
        let host = "http://a.cn/".parse::<CanonicalUrl>().unwrap().host();
        let clock = ClockRecord {
            blocked_until: Some(crate::timestamp::now()),
            ..ClockRecord::new(host, crate::timestamp::now())
        };
        let json = serde_json::to_string(&clock).unwrap();
        assert_eq!(serde_json::from_str::<ClockRecord>(&json).unwrap(), clock);
    }
}
