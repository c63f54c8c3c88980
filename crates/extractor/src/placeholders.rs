//! Words that the library blanked out (X, ××, 某 …): counted, never restored.

use std::ops::Range;
use std::sync::LazyLock;

use messages::Placeholders;
use regex::Regex;

static BLANK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"20(?:[XxＸｘ]{2}|[×✕]{2}|[*＊]{2})|[XxＸｘ]+|[×✕]+|[*＊]{1,6}|[★☆○◯●△▲□■◆]{1,6}|[_＿]{2,}",
        r"|某{1,4}(?:个|些|某|省|市|州|县|區|区|乡|镇|村|街|路|局|厅|部|处|科|委|办|院|校|所|站|厂|矿|企|公司|集团|单位|部门|机关|学校|银行|同志|书记|领导|干部|年|月|日)",
    ))
    .expect("a valid pattern")
});

/// Where the blanks of a text are.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    BLANK
        .find_iter(text)
        .filter(|found| is_blank(text, found.range()))
        .map(|found| found.range())
        .collect()
}

/// The neighbours decide: an X in a word, a × between numbers and a bullet are no blanks.
fn is_blank(text: &str, range: Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    let either = |test: fn(char) -> bool| before.is_some_and(test) || after.is_some_and(test);
    let both = |test: fn(char) -> bool| before.is_some_and(test) && after.is_some_and(test);
    match text[range].chars().next() {
        Some('X' | 'x' | 'Ｘ' | 'ｘ') => !either(|c| c.is_ascii_alphanumeric()),
        Some('2') => !either(|c| c.is_ascii_alphanumeric()),
        Some('×' | '✕') => !both(|c| c.is_ascii_digit()),
        Some('★' | '☆' | '○' | '◯' | '●' | '△' | '▲' | '□' | '■' | '◆') => {
            before.is_some_and(|c| !c.is_whitespace())
        }
        _ => true,
    }
}

pub(crate) fn count(text: &str, num_chars: usize) -> Placeholders {
    let count = find(text).len();
    let per_1000 = count as f64 * 1_000.0 / num_chars.max(1) as f64;
    Placeholders {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        per_1000: (per_1000 * 10.0).round() / 10.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_told_from_words_numbers_and_bullets_by_their_neighbours() {
        for (text, expected) in [
            ("X月X日，XX县委X书记", 4),
            ("20XX年，全县GDP增长××%", 2),
            ("某县某单位的同志", 2),
            ("“X+X”试点", 2),
            ("MAX值、5G网络、X光片", 1),
            ("3×4米", 0),
            ("●第一部分", 0),
            ("青山县○○镇", 1),
            ("签名：____", 1),
            ("某种意义上说", 0),
        ] {
            assert_eq!(find(text).len(), expected, "{text}");
        }
    }

    #[test]
    fn the_rate_has_one_decimal() {
        assert!((count("X月", 43).per_1000 - 23.3).abs() < 1e-9);
        assert!(count("", 0).per_1000.abs() < 1e-9);
    }
}
