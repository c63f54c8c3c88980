//! What is remembered of a host's robots.txt in the KV bucket `hosts` (RFC 9309).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{CanonicalUrl, Host};

/// `<host>.robots`, written by whichever crawler asked for the file last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RobotsRecord {
    /// The file's address. The other scheme of the host is taken to have the same rules; that it
    /// can't be reached is said of this one only.
    pub url: CanonicalUrl,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub fetched_at: OffsetDateTime,
    /// From then on this record says nothing.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// HTTP status, after redirects; 0 where no answer came.
    pub status: u16,
    /// Whose rules these are: the product token of our user agent.
    pub agent: String,
    /// The lines that concern that agent, as a robots.txt of their own; empty where there is no file.
    /// `None`: the file can't be reached, and nothing may be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Fetches in a row that did not reach it.
    #[serde(default)]
    pub num_failures: u32,
    /// The first of them.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub unreachable_since: Option<OffsetDateTime>,
}

impl RobotsRecord {
    /// The record's key.
    pub fn key(host: &Host) -> String {
        format!("{}.robots", host.key())
    }
}
