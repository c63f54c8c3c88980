//! Chinese in Latin letters: how a word is read, and how what somebody typed falls into syllables.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt, HashSet};
use pinyin::ToPinyin;

use crate::dictionary::is_han;

/// Words that are not read as the first reading of each character says, by their first character.
static WORDS: LazyLock<HashMap<char, Vec<(&str, &str)>>> = LazyLock::new(|| {
    let lines = include_str!("../lists/pinyin.txt").lines();
    let pairs = lines.filter(|line| !line.starts_with('#'));
    let mut words: HashMap<char, Vec<(&str, &str)>> = HashMap::new();
    for (word, read) in pairs.filter_map(|line| line.split_once(' ')) {
        let first = word.chars().next().unwrap_or_default();
        words.entry(first).or_default().push((word, read));
    }
    words
});

/// Every syllable that a character can be read as.
static SYLLABLES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let chars = ('\u{4e00}'..='\u{9fa5}').filter_map(|c| c.to_pinyin());
    let plain = chars.map(|it| letters(it.plain()).collect::<String>());
    plain.filter(|it| it.is_ascii()).collect()
});

const LONGEST: usize = 6;

/// How a word is read, without tones: 乡村 is `xiangcun`. `None`: it holds what has no reading.
pub fn of_word(word: &str) -> Option<String> {
    let mut read = String::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let known = WORDS.get(&first).into_iter().flatten();
        let known = known.filter(|(word, _)| rest.starts_with(word));
        if let Some((word, pinyin)) = known.max_by_key(|(word, _)| word.len()) {
            read.push_str(pinyin);
            rest = &rest[word.len()..];
        } else {
            read.extend(letters(first.to_pinyin()?.plain()));
            rest = &rest[first.len_utf8()..];
        }
    }
    (!read.is_empty() && word.chars().all(is_han)).then_some(read)
}

/// The syllables of what may be pinyin, spaces or none between them. `None`: it is not.
pub fn syllables(text: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for part in text.split(|c: char| c.is_whitespace() || c == '\'') {
        let part = part.to_lowercase().replace('ü', "v");
        if !part.bytes().all(|b| b.is_ascii_lowercase()) || !split(&part, &mut found) {
            return None;
        }
    }
    (!found.is_empty()).then_some(found)
}

/// The longest syllable first, a shorter one where the rest would not fall into syllables.
fn split(text: &str, found: &mut Vec<String>) -> bool {
    if text.is_empty() {
        return true;
    }
    for length in (1..=LONGEST.min(text.len())).rev() {
        let (syllable, rest) = text.split_at(length);
        if SYLLABLES.contains(syllable) {
            found.push(syllable.to_owned());
            if split(rest, found) {
                return true;
            }
            found.pop();
        }
    }
    false
}

/// ü is typed as v.
fn letters(plain: &str) -> impl Iterator<Item = char> {
    plain.chars().map(|c| if c == 'ü' { 'v' } else { c })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_a_word_and_not_by_its_characters() {
        assert_eq!(of_word("乡村振兴").as_deref(), Some("xiangcunzhenxing"));
        assert_eq!(of_word("重庆银行").as_deref(), Some("chongqingyinhang"));
        assert_eq!(of_word("重点行业").as_deref(), Some("zhongdianhangye"));
        assert_eq!(of_word("绿色效率").as_deref(), Some("lvsexiaolv"));
        assert_eq!(of_word("2021年"), None);
    }

    #[test]
    fn pinyin_falls_into_syllables_with_and_without_spaces() {
        let split = |text| syllables(text).unwrap_or_default().join(" ");
        assert_eq!(split("xiangcun zhenxing"), "xiang cun zhen xing");
        assert_eq!(split("ZhaoShangYinZi"), "zhao shang yin zi");
        assert_eq!(split("fang'an"), "fang an");
        assert_eq!(split("gengongzuo"), "gen gong zuo");
        assert_eq!(syllables("meilisearch"), None);
        assert_eq!(syllables("城市 gongzuo"), None);
        assert_eq!(syllables(""), None);
    }
}
