//! What the pages of a host taught, in the KV bucket `hosts`: the pages, and what is frozen of them.

use std::collections::BTreeSet;
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::{Host, UrlId};

/// Hashes of 64 bits; in JSON they are one string, base64 of eight bytes each, little-endian.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hashes(Vec<u64>);

/// The text is not base64 of whole hashes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not the base64 of hashes of 64 bits")]
pub struct HashesError;

impl FromIterator<u64> for Hashes {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> Self {
        Self(hashes.into_iter().collect())
    }
}

impl Deref for Hashes {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.0
    }
}

impl From<Hashes> for String {
    fn from(hashes: Hashes) -> Self {
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        STANDARD.encode(bytes)
    }
}

impl TryFrom<String> for Hashes {
    type Error = HashesError;

    fn try_from(text: String) -> Result<Self, HashesError> {
        let bytes = STANDARD.decode(text).map_err(|_| HashesError)?;
        let (hashes, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(HashesError);
        }
        Ok(hashes.iter().copied().map(u64::from_le_bytes).collect())
    }
}

/// `<host>.memory`, written by extractors, by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryRecord {
    /// The host; its key can't be turned back into it.
    pub host: Host,
    /// The pages that it learns from; no more are taken in than the last generation asks for.
    #[serde(default)]
    pub learned: BTreeSet<UrlId>,
    /// The generation of what is frozen; 0 is none.
    #[serde(default)]
    pub generation: u32,
    /// Blocks that are the site's own, sorted.
    #[serde(default)]
    pub blocks: Hashes,
    /// Tails of titles that are the site's own, sorted.
    #[serde(default)]
    pub tails: Hashes,
}

impl MemoryRecord {
    /// Nothing learned yet.
    pub fn new(host: Host) -> Self {
        Self {
            host,
            learned: BTreeSet::new(),
            generation: 0,
            blocks: Hashes::default(),
            tails: Hashes::default(),
        }
    }

    /// The record's key.
    pub fn key(host: &Host) -> String {
        format!("{}.memory", host.key())
    }
}

/// `<host>.again`, written by extractors when the pages of a generation have all been published to
/// be extracted again; until then, whoever handles a page of the host publishes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgainRecord {
    /// The host.
    pub host: Host,
    /// The generation.
    pub generation: u32,
}

impl AgainRecord {
    /// The record's key.
    pub fn key(host: &Host) -> String {
        format!("{}.again", host.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_survive_json_and_half_a_hash_is_refused() {
        let hashes = Hashes::from_iter([0, 1, u64::MAX]);
        let json = serde_json::to_string(&hashes).unwrap();
        assert_eq!(serde_json::from_str::<Hashes>(&json).unwrap(), hashes);
        assert!(serde_json::from_str::<Hashes>("\"AAAA\"").is_err());
        assert!(serde_json::from_str::<Hashes>("\"?\"").is_err());
    }

    #[test]
    fn a_full_record_is_far_below_the_limit_of_a_value() {
        let url: crate::CanonicalUrl = "https://a.cn/".parse().unwrap();
        let id = |n: usize| crate::id_of_bytes(&n.to_le_bytes()).parse().unwrap();
        let record = MemoryRecord {
            learned: (0..500).map(id).collect(),
            generation: 3,
            blocks: (0..4_096).map(|n| u64::MAX - n).collect(),
            tails: (0..32).collect(),
            ..MemoryRecord::new(url.host())
        };
        assert!(serde_json::to_vec(&record).unwrap().len() < 80 * 1024);
    }
}
