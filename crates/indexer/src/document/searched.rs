//! Helper attributes: what makes a speech findable by words that Meilisearch does not see in it.
//!
//! In: the record. Out: fields that are searched and not shown; they hold only what the others lack.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
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

/// Fills the helper attributes of a document.
pub(super) fn fill(fields: &mut Map<String, Value>, speech: &Speech) {
    let head = head(speech);
    let mut set = |name: &str, words: Vec<String>| {
        if !words.is_empty() {
            fields.insert(name.to_owned(), json!(words.join(" ")));
        }
    };
    let (simple_head, simple_text) = (simplified(&head), simplified(&speech.text));
    let (head, text) = (
        Read::of(&head, &simple_head),
        Read::of(&speech.text, &simple_text),
    );
    set(TITLE, title_words(&head));
    let mut left = text.left_out();
    left.sort_unstable();
    set(WORDS, left);
    set(PINYIN, pinyin(&head, &text));
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

/// A text, cut once.
struct Read<'a> {
    simple: &'a str,
    /// Its words, in simplified characters, as they follow each other.
    words: Vec<&'a str>,
    /// What Meilisearch finds in it as it was written.
    known: HashSet<&'a str>,
}

impl<'a> Read<'a> {
    fn of(text: &'a str, simple: &'a str) -> Self {
        let cut = words().cut(simple);
        let distinct: HashSet<&str> = if text == simple {
            cut.iter().copied().collect()
        } else {
            words().cut(text).into_iter().collect()
        };
        let known = distinct.into_iter().flat_map(|word| words().parts(word));
        let known = known.collect();
        Self {
            simple,
            words: cut,
            known,
        }
    }

    /// Every word of two characters or more that stands anywhere in it, some of them often.
    fn all(&self) -> impl Iterator<Item = &'a str> {
        let all = self.words.iter().copied().chain(words().all(self.simple));
        all.filter(|word| word.chars().nth(1).is_some() && word.chars().all(is_han))
    }

    /// What Meilisearch makes of its words and does not find in it, each once.
    fn left_out(&self) -> Vec<String> {
        let (mut seen, mut added) = (HashSet::new(), HashSet::new());
        self.all()
            .filter(|word| seen.insert(*word))
            .flat_map(|word| words().parts(word))
            .filter(|part| part.chars().nth(1).is_some() && !is_number(part))
            .filter(|part| !self.known.contains(part))
            .filter(|part| added.insert(*part))
            .map(ToOwned::to_owned)
            .collect()
    }

    /// The words of two characters or more that stand in it so often at least.
    fn frequent(&self, least: usize) -> impl Iterator<Item = &'a str> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for word in &self.words {
            if word.chars().nth(1).is_some() && word.chars().all(is_han) {
                *counts.entry(word).or_default() += 1;
            }
        }
        counts.retain(|_, count| *count >= least);
        let mut words: Vec<&str> = counts.into_keys().collect();
        words.sort_unstable();
        words.into_iter()
    }
}

/// Whether it begins as a number does: 十七条 is asked for by nobody.
fn is_number(word: &str) -> bool {
    let mut chars = word.chars();
    let mut is_digit = || {
        chars
            .next()
            .is_some_and(|c| "〇一二三四五六七八九十百千万亿".contains(c))
    };
    is_digit() && is_digit()
}

fn title_words(head: &Read<'_>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut found = head.left_out();
    found.extend(head.simple.chars().filter(|c| is_han(*c)).map(String::from));
    found.retain(|word| seen.insert(word.clone()));
    found
}

fn pinyin(head: &Read<'_>, text: &Read<'_>) -> Vec<String> {
    let mut seen = HashSet::new();
    // What a title says is found by its syllables too.
    let chars = head.simple.char_indices();
    let chars = chars.map(|(at, c)| &head.simple[at..at + c.len_utf8()]);
    let words = head.all().chain(chars).chain(text.frequent(FREQUENT));
    words
        .filter(|word| seen.insert(*word))
        .filter_map(pinyin_of_word)
        .collect()
}
