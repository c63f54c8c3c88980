//! Helper attributes: what makes a speech findable by words that Meilisearch does not see in it.
//!
//! In: the record. Out: fields that are searched and not shown; they hold only what the others lack.

use std::collections::HashSet;

use messages::Speech;
use serde_json::{Map, Value, json};

use crate::words::{is_han, pinyin_of_word, simplified, words};

/// The title once more: simplified, with the words inside its words and each of its characters.
pub(crate) const TITLE: &str = "search_title";
/// Words inside words of the text; of a traditional text all of its words, simplified.
pub(crate) const WORDS: &str = "search_words";
/// How title, occasion, headings and the frequent words of the text are read.
pub(crate) const PINYIN: &str = "search_pinyin";
/// The year as it is asked for.
pub(crate) const YEAR: &str = "search_year";

/// Of a word in the text before its reading is indexed.
const FREQUENT: usize = 2;

/// Characters of a text that are helped: cutting takes long. The text itself is searched to its end.
const MAX_CHARS: usize = 20_000;

/// Fills the helper attributes of a document.
pub(super) fn fill(fields: &mut Map<String, Value>, speech: &Speech) {
    let head = head(speech);
    let mut set = |name: &str, words: Vec<String>| {
        if !words.is_empty() {
            fields.insert(name.to_owned(), json!(words.join(" ")));
        }
    };
    set(TITLE, title_words(&head));
    let end = speech.text.char_indices().nth(MAX_CHARS);
    let text = &speech.text[..end.map_or(speech.text.len(), |(at, _)| at)];
    let mut left = left_out(text);
    left.sort_unstable();
    set(WORDS, left);
    set(PINYIN, pinyin(&head, text));
    let year = speech.date.map(|date| date.year().to_string());
    set(YEAR, year.into_iter().collect());
}

/// Title, occasion and headings.
fn head(speech: &Speech) -> String {
    let headings = speech.sections.iter().map(|it| it.heading.as_str());
    let occasion = speech.occasion.as_deref();
    let parts = [speech.title.as_str()].into_iter().chain(occasion);
    parts.chain(headings).collect::<Vec<_>>().join("\n")
}

fn title_words(head: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let simple = simplified(head);
    let mut found = left_out(head);
    found.extend(simple.chars().filter(|c| is_han(*c)).map(String::from));
    found.retain(|word| seen.insert(word.clone()));
    found
}

/// The words of a text that Meilisearch does not find in it, each once.
fn left_out(text: &str) -> Vec<String> {
    let simple = simplified(text);
    let known: HashSet<&str> = words().cut(text).into_iter().collect();
    let mut seen = HashSet::new();
    let cut = words().cut(&simple).into_iter();
    let all = cut.chain(words().all(&simple));
    all.filter(|word| word.chars().nth(1).is_some() && word.chars().all(is_han))
        // What begins a word is found as its prefix; it is no word of its own here.
        .filter(|word| !known.iter().any(|it| it.starts_with(word)) && seen.insert(*word))
        .map(ToOwned::to_owned)
        .collect()
}

fn pinyin(head: &str, text: &str) -> Vec<String> {
    let (head, text) = (simplified(head), simplified(text));
    let mut seen = HashSet::new();
    let words_of_head = words().cut(&head).into_iter().chain(words().all(&head));
    words_of_head
        .chain(words().frequent(&text, FREQUENT))
        .filter_map(pinyin_of_word)
        .filter(|word| seen.insert(word.clone()))
        .collect()
}
