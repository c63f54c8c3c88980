//! What a query says, without the words that only make it a question.
//!
//! In: a query in simplified characters, without its years. Out: what is left of it, phrases, words.

use words::{cut, is_han, lists};

/// Characters of a query that is cut, and of what is asked for as a phrase too.
const LEAST_HAN: usize = 3;

/// Words of a query that are each asked for before the others.
const MAX_WORDS: usize = 6;

/// What is in a query.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Content {
    /// The query; Meilisearch knows by itself only stop words that it does not cut (怎么办 is 怎么 and 办).
    pub(super) rest: String,
    /// What stands between words that say nothing, in quotes; and without its first and its last word.
    pub(super) phrases: Vec<String>,
    /// The words that say something, each once, if there are several.
    pub(super) words: Vec<String>,
}

impl Content {
    pub(super) fn of(query: &str) -> Self {
        let is_short = query.chars().filter(|c| is_han(*c)).count() < LEAST_HAN;
        let cut = if is_short || query.contains('"') {
            Vec::new()
        } else {
            phrases(query)
        };
        let mut found: Vec<String> = Vec::new();
        for word in cut.iter().flatten() {
            if word.chars().nth(1).is_some() && !found.iter().any(|it| it == word) {
                found.push((*word).to_owned());
            }
        }
        found.truncate(MAX_WORDS);
        let says_little = found.len() < 2;
        Self {
            rest: if cut.is_empty() {
                query.trim().to_owned()
            } else {
                without_stop_words(query)
            },
            phrases: quoted(&cut),
            words: if says_little { Vec::new() } else { found },
        }
    }
}

fn without_stop_words(query: &str) -> String {
    let mut rest = String::new();
    let mut from = 0;
    for word in cut(query) {
        if lists().stop().contains(word) {
            let at = word.as_ptr() as usize - query.as_ptr() as usize;
            rest.push_str(&query[from..at]);
            rest.push(' ');
            from = at + word.len();
        }
    }
    rest.push_str(&query[from..]);
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words between those that say nothing.
fn phrases(query: &str) -> Vec<Vec<&str>> {
    let mut phrases: Vec<Vec<&str>> = vec![Vec::new()];
    let mut end = 0;
    for word in cut(query) {
        let at = word.as_ptr() as usize - query.as_ptr() as usize;
        let says_nothing = lists().stop().contains(word);
        if at > end || says_nothing {
            phrases.push(Vec::new());
        }
        end = at + word.len();
        if !says_nothing && let Some(phrase) = phrases.last_mut() {
            phrase.push(word);
        }
    }
    phrases.retain(|phrase| !phrase.is_empty());
    phrases
}

/// All in one query; then the longest without its first word and without its last one. A single word
/// is a phrase already, and may have synonyms.
fn quoted(phrases: &[Vec<&str>]) -> Vec<String> {
    let quote = |words: &[&str]| {
        let phrase = words.concat();
        let is_long = words.len() > 1 && phrase.chars().count() >= LEAST_HAN;
        is_long.then(|| format!("\"{phrase}\""))
    };
    let all: Vec<String> = phrases.iter().filter_map(|words| quote(words)).collect();
    let longest = phrases.iter().max_by_key(|words| words.len());
    let shorter = longest.filter(|words| words.len() > 2).map(|words| {
        let last = words.len() - 1;
        [quote(&words[1..]), quote(&words[..last])]
    });
    let shorter = shorter.into_iter().flatten().flatten();
    let all = (!all.is_empty()).then(|| all.join(" "));
    all.into_iter().chain(shorter).collect()
}
