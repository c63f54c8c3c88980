//! A word that is compared, hashed and sorted by one number.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::dictionary::is_han;

/// Characters whose codes are in the number.
const KEY_CHARS: usize = 4;

/// Bytes of so many, and of the shortest word: a character of ours has three.
const KEY_BYTES: usize = KEY_CHARS * 3;
const LEAST_BYTES: usize = 6;

/// A word of two Han characters or more. Sorts as its text does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'a> {
    /// The codes of its first characters, the first of them on top.
    key: u64,
    text: &'a str,
}

impl<'a> Word<'a> {
    /// `None`: it is shorter, or holds something else.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        if text.len() < LEAST_BYTES {
            return None;
        }
        let mut key = 0;
        let mut shift = u64::BITS;
        for c in text.chars() {
            if !is_han(c) {
                return None;
            }
            if shift > 0 {
                shift -= u16::BITS;
                key |= u64::from(u32::from(c)) << shift;
            }
        }
        Some(Self { key, text })
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }
}

impl PartialEq for Word<'_> {
    fn eq(&self, other: &Self) -> bool {
        let is_short = self.text.len() <= KEY_BYTES && other.text.len() <= KEY_BYTES;
        self.key == other.key && (is_short || self.text == other.text)
    }
}

impl Eq for Word<'_> {}

impl Hash for Word<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl Ord for Word<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = self.key.cmp(&other.key);
        by_key.then_with(|| self.text.cmp(other.text))
    }
}

impl PartialOrd for Word<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use foldhash::HashSet;

    use super::*;

    #[test]
    fn words_are_the_same_and_follow_each_other_as_their_texts_do() {
        let texts = [
            "一一",
            "一一一",
            "发展",
            "发展改革",
            "发展改革委",
            "发展改革委员会",
            "展发",
            "龟龟",
        ];
        let words: Vec<Word<'_>> = texts.into_iter().filter_map(Word::of).collect();
        assert_eq!(words.len(), texts.len());
        for (a, text) in words.iter().zip(texts) {
            for (b, other) in words.iter().zip(texts) {
                assert_eq!((a.cmp(b), a == b), (text.cmp(other), text == other));
            }
        }
        let twice: HashSet<Word<'_>> = words.iter().chain(&words).copied().collect();
        assert_eq!(twice.len(), texts.len());
    }

    #[test]
    fn a_single_character_and_what_is_not_han_are_no_words() {
        for text in ["", "字", "T恤", "2021年", "OK", "，。", "𠀀𠀁"] {
            assert!(Word::of(text).is_none(), "{text}");
        }
    }
}
