//! The words that are kept whole, and what a character is.
//!
//! In: `dictionary.txt`. Out: which of its words stand where in a text. It knows no other words: who only
//! writes the settings never loads those.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt, HashSet};

static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| Dictionary::of(WORDS.iter().copied()));

static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let lines = include_str!("../lists/dictionary.txt").lines();
    lines.filter(|line| !line.starts_with('#')).collect()
});

/// Words of the field that Meilisearch would cut, sorted: its setting `dictionary`.
pub fn dictionary() -> &'static [&'static str] {
    &WORDS
}

/// Words that are kept whole.
pub(crate) struct Dictionary {
    words: HashSet<&'static str>,
    /// The same by the first two characters, the longest word first.
    by_begin: HashMap<(char, char), Vec<&'static str>>,
    /// Whether one of them begins with a character, by its code: most characters begin none.
    begins: Vec<bool>,
}

impl Dictionary {
    /// That of [`dictionary`].
    pub(crate) fn ours() -> &'static Self {
        &DICTIONARY
    }

    pub(crate) fn of(words: impl Iterator<Item = &'static str>) -> Self {
        let mut it = Self {
            words: words.collect(),
            by_begin: HashMap::new(),
            begins: vec![false; usize::from(u16::MAX) + 1],
        };
        for word in &it.words {
            if let Some(begin) = begin(word) {
                it.by_begin.entry(begin).or_default().push(word);
                if let Some(place) = it.begins.get_mut(begin.0 as usize) {
                    *place = true;
                }
            }
        }
        for alike in it.by_begin.values_mut() {
            alike.sort_by_key(|word| std::cmp::Reverse(word.len()));
        }
        it
    }

    /// The longest of the words at each place where one begins.
    pub(crate) fn find<'a>(&self, text: &'a str) -> Vec<(usize, &'a str)> {
        let begins = text.char_indices().filter(|(_, c)| self.may_begin(*c));
        let found = begins.filter_map(|(at, _)| {
            let rest = &text[at..];
            let alike = self.by_begin.get(&begin(rest)?)?;
            let found = alike.iter().find(|word| rest.starts_with(**word));
            found.map(|word| (at, &rest[..word.len()]))
        });
        found.collect()
    }

    pub(crate) fn holds(&self, word: &str) -> bool {
        word.starts_with(|c| self.may_begin(c)) && self.words.contains(word)
    }

    fn may_begin(&self, c: char) -> bool {
        self.begins.get(c as usize).copied().unwrap_or_default()
    }
}

fn begin(text: &str) -> Option<(char, char)> {
    let mut chars = text.chars();
    Some((chars.next()?, chars.next()?))
}

/// A Chinese character of the basic plane.
pub fn is_han(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

/// Alphanumeric; nearly all that is asked about are Han, and the table is slow for them.
pub fn is_letter(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c) || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::Words;
    use crate::lists;

    /// How names of bodies end; they are kept whole.
    const BODIES: [char; 6] = ['委', '局', '部', '厅', '团', '会'];

    /// Characters of another word that is kept whole. A longer one is found by its parts, and its parts
    /// by themselves.
    const LONGEST_TERM: usize = 3;

    /// Meilisearch looks up synonyms of so many words; what it would cut into more is kept whole, unless
    /// it is a sentence.
    const SYNONYM_WORDS: usize = 3;
    const LONGEST_WHOLE: usize = 8;

    /// Whether a term of ours is kept whole, by how it is cut without our dictionary.
    fn is_kept(words: &Words<'_>, term: &str) -> bool {
        let parts = words.cut(term).into_iter();
        let num_parts = parts.flat_map(|it| words.parts(it)).count();
        let num_chars = term.chars().count();
        let is_long = num_parts > SYNONYM_WORDS && num_chars <= LONGEST_WHOLE;
        let is_name = term.ends_with(BODIES) || num_chars <= LONGEST_TERM;
        is_long || (num_parts > 1 && is_name)
    }

    #[test]
    fn the_words_that_are_kept_whole_are_those_that_the_rule_picks_out_of_the_synonyms() {
        let none = Dictionary::of(std::iter::empty());
        let words = Words::new(&none);
        let terms = lists().terms().into_iter();
        let kept: Vec<&str> = terms.filter(|term| is_kept(&words, term)).collect();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/lists/dictionary.txt");
            let old = std::fs::read_to_string(file).unwrap();
            let head = old
                .split_inclusive('\n')
                .filter(|line| line.starts_with('#'));
            let lines = kept.iter().flat_map(|word| [*word, "\n"]);
            std::fs::write(file, head.chain(lines).collect::<String>()).unwrap();
            return;
        }
        assert!(dictionary() == kept, "run with UPDATE_GOLDEN=1");
    }

    #[test]
    fn the_longest_word_is_found_wherever_one_begins() {
        let dictionary = Dictionary::of(["发改", "发改委", "改委会"].into_iter());
        let found = dictionary.find("市发改委会议");
        assert_eq!(found, [(3, "发改委"), (6, "改委会")]);
        assert!(dictionary.holds("发改") && !dictionary.holds("改委"));
    }
}
