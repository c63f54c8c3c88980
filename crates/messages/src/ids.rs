//! Ids, all derived from content: the first 128 bits of a SHA-256, as 32 hex digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::CanonicalUrl;

/// The text is not 32 lower-case hex digits.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is not an id of 32 hex digits")]
pub struct IdError(String);

fn parse_hex(text: &str) -> Result<String, IdError> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() == 32 && text.bytes().all(hex) {
        Ok(text.to_owned())
    } else {
        Err(IdError(text.to_owned()))
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The id of an input that can't be decoded: of its bytes.
pub fn id_of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..16])
}

/// Identifies a page: of its canonical URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-9a-f]{32}$")))]
pub struct UrlId(String);

impl UrlId {
    /// The id of a canonical URL.
    pub fn of(url: &CanonicalUrl) -> Self {
        Self(id_of_bytes(url.as_str().as_bytes()))
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Identifies a speech: of its own address, and of its number where one page holds several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String")]
#[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-9a-f]{32}$")))]
pub struct SpeechId(String);

impl SpeechId {
    /// The id of the speech at `url`.
    pub fn of(url: &CanonicalUrl) -> Self {
        Self(id_of_bytes(url.as_str().as_bytes()))
    }

    /// The id of the `number`-th speech (from 1) of the collection at `url`.
    pub fn of_child(url: &CanonicalUrl, number: usize) -> Self {
        Self(id_of_bytes(format!("{url}#{number}").as_bytes()))
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 of a response's decoded body, as 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContentHash(String);

impl ContentHash {
    /// The hash of a body.
    pub fn of(body: &[u8]) -> Self {
        Self(hex(&Sha256::digest(body)))
    }

    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UrlId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl TryFrom<String> for SpeechId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl FromStr for UrlId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_hex(text).map(Self)
    }
}

impl FromStr for SpeechId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_hex(text).map(Self)
    }
}

impl fmt::Display for UrlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SpeechId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_first_half_of_the_sha256_of_the_canonical_url() {
        let url: CanonicalUrl = "https://www.example.com/a".parse().unwrap();
        assert_eq!(
            UrlId::of(&url).as_str(),
            &ContentHash::of(b"https://www.example.com/a").as_str()[..32]
        );
    }

    #[test]
    fn the_children_of_a_collection_have_ids_of_their_own() {
        let url: CanonicalUrl = "https://www.example.com/a".parse().unwrap();
        assert_ne!(SpeechId::of_child(&url, 1), SpeechId::of(&url));
        assert_ne!(SpeechId::of_child(&url, 1), SpeechId::of_child(&url, 2));
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        assert!("".parse::<UrlId>().is_err());
        assert!("z2b35d8e90939a29b9721913af0744dd".parse::<UrlId>().is_err());
        assert!(
            "92B35D8E90939A29B9721913AF0744DD"
                .parse::<SpeechId>()
                .is_err()
        );
    }
}
