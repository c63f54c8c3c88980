//! The one way in which text is tidied: as written, except for white space, invisible characters and
//! compatibility ideographs. NFKC is for comparing only: it would turn ， into a comma.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_canonical;

/// One line: white space (U+3000 and U+00A0 too) collapsed to single spaces, none at the ends.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if matches!(c, '!'..='~' | '\u{3001}'..='\u{9fff}') && !gap {
            // Most of all: nothing of the below.
            out.push(c);
        } else if is_space(c) {
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
    let all = || text.nfkc().filter(|c| !c.is_whitespace()).collect();
    plain(text, |c| !c.is_whitespace()).unwrap_or_else(all)
}

/// The same, in lower case.
pub(crate) fn folded(text: &str) -> String {
    match plain(text, |c| !c.is_whitespace()) {
        Some(mut plain) => {
            plain.make_ascii_lowercase();
            plain
        }
        None => comparable(text).to_lowercase(),
    }
}

/// For comparing titles: NFKC, letters and digits only.
pub(crate) fn letters(text: &str) -> String {
    let all = || text.nfkc().filter(|c| c.is_alphanumeric()).collect();
    plain(text, is_letter).unwrap_or_else(all)
}

/// NFKC of a text of characters that it leaves alone or replaces one by one, as most texts are.
fn plain(text: &str, is_kept: impl Fn(char) -> bool) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0)?,
            '\u{a0}' | '\u{3000}' => ' ',
            '…' => {
                out.extend("...".chars().filter(|&c| is_kept(c)));
                continue;
            }
            _ if is_plain(c) => c,
            _ => return None,
        };
        if is_kept(c) {
            out.push(c);
        }
    }
    Some(out)
}

fn is_plain(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{7f}' | '\u{4e00}'..='\u{9fff}' | '\u{25a0}'..='\u{25ff}'
            | '\u{3001}'..='\u{3003}' | '\u{3007}'..='\u{3011}' | '\u{3014}'..='\u{301b}'
            | '·' | '×' | '—' | '‘' | '’' | '“' | '”'
    )
}

/// A letter or a digit: what [`char::is_alphanumeric`] says, but without its tables for most.
pub(crate) fn is_letter(c: char) -> bool {
    match c {
        '\u{4e00}'..='\u{9fff}' => true,
        '\u{3000}'..='\u{3004}' | '\u{ff01}'..='\u{ff0f}' => false,
        _ => c.is_alphanumeric(),
    }
}

/// A mark of prose.
pub(crate) fn is_mark(c: char) -> bool {
    matches!(c, '，' | '。' | '；' | '！' | '？' | ',' | ';' | '!' | '?')
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
    fn what_needs_no_tables_is_as_the_tables_say() {
        for c in '\0'..='\u{ffff}' {
            assert_eq!(is_letter(c), c.is_alphanumeric(), "{c:?}");
            let text = format!("Ae{c}\u{4e2d}{c}{c}");
            let expected: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
            assert_eq!(comparable(&text), expected, "{c:?}");
            assert_eq!(folded(&text), expected.to_lowercase(), "{c:?}");
            if !matches!(c, '\u{f900}'..='\u{faff}') {
                let is_kept = !is_space(c) && !is_invisible(c);
                let kept = if is_kept {
                    c.to_string()
                } else {
                    String::new()
                };
                assert_eq!(line(&c.to_string()), kept, "{c:?}");
            }
        }
    }

    #[test]
    fn what_is_compared_is_not_what_is_kept() {
        assert_eq!(comparable("Ａ， b"), "A,b");
        assert_eq!(letters("《讲话》（1）"), "讲话1");
    }
}
