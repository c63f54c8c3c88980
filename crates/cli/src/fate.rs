//! Where a submitted URL is, and why: read from the broker and the index, upstream first.
//!
//! A stage acks only after its outputs are safe, so whoever looks upstream first never finds a URL
//! nowhere. Never writes anything.

mod read;

use std::fmt;

use messages::{BlockRecord, Blocked, CanonicalUrl, SpeechId, UrlId};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) use read::Places;

/// The code, in records, of what an operator removed.
pub(crate) const REMOVED: &str = "removed";

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
    /// Taken out of the index and out of NATS by an operator.
    Removed,
    /// Ended without a speech; the code says why.
    Skipped,
    /// Was admitted, and all that is left is this memory: its dead letter was dropped, or expired.
    Dropped,
    /// Could not be worked on; the code and the error say why.
    Dead,
}

impl State {
    /// Whether nothing more will happen by itself.
    pub(crate) fn is_final(self) -> bool {
        matches!(
            self,
            Self::Indexed
                | Self::Withdrawn
                | Self::Removed
                | Self::Skipped
                | Self::Dropped
                | Self::Dead
        )
    }

    /// Whether the work that was asked for is done.
    pub(crate) fn is_good(self) -> bool {
        matches!(
            self,
            Self::Indexed | Self::Withdrawn | Self::Removed | Self::Skipped
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
            Self::Removed => "removed",
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
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
    /// What keeps it out until it is lifted: a block of its own, or of its host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) block: Option<BlockRecord>,
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
    /// Of a line that is no URL: nothing but its letter may be known.
    fn of_bad(text: &str, state: State) -> Self {
        Self {
            url: without_password(text),
            url_id: None,
            state,
            code: None,
            error: None,
            attempts: None,
            at: None,
            speeches: Vec::new(),
            every: None,
            block: None,
        }
    }

    /// Of what no server has ever heard of.
    pub(crate) fn unknown(text: &str) -> Self {
        match text.parse::<CanonicalUrl>() {
            Ok(url) => Self::at_state(&url, State::Unknown),
            Err(_) => Self::of_bad(text, State::Unknown),
        }
    }

    fn at_state(url: &CanonicalUrl, state: State) -> Self {
        Self {
            url: url.to_string(),
            url_id: Some(UrlId::of(url)),
            ..Self::of_bad(url.as_str(), state)
        }
    }
}

/// A line that is no URL may still hold what one must not print.
fn without_password(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://…{}", &text[..scheme], &text[at..])
        }
        _ => text.to_owned(),
    }
}

/// The story: a line, and one more for each reason and each speech.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.url, self.state.name())?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        if let Some(attempts) = self.attempts.filter(|&number| number > 0) {
            write!(f, ", failed attempts: {attempts}")?;
        }
        if let Some(at) = self.at.and_then(|at| at.format(&Rfc3339).ok()) {
            let is_to_come = self.state == State::Deferred;
            write!(f, ", {} {at}", if is_to_come { "until" } else { "at" })?;
        }
        if let Some(every) = &self.every {
            write!(f, ", every {every}")?;
        }
        if let Some(block) = &self.block {
            let whose = match block.what {
                Blocked::Url(_) => "",
                Blocked::Host(_) => " with its host",
            };
            let since = block.at.format(&Rfc3339).unwrap_or_default();
            write!(f, ", blocked{whose} since {since}")?;
        }
        if let Some(error) = &self.error {
            write!(f, "\n  {error}")?;
        }
        self.speeches
            .iter()
            .try_for_each(|speech| write!(f, "\n  {speech}"))
    }
}

impl fmt::Display for SpeechFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "speech {}  {}", self.speech_id, self.state.name())?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        if let Some(error) = &self.error {
            write!(f, "\n    {error}")?;
        }
        Ok(())
    }
}
