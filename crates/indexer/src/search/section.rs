//! In which section of a speech a snippet stands.
//!
//! In: where sections begin, where Meilisearch found words in the text, and the snippet it cut out
//! around some of them. Out: a heading. The text itself is not needed.

use meilisearch_sdk::search::MatchRange;
use serde_json::{Map, Value};

use crate::document::SECTION_STARTS;

/// Where words begin and end, in bytes.
type Places = Vec<(usize, usize)>;

/// The heading of the section that holds what was found first in the snippet, which was cut out of
/// this part of the text. `None`: it stands before all sections, or nothing was found in the text.
pub(super) fn of_snippet(
    document: &Map<String, Value>,
    part: usize,
    found: &[MatchRange],
    snippet: &str,
    marks: &(String, String),
) -> Option<String> {
    let of_part = joined(
        found
            .iter()
            .map(|it| (it.start, it.start + it.length))
            .collect(),
    );
    let of_snippet = joined(marked(snippet, marks));
    let (first, _) = *of_snippet.first()?;
    // The snippet shows some of the places, as far from each other as in the text.
    let is_shown = |places: &&[(usize, usize)]| {
        let from = places[0].0;
        let pairs = places.iter().zip(&of_snippet);
        pairs
            .into_iter()
            .all(|(a, b)| (a.0 - from, a.1 - from) == (b.0 - first, b.1 - first))
    };
    let shown = of_part.windows(of_snippet.len()).find(is_shown);
    let (at, _) = shown.unwrap_or(&of_part).first()?;
    heading(document, (part, *at))
}

/// The places between marks, in the snippet without them.
fn marked(snippet: &str, (begin, end): &(String, String)) -> Places {
    let mut places = Vec::new();
    let (mut rest, mut at) = (snippet, 0);
    while let Some((before, after)) = rest.split_once(begin.as_str()) {
        let (word, after) = after.split_once(end.as_str()).unwrap_or((after, ""));
        at += before.len();
        places.push((at, at + word.len()));
        at += word.len();
        rest = after;
    }
    places
}

/// In order, and one of what touches: a phrase is one place or several.
pub(super) fn joined(mut places: Places) -> Places {
    places.sort_unstable();
    let mut all: Places = Vec::new();
    for (from, to) in places {
        match all.last_mut() {
            Some((_, end)) if *end >= from => *end = to.max(*end),
            _ => all.push((from, to)),
        }
    }
    all
}

/// Of the last section that begins here or before.
fn heading(document: &Map<String, Value>, place: (usize, usize)) -> Option<String> {
    let starts = document.get(SECTION_STARTS)?;
    let starts: Vec<(usize, usize)> = serde_json::from_value(starts.clone()).ok()?;
    let last = starts.iter().rposition(|start| *start <= place)?;
    let heading = &document.get("sections")?.get(last)?["heading"];
    heading.as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(part: usize, found: &[(usize, usize)], snippet: &str) -> Option<String> {
        let document = json!({
            "sections": [{"heading": "抓农业"}, {"heading": "抓水利"}, {"heading": "抓教育"}],
            "section_starts": [[0, 13], [0, 100], [1, 0]],
        });
        let found: Vec<MatchRange> = found
            .iter()
            .map(|&(start, length)| MatchRange {
                start,
                length,
                indices: None,
            })
            .collect();
        let marks = ("<em>".to_owned(), "</em>".to_owned());
        of_snippet(document.as_object()?, part, &found, snippet, &marks)
    }

    #[test]
    fn a_snippet_stands_in_the_last_section_that_begins_before_what_was_found() {
        assert_eq!(section(0, &[(0, 6)], "<em>同志</em>们："), None);
        let one = |part, at| section(part, &[(at, 6)], "…种好<em>粮食</em>。");
        assert_eq!(one(0, 13), Some("抓农业".to_owned()));
        assert_eq!(one(0, 120), Some("抓水利".to_owned()));
        assert_eq!(one(1, 3), Some("抓教育".to_owned()));
    }

    #[test]
    fn of_many_places_those_count_that_the_snippet_shows() {
        let found = [(20, 6), (40, 6), (110, 6), (116, 6), (125, 6)];
        let snippet = "…<em>粮食</em><em>安全</em>和<em>粮食</em>…";
        assert_eq!(section(0, &found, snippet), Some("抓水利".to_owned()));
    }

    #[test]
    fn a_snippet_without_anything_found_stands_nowhere() {
        assert_eq!(section(0, &[(20, 6)], "种好粮食。"), None);
        assert_eq!(section(0, &[], "<em>没有</em>的话"), None);
    }
}
