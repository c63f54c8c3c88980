//! What we know of Chinese words: how Meilisearch cuts them, and which are left inside others.
//!
//! In: texts. Out: the words of a text that Meilisearch would not find in it by itself, as the helper
//! attributes hold them. The lists (synonyms, words of the field, stop words) are data in `words/`.

mod lists;
mod pinyin;
mod script;
mod word;

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use jieba_rs::Jieba;

pub(crate) use lists::lists;
pub(crate) use pinyin::{of_word as pinyin_of_word, syllables};
pub(crate) use script::{simplified, simplified_chars};
pub(crate) use word::Word;

/// How names of bodies end; they are kept whole.
const BODIES: [char; 6] = ['委', '局', '部', '厅', '团', '会'];

/// Characters of another word that is kept whole. A longer one is found by its parts, and its parts
/// by themselves.
const LONGEST_TERM: usize = 3;

/// Meilisearch looks up synonyms of so many words; what it would cut into more is kept whole, unless
/// it is a sentence.
const SYNONYM_WORDS: usize = 3;
const LONGEST_WHOLE: usize = 8;

/// Made when a document is: it takes some tens of MB, and who only searches does without.
static WORDS: LazyLock<Words> = LazyLock::new(Words::new);

/// Words and how they are cut.
pub(crate) struct Words {
    /// With the dictionary that Meilisearch has too.
    jieba: Jieba,
    /// What the setting `dictionary` holds on top.
    dictionary: HashSet<String>,
    /// The same by the first two characters, the longest word first.
    by_begin: HashMap<(char, char), Vec<String>>,
    /// Whether one of them begins with a character, by its code: most characters begin none.
    begins: Vec<bool>,
}

pub(crate) fn words() -> &'static Words {
    &WORDS
}

impl Words {
    fn new() -> Self {
        let mut words = Self {
            jieba: Jieba::new(),
            dictionary: HashSet::new(),
            by_begin: HashMap::new(),
            begins: vec![false; usize::from(u16::MAX) + 1],
        };
        let is_kept = |term: &&str| {
            let num_parts = words.cut(term).into_iter().flat_map(|it| words.parts(it));
            let num_parts = num_parts.count();
            let num_chars = term.chars().count();
            let is_long = num_parts > SYNONYM_WORDS && num_chars <= LONGEST_WHOLE;
            let is_name = term.ends_with(BODIES) || num_chars <= LONGEST_TERM;
            is_long || (num_parts > 1 && is_name)
        };
        let terms = lists().terms();
        let kept = terms.into_iter().filter(is_kept).map(ToOwned::to_owned);
        words.dictionary = kept.collect();
        for word in &words.dictionary {
            if let Some(begin) = begin(word) {
                words.by_begin.entry(begin).or_default().push(word.clone());
                if let Some(place) = words.begins.get_mut(begin.0 as usize) {
                    *place = true;
                }
            }
        }
        for alike in words.by_begin.values_mut() {
            alike.sort_by_key(|word| std::cmp::Reverse(word.len()));
        }
        words
    }

    /// Words of the field that Meilisearch would cut, in a fixed order.
    pub(crate) fn dictionary(&self) -> Vec<&str> {
        let mut words: Vec<&str> = self.dictionary.iter().map(String::as_str).collect();
        words.sort_unstable();
        words
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
    fn parts<'a>(&self, word: &'a str) -> impl Iterator<Item = &'a str> {
        let is_pair = word.chars().nth(2).is_none();
        let is_whole = is_pair || self.is_ours(word) || !word.chars().all(is_han);
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
        let begins = text.char_indices().filter(|(_, c)| self.may_begin(*c));
        let found = begins.filter_map(|(at, _)| {
            let rest = &text[at..];
            let alike = self.by_begin.get(&begin(rest)?)?;
            let found = alike.iter().find(|word| rest.starts_with(word.as_str()));
            found.map(|word| (at, &rest[..word.len()]))
        });
        found.collect()
    }

    fn is_ours(&self, word: &str) -> bool {
        word.starts_with(|c| self.may_begin(c)) && self.dictionary.contains(word)
    }

    fn may_begin(&self, c: char) -> bool {
        self.begins.get(c as usize).copied().unwrap_or_default()
    }

    /// The words of two characters or more that stand inside another one.
    pub(crate) fn inside<'a>(&self, word: &Word<'a>) -> impl Iterator<Item = Word<'a>> {
        let is_pair = word.text().chars().nth(2).is_none();
        let all = (!is_pair).then(|| self.jieba.cut_all(word.text()));
        let all = all.into_iter().flatten();
        all.filter_map(|token| Word::of(token.word))
    }
}

fn begin(text: &str) -> Option<(char, char)> {
    let mut chars = text.chars();
    Some((chars.next()?, chars.next()?))
}

pub(crate) fn is_han(c: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&c)
}

fn is_word(word: &str) -> bool {
    word.chars().next().is_some_and(is_letter)
}

/// Alphanumeric; nearly all that is asked about are Han, and the table is slow for them.
pub(crate) fn is_letter(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c) || c.is_alphanumeric()
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
