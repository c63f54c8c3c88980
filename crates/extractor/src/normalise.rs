//! The one way in which text is tidied: as written, except for white space, invisible characters and
//! compatibility ideographs. NFKC is for comparing only: it would turn ， into a comma.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_canonical;

/// One line: white space (U+3000 and U+00A0 too) collapsed to single spaces, none at the ends.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if is_space(c) {
            gap = true;
        } else if !is_invisible(c) {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            push(&mut out, c);
        }
    }
    out
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn push(out: &mut String, c: char) {
    if matches!(c, '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}') {
        decompose_canonical(c, |c| out.push(c));
    } else {
        out.push(c);
    }
}

/// For comparing and hashing: NFKC, no white space.
pub(crate) fn comparable(text: &str) -> String {
    text.nfkc().filter(|c| !c.is_whitespace()).collect()
}

/// For comparing titles: NFKC, letters and digits only.
pub(crate) fn letters(text: &str) -> String {
    text.nfkc().filter(|c| c.is_alphanumeric()).collect()
}

/// Characters, white space not counted.
pub(crate) fn num_chars(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// A Han character of the basic block or its extensions.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// At most so many characters, for messages and audit.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let mut short: String = text.chars().take(limit).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_loses_indentation_and_invisible_characters_and_keeps_its_marks() {
        assert_eq!(
            line("\u{3000}\u{3000}同志\u{200b}们：\u{a0}\n 大家好！ "),
            "同志们： 大家好！"
        );
        assert_eq!(line("\u{f9dc}，"), "隆，");
        assert_eq!(line(" \u{feff} "), "");
    }

    #[test]
    fn what_is_compared_is_not_what_is_kept() {
        assert_eq!(comparable("Ａ， b"), "A,b");
        assert_eq!(letters("《讲话》（1）"), "讲话1");
    }
}
