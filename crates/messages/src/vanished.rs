//! What is remembered of the pages of a host that vanish, in the KV bucket `hosts`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Host;

/// `<host>.vanished`, written by extractors, by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VanishedRecord {
    /// The host; its key can't be turned back into it.
    pub host: Host,
    /// Pages of the host that yield a speech.
    #[serde(default)]
    pub num_pages: u64,
    /// Those that vanished and were withdrawn since `since`.
    #[serde(default)]
    pub num_vanished: u64,
    /// The first of them.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When too many had vanished: from then on withdrawals are held.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub held_since: Option<OffsetDateTime>,
}

impl VanishedRecord {
    /// The record of a host of which nothing vanished.
    pub fn new(host: Host, now: OffsetDateTime) -> Self {
        Self {
            host,
            num_pages: 0,
            num_vanished: 0,
            since: now,
            held_since: None,
        }
    }

    /// What the keys of all such records end with.
    pub const SUFFIX: &str = ".vanished";

    /// The record's key.
    pub fn key(host: &Host) -> String {
        format!("{}{}", host.key(), Self::SUFFIX)
    }
}

/// `<host>.release`, written by the operator's commands: withdrawals may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// The host.
    pub host: Host,
    /// Pages found gone until then are withdrawn, however many they are.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl ReleaseRecord {
    /// The record's key.
    pub fn key(host: &Host) -> String {
        format!("{}.release", host.key())
    }
}
