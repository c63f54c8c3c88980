//! What the text of a speech alone says to search, computed where it was extracted.

use serde::{Deserialize, Serialize};

/// What is computed of a speech's text, and nothing else: fields of its document, and what tells copies.
///
/// Filled by extractors, by the crate `words`. Whoever needs it and finds none, or another revision than
/// its own, computes it of the speech. Words are parted by one space; an empty field holds none. All of
/// it together is about a fifth of a long text, more of a short or a traditional one, and at most some
/// 4 MiB: it is not sent with a record whose texts are longer than 1 MiB.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Derived {
    /// Which rules and lists it was computed by; another number may mean anything else.
    pub revision: u32,
    /// Words inside the words of title, occasion and headings, then each of their characters; simplified.
    #[serde(default)]
    pub search_title: String,
    /// Words of the text that are not found in it as it stands, sorted; simplified.
    #[serde(default)]
    pub search_words: String,
    /// How the words of the title and the frequent ones of the text are read: pinyin without tones.
    #[serde(default)]
    pub search_pinyin: String,
    /// The sketch of the text, by which copies are told: base64 without padding of the level (a byte),
    /// eight counts (a byte each) and up to 64 sorted keys (four bytes each, big-endian).
    #[serde(default)]
    pub sketch: String,
}
