//! Cutting a long text into parts that Meilisearch indexes to their last word.
//!
//! In: a text. Out: parts of at most so many positions, cut between paragraphs where that is
//! possible, else after a sentence. No character is lost.

use words::is_letter;

/// Positions of one attribute that we fill. Meilisearch drops what comes after 65,535 without a
/// word; the rest is a margin.
pub(super) const MAX_POSITIONS: usize = 60_000;

/// What a hard separator (，。) costs.
const SEPARATOR_POSITIONS: usize = 8;

/// The field of the n-th part, from 0: `text`, `text_2`, `text_3` …
pub(crate) fn field_name(n: usize) -> String {
    match n {
        0 => "text".to_owned(),
        n => format!("text_{}", n + 1),
    }
}

/// Cuts a text; the line break at a cut belongs to neither part.
pub(super) fn split(text: &str, max_positions: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(over) = first_beyond(rest, max_positions) {
        let (part, next) = cut(rest, over);
        parts.push(part);
        rest = next;
    }
    parts.push(rest);
    parts
}

/// At least as many positions as Meilisearch counts: every letter for a word of its own, everything
/// that is neither letter, digit nor space for a hard separator.
fn positions(c: char) -> usize {
    if is_letter(c) || c == ' ' {
        1
    } else {
        SEPARATOR_POSITIONS
    }
}

/// Where the first character begins that does not fit.
fn first_beyond(text: &str, max_positions: usize) -> Option<usize> {
    if text.chars().count() * SEPARATOR_POSITIONS <= max_positions {
        return None;
    }
    let mut filled = 0;
    text.char_indices().find_map(|(at, c)| {
        filled += positions(c);
        (filled > max_positions).then_some(at)
    })
}

/// Cuts at or before `over`, which is past the first character.
fn cut(text: &str, over: usize) -> (&str, &str) {
    let fits = &text[..over];
    // The break itself may be what does not fit.
    let last_break = if text[over..].starts_with('\n') {
        Some(over)
    } else {
        fits.rfind('\n').filter(|&at| at > 0)
    };
    if let Some(at) = last_break {
        return (&text[..at], &text[at + 1..]);
    }
    let sentence_end = fits
        .char_indices()
        .rfind(|(_, c)| matches!(c, '。' | '！' | '？'))
        .map(|(at, c)| at + c.len_utf8());
    text.split_at(sentence_end.unwrap_or(over))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> usize {
        text.chars().map(positions).sum()
    }

    #[test]
    fn a_text_of_exactly_the_limit_stays_whole_and_one_character_more_is_cut() {
        let text = "字".repeat(MAX_POSITIONS);
        assert_eq!(split(&text, MAX_POSITIONS), [text.as_str()]);
        let longer = format!("{text}末");
        assert_eq!(split(&longer, MAX_POSITIONS), [text.as_str(), "末"]);
    }

    #[test]
    fn cuts_fall_between_paragraphs() {
        let paragraph = format!("{}。", "字".repeat(20_000));
        let text = [paragraph.as_str(); 5].join("\n");
        let parts = split(&text, MAX_POSITIONS);
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| size(part) <= MAX_POSITIONS));
        assert!(parts.iter().all(|part| part.ends_with('。')));
        assert_eq!(parts.join("\n"), text);
    }

    #[test]
    fn a_paragraph_that_is_too_long_is_cut_after_a_sentence_and_keeps_every_character() {
        let sentence = format!("{}。", "字".repeat(9));
        let text = sentence.repeat(10);
        let parts = split(&text, 50);
        assert!(
            parts
                .iter()
                .all(|part| size(part) <= 50 && part.ends_with('。'))
        );
        assert_eq!(parts.concat(), text);
    }

    #[test]
    fn separators_count_eightfold() {
        assert_eq!(split("一，二", 9), ["一，", "二"]);
        assert_eq!(split("一，二", 10), ["一，二"]);
        assert_eq!(split("", 10), [""]);
    }

    #[test]
    fn the_parts_have_names_of_their_own() {
        assert_eq!([field_name(0), field_name(1)], ["text", "text_2"]);
    }
}
