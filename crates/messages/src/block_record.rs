//! What must neither be crawled nor extracted: a takedown that lasts.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{CanonicalUrl, Host, UrlId};

/// What a block holds for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// One URL; a speech whose own address it is, too, whichever page yields it.
    Url(CanonicalUrl),
    /// All URLs of a host.
    Host(Host),
}

impl Blocked {
    /// The record's key, in the bucket of URLs or in that of hosts.
    pub fn key(&self) -> String {
        match self {
            Self::Url(url) => BlockRecord::key_of_url(&UrlId::of(url)),
            Self::Host(host) => BlockRecord::key_of_host(host),
        }
    }
}

/// `<url_id>.block` in `urls` and `<host>.block` in `hosts`, written by the operator's commands. It
/// stays when the block is lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRecord {
    /// The URL or the host; a key can't be turned back into it.
    #[serde(flatten)]
    pub what: Blocked,
    /// Whether the block holds.
    pub is_blocked: bool,
    /// Since when it is so.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl BlockRecord {
    /// The stable code of what ends because of it.
    pub const CODE: &str = "blocked";

    /// The key of the block of a URL.
    pub fn key_of_url(id: &UrlId) -> String {
        format!("{id}.block")
    }

    /// The key of the block of a host.
    pub fn key_of_host(host: &Host) -> String {
        format!("{}.block", host.key())
    }
}
