//! What we know of Chinese words: how Meilisearch cuts them, and which are left inside others.
//!
//! In: texts. Out: the words of a text that Meilisearch would not find in it by itself, as the helper
//! attributes hold them. The lists (synonyms, words of the field, stop words) are data in `words/`.

mod lists;
mod pinyin;
mod script;

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use jieba_rs::Jieba;

pub(crate) use lists::lists;
pub(crate) use pinyin::{of_word as pinyin_of_word, syllables};
pub(crate) use script::simplified;

/// How names of bodies end, kept whole too: a synonym is looked up by three words at most.
const BODIES: [char; 6] = ['委', '局', '部', '厅', '团', '会'];

/// Characters without a separator that are cut at once.
const MAX_RUN: usize = 200;

/// Characters of a word that is kept whole. A longer one is found by its parts, and its parts by
/// themselves.
const LONGEST_TERM: usize = 3;

/// The dictionary that Meilisearch has too, and ours on top.
static WORDS: LazyLock<Words> = LazyLock::new(Words::new);

/// Words and how they are cut.
pub(crate) struct Words {
    /// As Meilisearch's.
    theirs: Jieba,
    /// With the words of the field.
    ours: Jieba,
    /// What the setting `dictionary` holds, and the length of its longest word.
    dictionary: HashSet<String>,
    longest: usize,
    /// What its words begin with.
    firsts: HashSet<char>,
}

pub(crate) fn words() -> &'static Words {
    &WORDS
}

impl Words {
    fn new() -> Self {
        let theirs = Jieba::new();
        let mut ours = theirs.clone();
        let mut dictionary = HashSet::new();
        for term in lists().terms() {
            if theirs.cut(term, false).len() > 1
                && (term.ends_with(BODIES) || term.chars().count() <= LONGEST_TERM)
            {
                ours.add_word(term, None, None);
                dictionary.insert(term.to_owned());
            }
        }
        let longest = dictionary.iter().map(|it| it.chars().count()).max();
        Self {
            theirs,
            ours,
            firsts: dictionary
                .iter()
                .filter_map(|it| it.chars().next())
                .collect(),
            longest: longest.unwrap_or_default(),
            dictionary,
        }
    }

    /// Words of the field that Meilisearch would cut, in a fixed order.
    pub(crate) fn dictionary(&self) -> Vec<&str> {
        let mut words: Vec<&str> = self.dictionary.iter().map(String::as_str).collect();
        words.sort_unstable();
        words
    }

    /// The words of a text as Meilisearch cuts it.
    pub(crate) fn cut<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut words = Vec::new();
        let mut from = 0;
        let mut at = 0;
        while at < text.len() {
            let step = text[at..].chars().next().map_or(1, char::len_utf8);
            if let Some(length) = self.longest_at(&text[at..]) {
                self.cut_plain(&text[from..at], &mut words);
                words.push(&text[at..at + length]);
                at += length;
                from = at;
            } else {
                at += step;
            }
        }
        self.cut_plain(&text[from..], &mut words);
        words
    }

    fn cut_plain<'a>(&self, text: &'a str, words: &mut Vec<&'a str>) {
        for run in runs(text) {
            let cut = self.theirs.cut(run, false).into_iter();
            words.extend(cut.map(|token| token.word).filter(|word| is_word(word)));
        }
    }

    /// Bytes of the longest word of our dictionary that begins here.
    fn longest_at(&self, text: &str) -> Option<usize> {
        if !self.firsts.contains(&text.chars().next()?) {
            return None;
        }
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
        let mut ends: Vec<usize> = ends.take(self.longest).collect();
        while let Some(end) = ends.pop() {
            if self.dictionary.contains(&text[..end]) {
                return Some(end);
            }
        }
        None
    }

    /// Every word that stands anywhere in a text, inside another one too.
    pub(crate) fn all<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let all = runs(text).flat_map(|run| self.ours.cut_all(run));
        all.map(|token| token.word).filter(|word| is_word(word))
    }

    /// How often each word of two characters and more stands in a text as it is cut.
    pub(crate) fn frequent<'a>(&self, text: &'a str, least: usize) -> Vec<&'a str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for word in self.cut(text) {
            if word.chars().nth(1).is_some() && word.chars().all(is_han) {
                *counts.entry(word).or_default() += 1;
            }
        }
        counts.retain(|_, count| *count >= least);
        counts.into_keys().collect()
    }
}

/// What stands between separators. The cutter counts characters anew for every word: time grows with
/// the square of what it is given.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let between = text.split(|c: char| !c.is_alphanumeric());
    between.flat_map(|mut rest| {
        std::iter::from_fn(move || {
            let end = rest
                .char_indices()
                .nth(MAX_RUN)
                .map_or(rest.len(), |(at, _)| at);
            let (run, next) = rest.split_at(end);
            rest = next;
            (!run.is_empty()).then_some(run)
        })
    })
}

pub(crate) fn is_han(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

fn is_word(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_alphanumeric)
}
