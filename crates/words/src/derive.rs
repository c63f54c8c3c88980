//! What is derived of a speech's text: words that Meilisearch does not see in it, and the sketch.
//!
//! In: the record. Out: [`Derived`], whose words are only those that the record itself lacks.

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use messages::{Derived, Speech, Upsert};

use crate::cut::words;
use crate::dictionary::is_han;
use crate::pinyin::of_word as pinyin_of_word;
use crate::script::simplified;
use crate::sketch::Sketch;
use crate::word::Word;

/// Raised with every change of what is derived of any text, by code, lists or the dictionary of jieba.
/// What was derived by another one is derived anew by whoever needs it.
pub const REVISION: u32 = 1;

/// Of a word in the text before its reading is indexed.
const FREQUENT: usize = 2;

/// Bytes of a text for each of its words, about, and room for so many words at first.
const BYTES_PER_WORD: usize = 8;
const MAX_ROOM: usize = 4_096;

/// What is derived of a speech.
pub fn derive(speech: &Speech) -> Derived {
    let head = head(speech);
    let (simple_head, simple_text) = (simplified(&head), simplified(&speech.text));
    let (head, text) = (
        Read::of(&head, &simple_head),
        Read::of(&speech.text, &simple_text),
    );
    let mut left = text.left_out();
    left.sort_unstable();
    let left: Vec<&str> = left.iter().map(Word::text).collect();
    Derived {
        revision: REVISION,
        search_title: title_words(&head).join(" "),
        search_words: left.join(" "),
        search_pinyin: pinyin(&head, &text).join(" "),
        sketch: Sketch::of(&speech.text).to_text(),
    }
}

/// What is derived of a speech: what travelled with it, if that is current.
pub fn derived(upsert: &Upsert) -> Cow<'_, Derived> {
    match current(upsert) {
        Some(derived) => Cow::Borrowed(derived),
        None => Cow::Owned(derive(&upsert.speech)),
    }
}

/// Makes what travels with a speech current, for one who needs it more than once.
pub fn renew(upsert: &mut Upsert) {
    if current(upsert).is_none() {
        upsert.derived = Some(derive(&upsert.speech));
    }
}

/// The sketch of a speech's text alone: the one that travelled with it, if that is current and is one.
pub fn sketch(upsert: &Upsert) -> Sketch {
    let travelled = current(upsert).and_then(|derived| Sketch::of_text(&derived.sketch));
    travelled.unwrap_or_else(|| Sketch::of(&upsert.speech.text))
}

fn current(upsert: &Upsert) -> Option<&Derived> {
    let derived = upsert.derived.as_ref();
    derived.filter(|derived| derived.revision == REVISION)
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
    /// Its words in simplified characters, each once: as they follow each other, then those that
    /// stand inside one of them.
    words: Vec<Word<'a>>,
    /// How often each of the first ones follows another.
    counts: Vec<usize>,
    /// What Meilisearch finds in it as it was written.
    known: HashSet<Word<'a>>,
}

impl<'a> Read<'a> {
    fn of(text: &'a str, simple: &'a str) -> Self {
        let ours = words().ours(simple);
        let mut numbers = HashMap::with_capacity(MAX_ROOM.min(simple.len() / BYTES_PER_WORD));
        let (mut found, mut counts) = (Vec::new(), Vec::new());
        words().cut_each(simple, &ours, |word| {
            let Some(word) = Word::of(word) else { return };
            let number = *numbers.entry(word).or_insert(found.len());
            if number == found.len() {
                found.push(word);
                counts.push(0);
            }
            counts[number] += 1;
        });
        let mut known = HashSet::with_capacity(found.len() * 2);
        if text == simple {
            known.extend(found.iter().flat_map(|word| words().parts_of(word)));
        } else {
            words().cut_each(text, &words().ours(text), |word| {
                known.extend(
                    Word::of(word)
                        .iter()
                        .flat_map(|word| words().parts_of(word)),
                );
            });
        }
        let mut is_new = |word: &Word<'a>| numbers.insert(*word, usize::MAX).is_none();
        let whole = ours.iter().filter_map(|(_, word)| Word::of(word));
        found.extend(whole.filter(&mut is_new));
        let inside: Vec<_> = found.iter().flat_map(|word| words().inside(word)).collect();
        found.extend(inside.into_iter().filter(is_new));
        Self {
            simple,
            words: found,
            counts,
            known,
        }
    }

    /// What Meilisearch makes of its words and does not find in it, each once.
    fn left_out(&self) -> Vec<Word<'a>> {
        let mut added = HashSet::new();
        let parts = self.words.iter().flat_map(|word| words().parts_of(word));
        parts
            .filter(|part| !self.known.contains(part) && !is_number(part.text()))
            .filter(|part| added.insert(*part))
            .collect()
    }

    /// The words that stand in it so often at least.
    fn frequent(&self, least: usize) -> Vec<Word<'a>> {
        let counted = self.words.iter().zip(&self.counts);
        let frequent = counted.filter(|(_, count)| **count >= least);
        let mut words: Vec<Word<'a>> = frequent.map(|(word, _)| *word).collect();
        words.sort_unstable();
        words
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

fn title_words<'a>(head: &Read<'a>) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    let left = head.left_out().into_iter().map(|word| word.text());
    let words = left.chain(chars(head.simple));
    words.filter(|word| seen.insert(*word)).collect()
}

/// Each Han character.
fn chars(text: &str) -> impl Iterator<Item = &str> {
    let chars = text.char_indices().filter(|(_, c)| is_han(*c));
    chars.map(|(at, c)| &text[at..at + c.len_utf8()])
}

fn pinyin(head: &Read<'_>, text: &Read<'_>) -> Vec<String> {
    let mut seen = HashSet::new();
    let frequent = text.frequent(FREQUENT);
    let frequent = frequent.iter().map(Word::text);
    // What a title says is found by its syllables too.
    let words = head.words.iter().map(Word::text).chain(chars(head.simple));
    words
        .chain(frequent)
        .filter(|word| seen.insert(*word))
        .filter_map(pinyin_of_word)
        .collect()
}

#[cfg(test)]
mod tests;
