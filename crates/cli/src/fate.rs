//! Where a submitted URL is, and why: read from the broker and the index, upstream first.
//!
//! A stage acks only after its outputs are safe, so whoever looks upstream first never finds a URL
//! nowhere. Never writes anything.

mod read;

use messages::{CanonicalUrl, SpeechId, UrlId};
use serde::Serialize;
use time::OffsetDateTime;

pub(crate) use read::Places;

/// Where a URL, or one of its speeches, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Nothing is known of it.
    Unknown,
    /// Waits in SUBMIT for admission.
    Submitted,
    /// Waits to be fetched.
    Queued,
    /// Waits for its time to be fetched again.
    Deferred,
    /// Fetched, and waits to be extracted.
    Fetched,
    /// Extracted, and waits to be indexed.
    Extracted,
    /// Searchable.
    Indexed,
    /// Withdrawn from the index.
    Withdrawn,
    /// Ended without a speech; the code says why.
    Skipped,
    /// Could not be worked on; the code and the error say why.
    Dead,
}

impl State {
    /// Whether nothing more will happen by itself.
    pub(crate) fn is_final(self) -> bool {
        matches!(
            self,
            Self::Indexed | Self::Withdrawn | Self::Skipped | Self::Dead
        )
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Submitted => "submitted",
            Self::Queued => "queued",
            Self::Deferred => "deferred",
            Self::Fetched => "fetched",
            Self::Extracted => "extracted",
            Self::Indexed => "indexed",
            Self::Withdrawn => "withdrawn",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
        }
    }
}

/// A URL's place and its story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Fate {
    /// In its one spelling.
    pub(crate) url: String,
    /// Of that.
    pub(crate) url_id: Option<UrlId>,
    /// Where it is.
    pub(crate) state: State,
    /// Why, where there is a reason: the stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// Why, in words: the error and its causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Attempts that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u64>,
    /// When it came there, or, if deferred, when it is due.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) at: Option<OffsetDateTime>,
    /// Its speeches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) speeches: Vec<SpeechFate>,
    /// Crawled again at this interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) every: Option<String>,
}

/// A speech's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SpeechFate {
    /// Its id: the document's, too.
    pub(crate) speech_id: SpeechId,
    /// Where it is.
    pub(crate) state: State,
    /// Why, where there is a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl Fate {
    fn at_state(url: &CanonicalUrl, state: State) -> Self {
        Self {
            url: url.to_string(),
            url_id: Some(UrlId::of(url)),
            state,
            code: None,
            error: None,
            attempts: None,
            at: None,
            speeches: Vec::new(),
            every: None,
        }
    }

    /// The story in one line.
    pub(crate) fn sentence(&self) -> String {
        let mut text = format!("{}  {}", self.url, self.state.name());
        if let Some(code) = &self.code {
            text.push_str(&format!(" ({code})"));
        }
        if let Some(attempts) = self.attempts.filter(|&number| number > 0) {
            text.push_str(&format!(", failed attempts: {attempts}"));
        }
        if let Some(at) = self.at.and_then(|at| {
            at.format(&time::format_description::well_known::Rfc3339)
                .ok()
        }) {
            let word = if self.state == State::Deferred {
                "until"
            } else {
                "at"
            };
            text.push_str(&format!(", {word} {at}"));
        }
        if let Some(error) = &self.error {
            text.push_str(&format!("\n  {error}"));
        }
        for speech in &self.speeches {
            text.push_str(&format!(
                "\n  speech {}  {}",
                speech.speech_id,
                speech.state.name()
            ));
            if let Some(code) = &speech.code {
                text.push_str(&format!(" ({code})"));
            }
            if let Some(error) = &speech.error {
                text.push_str(&format!("\n    {error}"));
            }
        }
        text
    }
}
