//! What we know of Chinese words: how Meilisearch cuts them, and which are left inside others.
//!
//! In: texts. Out: the words of a text that Meilisearch would not find in it by itself, as the helper
//! attributes hold them. The lists (synonyms, words of the field, stop words) are data in `words/`.

mod lists;
mod pinyin;
mod script;

use std::collections::HashSet;
use std::sync::LazyLock;

use jieba_rs::Jieba;

pub(crate) use lists::lists;
pub(crate) use pinyin::{of_word as pinyin_of_word, syllables};
pub(crate) use script::simplified;

/// How names of bodies end, kept whole too: a synonym is looked up by three words at most.
const BODIES: [char; 6] = ['委', '局', '部', '厅', '团', '会'];

/// Characters of a word that is kept whole. A longer one is found by its parts, and its parts by
/// themselves.
const LONGEST_TERM: usize = 3;

/// Made when a document is: it takes some tens of MB, and who only searches does without.
static WORDS: LazyLock<Words> = LazyLock::new(Words::new);

/// Words and how they are cut.
pub(crate) struct Words {
    /// With the dictionary that Meilisearch has too.
    jieba: Jieba,
    /// What the setting `dictionary` holds on top, and the characters of its longest word.
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
        let jieba = Jieba::new();
        let is_cut = |term: &str| jieba.cut(term, false).len() > 1;
        let is_kept = |term: &str| term.ends_with(BODIES) || term.chars().count() <= LONGEST_TERM;
        let dictionary: HashSet<String> = lists()
            .terms()
            .into_iter()
            .filter(|term| is_kept(term) && is_cut(term))
            .map(ToOwned::to_owned)
            .collect();
        let longest = dictionary.iter().map(|it| it.chars().count()).max();
        Self {
            jieba,
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
        let cut = self.jieba.cut(text, false).into_iter();
        words.extend(cut.map(|token| token.word).filter(|word| is_word(word)));
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
        let ours = text.char_indices().filter_map(|(at, _)| {
            let length = self.longest_at(&text[at..])?;
            Some(&text[at..at + length])
        });
        let theirs = self.jieba.cut_all(text).into_iter();
        let theirs = theirs.map(|token| token.word);
        theirs.filter(|word| is_word(word)).chain(ours)
    }
}

pub(crate) fn is_han(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

fn is_word(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_alphanumeric)
}
