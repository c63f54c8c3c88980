//! How Meilisearch cuts a Chinese text into words, and which words are left inside others.
//!
//! In: texts. Out: their words, as they follow each other, what Meilisearch makes of each, and what stands
//! inside it. The dictionary is the one that Meilisearch has too, with our words on top.

use std::sync::LazyLock;

use jieba_rs::Jieba;

use crate::dictionary::{Dictionary, is_han, is_letter};
use crate::word::Word;

/// Made when a text is first cut: it takes some tens of MB, and who cuts none does without.
static WORDS: LazyLock<Words<'static>> = LazyLock::new(|| Words::new(Dictionary::ours()));

/// Words and how they are cut.
pub(crate) struct Words<'d> {
    jieba: Jieba,
    ours: &'d Dictionary,
}

pub(crate) fn words() -> &'static Words<'static> {
    &WORDS
}

/// The words of a text, without what stands between them.
pub fn cut(text: &str) -> Vec<&str> {
    words().cut(text)
}

impl<'d> Words<'d> {
    pub(crate) fn new(ours: &'d Dictionary) -> Self {
        Self {
            jieba: Jieba::new(),
            ours,
        }
    }

    /// The words of a text. Meilisearch cuts most of them once more: [`Self::parts`].
    pub(crate) fn cut<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut words = Vec::new();
        self.cut_each(text, &self.ours(text), |word| {
            if is_word(word) {
                words.push(word);
            }
        });
        words
    }

    /// Shows the words of a text to `take`, and what stands between them. `ours`: [`Self::ours`] of it.
    pub(crate) fn cut_each<'a>(
        &self,
        text: &'a str,
        ours: &[(usize, &'a str)],
        mut take: impl FnMut(&'a str),
    ) {
        let cut_plain = |from: usize, to: usize, take: &mut dyn FnMut(&'a str)| {
            // No word goes on in the next line; what is cut at once stays in the cache.
            for line in text[from..to].split_inclusive('\n') {
                let cut = self.jieba.cut(line, false).into_iter();
                cut.for_each(|token| take(token.word));
            }
        };
        let mut from = 0;
        for (at, word) in ours {
            if *at >= from {
                cut_plain(from, *at, &mut take);
                take(word);
                from = at + word.len();
            }
        }
        cut_plain(from, text.len(), &mut take);
    }

    /// What Meilisearch makes of a word: from its beginning a known word of two characters, else one
    /// of three, else a character.
    pub(crate) fn parts<'a>(&self, word: &'a str) -> impl Iterator<Item = &'a str> {
        let is_pair = word.chars().nth(2).is_none();
        let is_whole = is_pair || self.ours.holds(word) || !word.chars().all(is_han);
        let mut rest = word;
        std::iter::from_fn(move || {
            let end = |num: usize| rest.char_indices().nth(num).map_or(rest.len(), |it| it.0);
            let is_word = |num: &usize| self.jieba.has_word(&rest[..end(*num)]);
            let (part, next) = if rest.is_empty() {
                return None;
            } else if is_whole {
                (rest, "")
            } else {
                rest.split_at(end([2, 3].into_iter().find(is_word).unwrap_or(1)))
            };
            rest = next;
            Some(part)
        })
    }

    /// Those parts of a word that are words themselves.
    pub(crate) fn parts_of<'a>(&self, word: &Word<'a>) -> impl Iterator<Item = Word<'a>> {
        self.parts(word.text()).filter_map(Word::of)
    }

    /// The longest word of our dictionary at each place where one begins.
    pub(crate) fn ours<'a>(&self, text: &'a str) -> Vec<(usize, &'a str)> {
        self.ours.find(text)
    }

    /// The words of two characters or more that stand inside another one.
    pub(crate) fn inside<'a>(&self, word: &Word<'a>) -> impl Iterator<Item = Word<'a>> {
        let is_pair = word.text().chars().nth(2).is_none();
        let all = (!is_pair).then(|| self.jieba.cut_all(word.text()));
        let all = all.into_iter().flatten();
        all.filter_map(|token| Word::of(token.word))
    }
}

fn is_word(word: &str) -> bool {
    word.chars().next().is_some_and(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_once_more_as_meilisearch_does() {
        for (word, parts) in [
            ("基础设施", "基础 设施"),
            ("传承人", "传承 人"),
            ("未成年人", "未成 年 人"),
            ("待处理", "待处理"),
            ("马克思主义", "马克 思 主义"),
            ("环境", "环境"),
        ] {
            let cut = words().cut(word).into_iter();
            let cut: Vec<&str> = cut.flat_map(|it| words().parts(it)).collect();
            assert_eq!(cut.join(" "), parts);
        }
    }
}
