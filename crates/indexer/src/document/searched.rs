//! Helper attributes: what makes a speech findable by words that Meilisearch does not see in it.
//!
//! In: what is derived of the speech, and its date. Out: fields that are searched and not shown; they
//! hold only what the others lack.

use messages::Derived;
use serde_json::{Map, Value};
use time::Date;

/// The title once more: simplified, with the words inside its words and each of its characters.
pub(crate) const TITLE: &str = "search_title";
/// Words inside words of the text; of a traditional text all of its words, simplified.
pub(crate) const WORDS: &str = "search_words";
/// How title, occasion, headings and the frequent words of the text are read.
pub(crate) const PINYIN: &str = "search_pinyin";
/// The year as it is asked for.
pub(crate) const YEAR: &str = "search_year";

/// Fills the helper attributes of a document.
pub(super) fn fill(fields: &mut Map<String, Value>, derived: Derived, date: Option<Date>) {
    let year = date.map(|date| date.year().to_string());
    let all = [
        (TITLE, derived.search_title),
        (WORDS, derived.search_words),
        (PINYIN, derived.search_pinyin),
        (YEAR, year.unwrap_or_default()),
    ];
    let filled = all.into_iter().filter(|(_, words)| !words.is_empty());
    fields.extend(filled.map(|(name, words)| (name.to_owned(), Value::String(words))));
}
