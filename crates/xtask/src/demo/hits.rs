//! Asks `speechmill search` and prints what it found.

use anyhow::{Context, bail};
use serde_json::Value;

use super::ending::text;
use super::is_terminal;
use crate::mill::Mill;

/// Around what was found, in the JSON of `speechmill search`.
const BEGIN: &str = "<em>";
const END: &str = "</em>";

/// Characters of a body that are shown.
const BEGINNING: usize = 90;

/// The hits of a query, at most `limit`, on one site or on all.
pub(crate) async fn search(
    mill: &Mill,
    query: &str,
    site: &str,
    limit: usize,
) -> anyhow::Result<Vec<Value>> {
    let limit = limit.to_string();
    let args = ["search", "--json", "--limit", &limit, "--site", site, query];
    let mut answers = mill.run_json(&args).await?;
    let answer = answers.first_mut().context("`search` printed nothing")?;
    let Value::Array(hits) = answer["hits"].take() else {
        bail!("the answer of `search` holds no hits");
    };
    Ok(hits)
}

/// One hit: title, date, address, the beginning of the body, and where the words were found.
pub(crate) fn print(number: usize, hit: &Value) {
    let snippet = text(&hit["snippet"]);
    let title = text(&hit["title_highlighted"]);
    let date = hit["date"].as_str().unwrap_or("no date");
    println!(
        "\n{number}. {}  [{date}, {}]",
        shown(title),
        text(&hit["kind"])
    );
    println!("   {}", text(&hit["url"]));
    let body = text(&hit["document"]["text"]);
    let words = [words(title), words(snippet)].concat();
    println!("   begins: {}…", shown(&marked(&beginning(body), &words)));
    if snippet.contains(BEGIN) {
        println!("   found:  {}", shown(snippet));
    }
}

/// The first characters of a body, on one line.
pub(crate) fn beginning(body: &str) -> String {
    let line = body.replace('\n', " ");
    line.chars().take(BEGINNING).collect()
}

/// What stands between the marks.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(BEGIN).skip(1);
    let mut words: Vec<_> = parts
        .filter_map(|part| part.split_once(END))
        .map(|(word, _)| word.to_owned())
        .collect();
    // Of two that begin alike the longer one is marked.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// The text with these words marked.
fn marked(text: &str, words: &[String]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = words
            .iter()
            .find(|word| !word.is_empty() && rest.starts_with(word.as_str()));
        let length = if let Some(word) = word {
            out.push_str(BEGIN);
            out.push_str(word);
            out.push_str(END);
            word.len()
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

/// For people: no control characters of the page's own, neighbouring words marked as one.
fn shown(text: &str) -> String {
    let (begin, end) = if is_terminal() {
        ("\u{1b}[1;31m", "\u{1b}[0m")
    } else {
        ("【", "】")
    };
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.replace(&format!("{END}{BEGIN}"), "")
        .replace(BEGIN, begin)
        .replace(END, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_in_the_snippet_is_marked_in_the_beginning() {
        let words = words("…<em>乡村</em><em>振兴</em>…");
        let text = marked("推进乡村振兴。", &words);
        assert_eq!(shown(&text), "推进【乡村振兴】。");
    }
}
