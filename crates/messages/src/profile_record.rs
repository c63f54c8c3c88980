//! What is remembered of how a site profile does on a host, in the KV bucket `hosts`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{CanonicalUrl, Host, UrlId};

/// `<host>.profile`, written by extractors, by compare-and-set: the pages on which the profile failed
/// its self-check when they were last extracted. A page is in it once, however often it is extracted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRecord {
    /// The host; its key can't be turned back into it.
    pub host: Host,
    /// The profile's name.
    pub profile: String,
    /// The pages, [`Self::MAX_BROKEN`] at most: beyond that nobody needs the number.
    #[serde(default)]
    pub broken: BTreeSet<UrlId>,
    /// The last of them, so that people can look at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_broken: Option<CanonicalUrl>,
}

impl ProfileRecord {
    /// What the keys of all such records end with.
    pub const SUFFIX: &str = ".profile";

    /// Pages that are remembered, at most.
    pub const MAX_BROKEN: usize = 100;

    /// The record of a profile that was not broken yet.
    pub fn new(host: Host, profile: String) -> Self {
        Self {
            host,
            profile,
            broken: BTreeSet::new(),
            last_broken: None,
        }
    }

    /// The record's key.
    pub fn key(host: &Host) -> String {
        format!("{}{}", host.key(), Self::SUFFIX)
    }
}
