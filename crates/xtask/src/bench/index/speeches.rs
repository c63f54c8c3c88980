//! Speeches of generated texts, published as an extractor publishes them.

use std::ops::Range;

use anyhow::Context;
use messages::{CanonicalUrl, Message, SpeechChange, SpeechId, UrlId};
use serde_json::json;
use worker::Broker;

use crate::bench::texts;
use crate::mill::Mill;

pub(super) async fn connect(mill: &Mill) -> anyhow::Result<Broker> {
    let broker = mill.connect("bench").await?;
    broker.create_absent().await?;
    Ok(broker)
}

/// Publishes the speeches of these numbers; their ids.
pub(super) async fn publish(broker: &Broker, numbers: Range<usize>) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for number in numbers {
        let change = change(number)?;
        ids.push(change.speech_id().to_string());
        broker.publish(&change).await?;
    }
    Ok(ids)
}

fn change(number: usize) -> anyhow::Result<SpeechChange> {
    let page = texts::page(number);
    let url: CanonicalUrl = format!("https://www.example.com{}", page.path).parse()?;
    let from = UrlId::of(&url);
    let title = between(&page.html, "<h1>", "</h1>").unwrap_or_default();
    let body = between(&page.html, "<div id=\"content\">", "</div>").unwrap_or_default();
    let text = without_tags(body);
    let num_chars = text.chars().filter(|c| !c.is_whitespace()).count();
    let speech = json!({
        "speech_id": SpeechId::of(&url),
        "url": url,
        "site": "www.example.com",
        "title": title,
        "title_raw": title,
        "kind": "speech",
        "text": text,
        "sections": [],
        "completeness": {"state": "full", "found_sections": 0, "evidence": []},
        "placeholders": {"count": 0, "per_1000": 0.0},
        "num_chars": num_chars,
        "num_han": num_chars,
        "script": "hans",
        "fingerprints": {"text_sha256": "", "simhash64": ""},
        "method": "generic",
        "confidence": 1.0,
        "flags": [],
        "removed": [],
    });
    let change = json!({
        "change": "upsert",
        "version": {"fetched_at": "2024-01-02T03:04:05Z", "page_sequence": 1, "extractor": 1},
        "sources": [from],
        "from": from,
        "speech": speech,
    });
    let mut change = SpeechChange::decode("", change.to_string().as_bytes())
        .with_context(|| format!("speech {number}"))?;
    if let SpeechChange::Upsert(upsert) = &mut change {
        words::renew(upsert);
    }
    Ok(change)
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

fn without_tags(html: &str) -> String {
    let pieces = html.split('<').map(|piece| match piece.split_once('>') {
        Some((_, text)) => text,
        None => piece,
    });
    pieces.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speech_has_the_text_of_its_page_and_no_tag_of_it() {
        let SpeechChange::Upsert(upsert) = change(3).unwrap() else {
            panic!("an upsert");
        };
        assert!(upsert.speech.text.starts_with("同志们："));
        assert!(upsert.speech.text.contains("\n　　一、"));
        assert!(!upsert.speech.text.contains(['<', '>']));
        assert!(upsert.speech.num_chars > 1_500);
    }
}
