//! The document: a speech record, flattened for Meilisearch.
//!
//! In: an upsert and its sequence in SPEECHES. Out: JSON fields. What travelled with the speech and is
//! current is taken over; else it is derived here. Text beyond what Meilisearch indexes of one attribute
//! goes on in `text_2`, `text_3` …

pub(crate) mod searched;
mod text;

use std::io::{self, Write};

use messages::{CompletenessState, Speech, SpeechId, Upsert};
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::Time;

pub(crate) use text::field_name as text_field;
use text::{MAX_POSITIONS, split};

/// Parts of a text that are searched; the settings list so many attributes.
pub(crate) const MAX_PARTS: usize = 16;

/// Where each section begins: the part of the text, from 0, and the byte in it. For snippets.
pub(crate) const SECTION_STARTS: &str = "section_starts";

/// What [`Line::write`] adds.
const CLUSTER_BYTES: usize = 47;

/// Longest facet value, in bytes.
const MAX_FACET_BYTES: usize = 468;

/// Filterable fields of free text, which could be longer than that.
const FACETS: [&str; 4] = ["kind", "site", "speaker", "profile"];

/// A document, as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SpeechDocument(Map<String, Value>);

/// A document as it is sent, but for its cluster, which is not known before it is sent.
pub(crate) struct Line(Vec<u8>);

impl Line {
    /// Bytes of it, with its cluster.
    pub(crate) fn num_bytes(&self) -> usize {
        self.0.len() + CLUSTER_BYTES
    }

    /// Writes the document, whole, on a line.
    pub(crate) fn write(&self, cluster: &SpeechId, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.0)?;
        writeln!(out, ",\"cluster\":\"{cluster}\"}}")
    }
}

impl SpeechDocument {
    /// The document of a speech; `version` is the message's sequence in SPEECHES.
    ///
    /// # Panics
    ///
    /// Never: a speech holds only what JSON can say.
    pub fn new(upsert: &Upsert, version: u64) -> Self {
        let speech = &upsert.speech;
        let Ok(Value::Object(mut fields)) = serde_json::to_value(speech) else {
            unreachable!("a speech is an object of what JSON can say");
        };
        // For audit; it lives on in SPEECHES.
        fields.remove("removed");
        fields.remove("speech_id");
        fields.insert("id".to_owned(), json!(speech.speech_id));
        fields.insert("version".to_owned(), json!(version));
        let day = speech
            .date
            .map(|date| date.with_time(Time::MIDNIGHT).assume_utc());
        fields.insert("year".to_owned(), json!(speech.date.map(time::Date::year)));
        fields.insert(
            "date_timestamp".to_owned(),
            json!(day.map(time::OffsetDateTime::unix_timestamp)),
        );
        fields.insert(
            "published_timestamp".to_owned(),
            json!(
                speech
                    .published_at
                    .map(time::OffsetDateTime::unix_timestamp)
            ),
        );
        let is_partial = !matches!(
            speech.completeness.state,
            CompletenessState::Full | CompletenessState::Unknown
        );
        fields.insert("partial".to_owned(), json!(is_partial));
        fields.insert("fullness".to_owned(), json!(fullness(speech)));
        let mut document = Self(fields);
        document.shorten_facets();
        document.set_text(speech);
        searched::fill(
            &mut document.0,
            words::derived(upsert).into_owned(),
            speech.date,
        );
        document
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.0.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Sets a field.
    pub fn set(&mut self, field: &str, value: Value) {
        self.0.insert(field.to_owned(), value);
    }

    /// As it is sent.
    ///
    /// # Panics
    ///
    /// Never: documents hold only what JSON can say, and an id.
    pub(crate) fn into_line(mut self) -> Line {
        self.0.remove("cluster");
        let mut json = serde_json::to_vec(&self).expect("documents hold only what JSON can say");
        json.pop();
        // It waits for its turn with some thousand others.
        json.shrink_to_fit();
        Line(json)
    }

    #[cfg(test)]
    pub(crate) fn of_fields<const N: usize>(fields: [(&str, Value); N]) -> Self {
        Self(
            fields
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        )
    }

    fn set_text(&mut self, speech: &Speech) {
        let parts = split(&speech.text, MAX_POSITIONS);
        if !speech.sections.is_empty() {
            let starts = section_starts(speech, &parts);
            self.0.insert(SECTION_STARTS.to_owned(), json!(starts));
        }
        if parts.len() > MAX_PARTS {
            // Stored, but not searched to its end: said in the document, and never silently.
            if let Some(Value::Array(flags)) = self.0.get_mut("flags") {
                flags.push(json!("not_searched_to_the_end"));
            }
        }
        for (n, part) in parts.into_iter().enumerate() {
            self.0.insert(text_field(n), json!(part));
        }
    }

    fn shorten_facets(&mut self) {
        for name in FACETS {
            if let Some(Value::String(value)) = self.0.get_mut(name) {
                while value.len() > MAX_FACET_BYTES {
                    value.pop();
                }
            }
        }
        if let Some(Value::Array(flags)) = self.0.get_mut("flags") {
            flags.retain(|flag| flag.as_str().is_some_and(|f| f.len() <= MAX_FACET_BYTES));
        }
    }
}

/// How much of the speech is there: by the state, then by doublings of the length.
fn fullness(speech: &Speech) -> u32 {
    let state = match speech.completeness.state {
        CompletenessState::Full => 2,
        CompletenessState::Unknown => 1,
        _ => 0,
    };
    state * 100 + speech.num_chars.checked_ilog2().unwrap_or_default()
}

/// The part of the text and the byte in it where each section begins.
fn section_starts(speech: &Speech, parts: &[&str]) -> Vec<(usize, usize)> {
    let breaks = speech.text.match_indices('\n').map(|(at, _)| at + 1);
    let paragraphs: Vec<usize> = std::iter::once(0).chain(breaks).collect();
    let begins = |part: &str| part.as_ptr() as usize - speech.text.as_ptr() as usize;
    let starts = speech.sections.iter().map(|section| {
        let paragraph = paragraphs.get(section.paragraph as usize);
        let at = paragraph.copied().unwrap_or(speech.text.len());
        let part = parts.iter().rposition(|part| begins(part) <= at);
        let part = part.unwrap_or_default();
        (part, at - begins(parts[part]))
    });
    starts.collect()
}

#[cfg(test)]
mod tests {
    use messages::{Message, SpeechChange};

    use super::*;

    fn upsert() -> Upsert {
        let golden = include_bytes!("../../messages/golden/speech_change_upsert.json");
        match SpeechChange::decode("", golden) {
            Ok(SpeechChange::Upsert(upsert)) => *upsert,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_document_is_the_record_flattened_with_its_version_and_without_what_was_removed() {
        let upsert = upsert();
        let document = SpeechDocument::new(&upsert, 7);
        assert_eq!(document.id(), upsert.speech.speech_id.as_str());
        assert_eq!(document.get("version"), Some(&json!(7)));
        assert_eq!(document.get("title"), Some(&json!(upsert.speech.title)));
        assert_eq!(document.get("text"), Some(&json!(upsert.speech.text)));
        assert_eq!(
            document.get("year"),
            Some(&json!(upsert.speech.date.map(time::Date::year)))
        );
        assert_eq!(document.get("removed"), None);
        assert_eq!(document.get("speech_id"), None);
    }

    #[test]
    fn a_document_is_the_same_whether_what_is_derived_travelled_or_is_made_here() {
        let mut upsert = upsert();
        let travelled = SpeechDocument::new(&upsert, 1);
        assert!(travelled.get(searched::TITLE).is_some());
        upsert.derived = None;
        assert_eq!(SpeechDocument::new(&upsert, 1), travelled);
        let mut other = words::derive(&upsert.speech);
        "另外".clone_into(&mut other.search_title);
        upsert.derived = Some(other.clone());
        let document = SpeechDocument::new(&upsert, 1);
        assert_eq!(document.get(searched::TITLE), Some(&json!("另外")));
        // What another revision made means nothing to us.
        other.revision += 1;
        upsert.derived = Some(other);
        assert_eq!(SpeechDocument::new(&upsert, 1), travelled);
    }

    #[test]
    fn only_a_page_that_shows_less_than_the_speech_is_partial() {
        for (state, is_partial) in [
            (CompletenessState::Full, false),
            (CompletenessState::Unknown, false),
            (CompletenessState::LoginWall, true),
            (CompletenessState::Teaser, true),
            (CompletenessState::Truncated, true),
        ] {
            let mut upsert = upsert();
            upsert.speech.completeness.state = state;
            let document = SpeechDocument::new(&upsert, 1);
            assert_eq!(document.get("partial"), Some(&json!(is_partial)));
        }
    }

    #[test]
    fn a_facet_value_is_never_longer_than_meilisearch_takes() {
        let mut upsert = upsert();
        upsert.speech.speaker = Some("长".repeat(200));
        let document = SpeechDocument::new(&upsert, 1);
        let speaker = document.get("speaker").and_then(Value::as_str).unwrap();
        assert_eq!(speaker, "长".repeat(156));
    }

    #[test]
    fn a_long_text_goes_on_in_further_fields_and_a_longer_one_says_so() {
        let mut upsert = upsert();
        let paragraph = "同志们".repeat(5_000);
        upsert.speech.text = [paragraph.as_str(); 9].join("\n");
        let document = SpeechDocument::new(&upsert, 1);
        assert!(document.get("text_3").is_some() && document.get("text_4").is_none());
        upsert.speech.text = vec![paragraph.as_str(); 80].join("\n");
        let document = SpeechDocument::new(&upsert, 1);
        let flags = document.get("flags").and_then(Value::as_array).unwrap();
        assert!(flags.contains(&json!("not_searched_to_the_end")));
    }
}
