//! What is asked of Meilisearch for what somebody typed.
//!
//! In: a query. Out: forms of it, the likeliest first; whoever asks takes the first that finds a
//! speech with all of its words, else the last. What the index can do by itself is not done here.

use meilisearch_sdk::search::MatchingStrategies;

use crate::document::helpers;
use crate::words::{is_han, pinyin_of_word, simplified, syllables, words};

/// Meilisearch reads so many words of a query.
const MAX_WORDS: usize = 10;

/// A way to ask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Form {
    pub(crate) words: String,
    pub(crate) attributes: Option<[&'static str; 1]>,
    pub(crate) drop: Drop,
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

/// The forms of a query; never none.
pub(crate) fn forms(query: &str) -> Vec<Form> {
    let simple = simplified(query);
    let (rest, years) = without_years(&simple);
    let plain = if years.is_empty() || rest.trim().is_empty() {
        Form::of(simple.to_string(), Drop::Frequent)
    } else {
        Form::of(format!("{} {}", rest.trim(), years.join(" ")), Drop::Last)
    };
    // In quotes it is meant as it stands.
    if query.contains('"') {
        return vec![plain];
    }
    if let Some(syllables) = syllables(query) {
        return vec![Form::read(&syllables), plain];
    }
    // A homophone instead of the right character reads the same.
    let read = reading(&simple).map(|it| Form::read(&it));
    [Some(plain.clone()), read, Some(plain)]
        .into_iter()
        .flatten()
        .collect()
}

impl Form {
    fn of(words: String, drop: Drop) -> Self {
        Self {
            words,
            attributes: None,
            drop,
        }
    }

    fn read(syllables: &[String]) -> Self {
        Self {
            words: syllables[..syllables.len().min(MAX_WORDS)].join(" "),
            attributes: Some([helpers::PINYIN]),
            drop: Drop::None,
        }
    }
}

/// How the words of a query are read; of some characters of Han alone.
fn reading(query: &str) -> Option<Vec<String>> {
    let is_short = (3..=MAX_WORDS).contains(&query.chars().count());
    if !is_short || !query.chars().all(is_han) {
        return None;
    }
    words().cut(query).into_iter().map(pinyin_of_word).collect()
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

    fn first(query: &str) -> Form {
        forms(query).swap_remove(0)
    }

    #[test]
    fn a_traditional_query_is_asked_in_simplified_characters() {
        assert_eq!(first("鄉村振興").words, "乡村振兴");
    }

    #[test]
    fn a_year_is_the_first_word_that_may_be_missing() {
        let form = first("2021年城市工作");
        assert_eq!((form.words.as_str(), form.drop), ("城市工作 2021", Drop::Last));
        assert_eq!(first("云政发〔2021〕9号").words, "云政发〔2021〕9号");
        assert_eq!(first("2021").words, "2021");
    }

    #[test]
    fn pinyin_is_asked_by_its_syllables_and_what_only_looks_like_it_as_it_stands_too() {
        let forms = forms("xiangcun zhenxing");
        assert_eq!(forms[0].words, "xiang cun zhen xing");
        assert_eq!(forms[0].attributes, Some([helpers::PINYIN]));
        assert_eq!(forms[1].words, "xiangcun zhenxing");
        assert_eq!(first("meilisearch").attributes, None);
    }

    #[test]
    fn what_is_mistyped_is_asked_by_its_reading_unless_it_is_found_as_it_stands() {
        let forms = forms("营商环竟");
        assert_eq!(forms[0].words, "营商环竟");
        assert_eq!(forms[1].words.replace(' ', ""), "yingshanghuanjing");
        assert_eq!(forms[2], forms[0]);
    }

    #[test]
    fn quotes_are_meant_as_they_stand() {
        let asked = forms("\"一张蓝图干到底\"");
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].words, "\"一张蓝图干到底\"");
    }
}
