//! The cleaned speech: what one page, or one part of a collection, says.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

use crate::{CanonicalUrl, SpeechId};

/// What sort of text it is: `讲话`, `致辞`, …, `other`, or `document:<kind>` for the statutory ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Kind(pub String);

impl Kind {
    /// Any other article.
    pub fn other() -> Self {
        Self("other".to_owned())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where [`Speech::date`] was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DateFrom {
    /// The text (`delivered_on`).
    Body,
    /// The title's prefix (`title_date`).
    Title,
    /// The web page (`published_at`).
    Page,
}

/// The script the text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// Simplified.
    Hans,
    /// Traditional.
    Hant,
    /// Both.
    Mixed,
}

/// What found the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The site's profile.
    Profile,
    /// The generic extractor.
    Generic,
    /// The second opinion, where the two disagreed.
    SecondOpinion,
}

/// A heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Section {
    /// 1 to 5, by the kind of number (GB/T 9704-2012, 7.3.3).
    pub level: u8,
    /// The number as written, without its punctuation.
    pub number: String,
    /// The heading without the number.
    pub heading: String,
    /// Index of the paragraph that carries it, from 0.
    pub paragraph: u32,
}

/// Whether the page shows the whole speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CompletenessState {
    /// All of it.
    Full,
    /// The rest is behind a login or a payment.
    LoginWall,
    /// Only a beginning, meant as one.
    Teaser,
    /// Cut off for another reason.
    Truncated,
    /// No sign either way.
    Unknown,
}

/// How much of the speech the page shows, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Completeness {
    /// The verdict.
    pub state: CompletenessState,
    /// Points that the text says it will make.
    pub announced_sections: Option<u32>,
    /// Headings of the first level.
    pub found_sections: u32,
    /// Characters shown, as the page says.
    pub shown_chars: Option<u64>,
    /// Characters in all, as the page says.
    pub total_chars: Option<u64>,
    /// The signs: `marker:<words>`, `ends_on_heading`, …
    pub evidence: Vec<String>,
}

/// Words blanked out by the library (X, ××, 某 …).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Placeholders {
    /// How many.
    pub count: u32,
    /// Per 1,000 of `num_chars`, one decimal.
    pub per_1000: f64,
}

/// What near-copies have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fingerprints {
    /// SHA-256 of the normalised text, 64 hex digits.
    pub text_sha256: String,
    /// `SimHash` over character 4-grams, 16 hex digits.
    pub simhash64: String,
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Removed {
    /// The rule's stable code.
    pub rule: String,
    /// The line, shortened.
    pub text: String,
}

/// A cleaned speech. Lengths are in characters, white space not counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Speech {
    /// Id of its own address.
    pub speech_id: SpeechId,
    /// Its own address: printed or `rel=canonical` if on the same site, else the fetched one.
    pub url: CanonicalUrl,
    /// The host.
    pub site: String,
    /// The site's name.
    pub site_name: Option<String>,
    /// The library's own number, if the URL has one.
    pub source_id: Option<String>,
    /// The title, cleaned.
    pub title: String,
    /// The title, as found.
    pub title_raw: String,
    /// What sort of text it is.
    pub kind: Kind,
    /// The event.
    pub occasion: Option<String>,
    /// Who spoke.
    pub speaker: Option<String>,
    /// As what.
    pub speaker_role: Option<String>,
    /// Day of the event, as the text states it.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date")))]
    pub delivered_on: Option<Date>,
    /// The library's date prefix of the title.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date")))]
    pub title_date: Option<Date>,
    /// When the page was published; +08:00 unless the page says otherwise.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date-time")))]
    pub published_at: Option<OffsetDateTime>,
    /// The first of the three above.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "date")))]
    pub date: Option<Date>,
    /// Which of the three it was.
    pub date_from: Option<DateFrom>,
    /// Views, as the page states them.
    pub views: Option<u64>,
    /// Author, as the page states it.
    pub author: Option<String>,
    /// Source, as the page states it.
    pub source: Option<String>,
    /// All paragraphs in reading order, joined by line breaks.
    pub text: String,
    /// The salutation once more.
    pub salutation: Option<String>,
    /// The closing once more.
    pub closing: Option<String>,
    /// The headings.
    pub sections: Vec<Section>,
    /// Whether this is the whole speech.
    pub completeness: Completeness,
    /// Blanked-out words.
    pub placeholders: Placeholders,
    /// Characters of the text.
    pub num_chars: u32,
    /// Han characters of the text.
    pub num_han: u32,
    /// Simplified or traditional.
    pub script: Script,
    /// For near-copies.
    pub fingerprints: Fingerprints,
    /// The site profile that was used.
    pub profile: Option<String>,
    /// What found the text.
    pub method: Method,
    /// Agreement of the two extractors, 0 to 1.
    pub confidence: f64,
    /// Quality flags.
    pub flags: Vec<String>,
    /// What was left out, by which rule; for audit.
    pub removed: Vec<Removed>,
}
