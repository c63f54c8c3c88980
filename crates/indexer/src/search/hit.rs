//! A speech that was found, as it is shown.
//!
//! In: what Meilisearch gives back of a document. Out: a hit with its snippet and its section.

use meilisearch_sdk::search::{MatchRange, SearchResult};
use serde_json::{Map, Value};

use super::strength::Strength;
use super::{Hit, SearchOptions, section};
use crate::document::SECTION_STARTS;

/// What is given back of a hit: everything but the text, which can be a book.
pub(super) const FIELDS: [&str; 34] = [
    "id",
    "version",
    "url",
    "site",
    "site_name",
    "source_id",
    "title",
    "title_raw",
    "kind",
    "occasion",
    "speaker",
    "speaker_role",
    "delivered_on",
    "title_date",
    "published_at",
    "date",
    "date_from",
    "year",
    "views",
    "author",
    "source",
    "salutation",
    "closing",
    "sections",
    SECTION_STARTS,
    "completeness",
    "partial",
    "placeholders",
    "num_chars",
    "num_han",
    "script",
    "profile",
    "confidence",
    "flags",
];

impl Hit {
    pub(super) fn new(
        found: SearchResult<Map<String, Value>>,
        text_fields: &[String],
        options: &SearchOptions,
    ) -> Self {
        let mut document = found.result;
        let formatted = found.formatted_result.unwrap_or_default();
        let places = found.matches_position.unwrap_or_default();
        let (part, snippet) = snippet(&formatted, text_fields, &options.highlight.0);
        let of_part = text_fields.get(part).and_then(|name| places.get(name));
        let of_part: &[MatchRange] = of_part.map_or(&[], Vec::as_slice);
        let section = section::of_snippet(&document, part, of_part, snippet, &options.highlight);
        document.remove(SECTION_STARTS);
        let field = |name: &str| {
            let value = document.get(name).and_then(Value::as_str);
            value.map(ToOwned::to_owned)
        };
        let title = field("title").unwrap_or_default();
        Self {
            id: field("id").unwrap_or_default(),
            url: field("url").unwrap_or_default(),
            title_highlighted: formatted
                .get("title")
                .and_then(Value::as_str)
                .map_or_else(|| title.clone(), ToOwned::to_owned),
            title,
            date: field("date"),
            kind: field("kind").unwrap_or_default(),
            site: field("site").unwrap_or_default(),
            speaker: field("speaker"),
            snippet: snippet.to_owned(),
            section,
            strength: Strength::of(&places),
            document,
        }
    }
}

/// The first part of the text in which something was found, and what is shown of it.
fn snippet<'a>(
    formatted: &'a Map<String, Value>,
    text_fields: &[String],
    mark: &str,
) -> (usize, &'a str) {
    let shown = |name: &String| formatted.get(name).and_then(Value::as_str);
    let parts = text_fields.iter().map(shown).enumerate();
    let mut parts = parts.filter_map(|(n, part)| Some((n, part?)));
    parts
        .clone()
        .find(|(_, part)| part.contains(mark))
        .or_else(|| parts.next())
        .unwrap_or_default()
}
