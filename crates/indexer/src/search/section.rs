//! In which section of a speech a snippet stands.
//!
//! In: a document with its text, and a snippet that Meilisearch cut out of it. Out: a heading.

use serde_json::{Map, Value};

/// The heading of the section that holds what was found first in the snippet. `None`: it stands
/// before all sections, or nothing was found in the text.
pub(super) fn of_snippet(
    document: &Map<String, Value>,
    text_fields: &[&str],
    snippet: &str,
    (begin, end): &(String, String),
) -> Option<String> {
    let found_at = snippet.find(begin.as_str())?;
    let plain = |text: &str| text.replace(begin.as_str(), "").replace(end.as_str(), "");
    let before = plain(&snippet[..found_at]);
    let before = before.trim_start_matches('…');
    let all = plain(snippet);
    let all = all.trim_matches('…');
    let mut num_breaks = 0;
    for text in text_fields
        .iter()
        .map_while(|name| document.get(*name)?.as_str())
    {
        if let Some(at) = text.find(all) {
            let upto = &text[..at + before.len()];
            return heading(document, num_breaks + upto.matches('\n').count());
        }
        // Parts are cut between paragraphs.
        num_breaks += text.matches('\n').count() + 1;
    }
    None
}

/// Of the last section that begins at this paragraph or before.
fn heading(document: &Map<String, Value>, paragraph: usize) -> Option<String> {
    let sections = document.get("sections")?.as_array()?;
    let begins = |section: &&Value| {
        let at = section["paragraph"].as_u64().unwrap_or(u64::MAX);
        at <= paragraph as u64
    };
    let section = sections.iter().rfind(begins)?;
    section["heading"].as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(snippet: &str) -> Option<String> {
        let document = json!({
            "text": "同志们：\n一、抓农业\n种好粮食。",
            "text_2": "二、抓水利\n修好水库。",
            "sections": [
                {"heading": "抓农业", "paragraph": 1},
                {"heading": "抓水利", "paragraph": 3},
            ],
        });
        let marks = ("<em>".to_owned(), "</em>".to_owned());
        of_snippet(
            document.as_object()?,
            &["text", "text_2", "text_3"],
            snippet,
            &marks,
        )
    }

    #[test]
    fn a_snippet_stands_in_the_last_section_that_begins_before_what_was_found() {
        assert_eq!(section("种好<em>粮食</em>。"), Some("抓农业".to_owned()));
        assert_eq!(section("…修好<em>水库</em>。"), Some("抓水利".to_owned()));
        assert_eq!(section("<em>同志</em>们：\n一、…"), None);
    }

    #[test]
    fn a_snippet_without_anything_found_stands_nowhere() {
        assert_eq!(section("种好粮食。"), None);
        assert_eq!(section("<em>没有</em>的话"), None);
    }
}
