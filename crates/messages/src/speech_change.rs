//! The newest that is known of a speech: its text, or that it was withdrawn.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::message::{from_json, to_json};
use crate::{CanonicalUrl, DecodeError, Derived, Message, Speech, SpeechId, UrlId};

/// Which extraction a change comes from; the greater one is newer. Compared field by field, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Version {
    /// When the page was fetched.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub fetched_at: OffsetDateTime,
    /// The page's sequence in the stream PAGES.
    pub page_sequence: u64,
    /// The extractor's revision.
    pub extractor: u32,
    /// The generation of host memory.
    #[serde(default)]
    pub memory: u32,
}

/// How an upsert begins.
const UPSERT: &[u8] = br#"{"change":"upsert","#;

/// A change of one speech, on `speech.changed.<speech_id>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum SpeechChange {
    /// The speech is new, or its record changed.
    Upsert(Box<Upsert>),
    /// No page yields the speech any more.
    Withdrawal(Withdrawal),
}

/// A speech as it now stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Upsert {
    /// The extraction it comes from.
    pub version: Version,
    /// The pages that yield it.
    pub sources: BTreeSet<UrlId>,
    /// The page that this text comes from; no longer among the sources once that page has lost it.
    pub from: UrlId,
    /// The record.
    pub speech: Speech,
    /// What is computed of the record alone. None from an earlier version, and with very long texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derived>,
}

/// A speech that is no more; holds none of its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Withdrawal {
    /// The extraction that ended it.
    pub version: Version,
    /// The speech.
    pub speech_id: SpeechId,
    /// Its address.
    pub url: CanonicalUrl,
}

impl SpeechChange {
    /// The subject of the changes of a speech.
    pub fn subject_of(id: &SpeechId) -> String {
        format!("speech.changed.{id}")
    }

    /// The speech that changed.
    pub fn speech_id(&self) -> &SpeechId {
        match self {
            Self::Upsert(upsert) => &upsert.speech.speech_id,
            Self::Withdrawal(withdrawal) => &withdrawal.speech_id,
        }
    }

    /// The extraction it comes from.
    pub fn version(&self) -> Version {
        match self {
            Self::Upsert(upsert) => upsert.version,
            Self::Withdrawal(withdrawal) => withdrawal.version,
        }
    }
}

impl Message for SpeechChange {
    const NAME: &'static str = "speech change";

    fn subject(&self) -> String {
        Self::subject_of(self.speech_id())
    }

    fn id(&self) -> String {
        self.speech_id().to_string()
    }

    fn url(&self) -> Option<&CanonicalUrl> {
        match self {
            Self::Upsert(upsert) => Some(&upsert.speech.url),
            Self::Withdrawal(withdrawal) => Some(&withdrawal.url),
        }
    }

    fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    fn decode(_subject: &str, payload: &[u8]) -> Result<Self, DecodeError> {
        // As we write it: what is known to be an upsert need not be held until its tag is found.
        if payload.starts_with(UPSERT) {
            let upsert = from_json(Self::NAME, payload)?;
            return Ok(Self::Upsert(Box::new(upsert)));
        }
        from_json(Self::NAME, payload)
    }
}
