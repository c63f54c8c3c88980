//! What is asked of Meilisearch for what somebody typed.
//!
//! In: a query. Out: its words in simplified characters, years last, and how it is read. What the
//! index can do by itself is not done here.

mod content;

use std::collections::BTreeMap;

use meilisearch_sdk::search::MatchingStrategies;
use words::{is_han, pinyin_of_word, simplified, syllables};

use content::Content;

use crate::document::searched;

/// Meilisearch reads so many words of a query.
const MAX_WORDS: usize = 10;

/// How much a form counts beside the others.
const ALL_WORDS: f64 = 1.0;
const PHRASE: f64 = 1.0;
const EACH_WORD: f64 = 0.5;

/// A way to ask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Form {
    pub(crate) words: String,
    pub(crate) attributes: Option<[&'static str; 1]>,
    pub(crate) drop: Drop,
    /// How much its order counts beside those of other forms.
    pub(crate) weight: f64,
}

/// Which words may be missing in a hit that has the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Drop {
    None,
    /// The last ones first.
    Last,
    /// The most frequent ones first: they say least.
    Frequent,
}

impl Drop {
    pub(crate) fn strategy(self) -> MatchingStrategies {
        match self {
            Self::None => MatchingStrategies::ALL,
            Self::Last => MatchingStrategies::LAST,
            Self::Frequent => MatchingStrategies::FREQUENCY,
        }
    }
}

/// What somebody typed, read in several ways.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    /// The words.
    pub(crate) plain: Form,
    /// The syllables, when it is typed in Latin letters or may hold a homophone.
    pub(crate) read: Option<Vec<String>>,
    /// Whether it is typed in Latin letters.
    pub(crate) is_pinyin: bool,
    /// What is in the words.
    content: Content,
    /// They go last.
    years: String,
}

impl Asked {
    pub(crate) fn of(query: &str) -> Self {
        let simple = simplified(query);
        let (rest, years) = without_years(&simple);
        let content = Content::of(&rest);
        let plain = if rest.trim().is_empty() {
            Form::plain(simple.to_string())
        } else {
            Form::plain(
                format!("{} {}", content.rest, years.join(" "))
                    .trim()
                    .to_owned(),
            )
        };
        let typed = syllables(query);
        let is_pinyin = typed.is_some();
        let is_short = (3..=MAX_WORDS).contains(&query.chars().count());
        let read = match typed {
            None if is_short => pinyin_of_word(&simple).and_then(|read| syllables(&read)),
            typed => typed,
        };
        Self {
            plain,
            read,
            is_pinyin,
            content,
            years: years.join(" "),
        }
    }

    /// Bytes of the words; years count where there is nothing else.
    pub(crate) fn num_bytes(&self) -> usize {
        let is_asked = |c: &char| !c.is_whitespace() && *c != '"';
        let count = |words: &str| words.chars().filter(is_asked).map(char::len_utf8).sum();
        match count(&self.content.rest) {
            0 => count(&self.plain.words),
            num => num,
        }
    }

    /// All ways to ask for the words, which together find what has many of them: all words, as they
    /// stand, without the last ones, without the most frequent ones, and each before the others.
    pub(crate) fn forms(&self) -> Vec<Form> {
        let plain = |words: &str, drop, weight| Form {
            words: words.to_owned(),
            attributes: None,
            drop,
            weight,
        };
        let words = self.plain.words.as_str();
        let mut forms = vec![
            plain(words, Drop::None, ALL_WORDS),
            plain(words, Drop::Last, 1.0),
            plain(words, Drop::Frequent, 1.0),
        ];
        for phrase in &self.content.phrases {
            let words = format!("{phrase} {}", self.years);
            forms.push(plain(words.trim(), Drop::Last, PHRASE));
        }
        for (at, word) in self.content.words.iter().enumerate() {
            let others = self.content.words.iter().enumerate();
            let others = others.filter(|(other, _)| *other != at).map(|(_, it)| it);
            let words: Vec<&str> = [word]
                .into_iter()
                .chain(others)
                .chain([&self.years])
                .map(String::as_str)
                .collect();
            forms.push(plain(words.join(" ").trim(), Drop::Last, EACH_WORD));
        }
        forms
    }
}

impl Form {
    /// Whether it finds only what has all the words.
    pub(crate) fn is_strict(&self) -> bool {
        self.drop == Drop::None
    }

    pub(crate) fn plain(words: String) -> Self {
        Self {
            words,
            attributes: None,
            drop: Drop::Last,
            weight: 1.0,
        }
    }

    /// As one word, as words of two syllables, as the syllables of a title.
    pub(crate) fn read(syllables: &[String]) -> Vec<Self> {
        let syllables = &syllables[..syllables.len().min(MAX_WORDS)];
        let mut forms: Vec<Self> = Vec::new();
        for size in [syllables.len(), 2, 1] {
            let words: Vec<String> = syllables.chunks(size).map(<[String]>::concat).collect();
            let form = Self {
                words: words.join(" "),
                attributes: Some([searched::PINYIN]),
                drop: Drop::None,
                weight: 1.0,
            };
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms
    }
}

/// The characters that are read so and stand most often in a text that was found by the reading.
pub(crate) fn written(text: &str, syllables: &[String]) -> Option<String> {
    let joined = syllables.concat();
    let text = simplified(text);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, first) in text.char_indices().filter(|(_, c)| is_han(*c)) {
        let begins = pinyin_of_word(first.encode_utf8(&mut [0; 4]));
        if begins.is_none_or(|it| it.as_bytes().first() != joined.as_bytes().first()) {
            continue;
        }
        let mut ends = text[at..].char_indices().map(|(end, c)| end + c.len_utf8());
        let window = ends.nth(syllables.len() - 1).map(|end| &text[at..at + end]);
        if let Some(window) = window
            && pinyin_of_word(window).is_some_and(|read| read == joined)
        {
            *counts.entry(window).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(window, _)| window.to_owned())
}

/// Takes years (2021年, or 2021 at the beginning) out: they say less than the rest, and where words
/// are dropped from the end they should stand there.
fn without_years(query: &str) -> (String, Vec<String>) {
    let chars: Vec<char> = query.chars().collect();
    let (mut rest, mut years) = (String::new(), Vec::new());
    let mut at = 0;
    while at < chars.len() {
        let is_digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
        let is_alone = (at == 0 || !is_digit(at - 1)) && !is_digit(at + 4);
        let year: String = chars[at..].iter().take(4).collect();
        let is_year = is_alone
            && year.len() == 4
            && (year.starts_with("19") || year.starts_with("20"))
            && year.bytes().all(|b| b.is_ascii_digit());
        let next = chars.get(at + 4);
        if is_year && (next == Some(&'年') || next.is_none_or(|c| c.is_whitespace())) {
            years.push(year);
            rest.push(' ');
            at += 4 + usize::from(next == Some(&'年'));
        } else {
            rest.push(chars[at]);
            at += 1;
        }
    }
    (rest, years)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(query: &str) -> String {
        Asked::of(query).plain.words
    }

    fn read(query: &str) -> String {
        Asked::of(query).read.unwrap_or_default().join(" ")
    }

    #[test]
    fn a_traditional_query_is_asked_in_simplified_characters() {
        assert_eq!(plain("鄉村振興"), "乡村振兴");
    }

    #[test]
    fn a_year_is_the_first_word_that_may_be_missing() {
        assert_eq!(plain("2021年城市工作"), "城市工作 2021");
        assert_eq!(plain("云政发〔2021〕9号"), "云政发〔2021〕9号");
        assert_eq!(plain("2021"), "2021");
    }

    #[test]
    fn pinyin_and_what_may_be_mistyped_are_asked_by_their_syllables() {
        assert_eq!(read("xiangcun zhenxing"), "xiang cun zhen xing");
        assert_eq!(read("营商环竟"), "ying shang huan jing");
        assert_eq!(read("meilisearch"), "");
        assert_eq!(read("2021年城市"), "");
    }

    #[test]
    fn a_reading_is_written_as_the_text_writes_it_most_often() {
        let syllables = syllables("yingshanghuanjing").unwrap();
        let text = "优化营商环境，人人都是营商环境。";
        assert_eq!(written(text, &syllables).as_deref(), Some("营商环境"));
        assert_eq!(written("没有这样的话", &syllables), None);
    }

    #[test]
    fn a_question_is_asked_by_its_phrases_and_by_each_of_its_words_too() {
        let forms = Asked::of("2021年怎么优化营商环境").forms();
        let words: Vec<&str> = forms.iter().map(|form| form.words.as_str()).collect();
        assert!(words.contains(&"\"优化营商环境\" 2021"), "{words:?}");
        assert!(words.contains(&"环境 优化 营商 2021"), "{words:?}");
        assert_eq!(Asked::of("农民工").forms().len(), 3);
        assert_eq!(plain("拖欠工资怎么办"), "拖欠工资");
        assert_eq!(plain("怎么办"), "怎么办");
    }

    #[test]
    fn quotes_are_meant_as_they_stand() {
        assert_eq!(plain("\"一张蓝图干到底\""), "\"一张蓝图干到底\"");
        assert_eq!(read("\"一张蓝图干到底\""), "");
    }
}
