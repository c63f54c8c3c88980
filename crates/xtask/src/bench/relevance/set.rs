//! The corpus, the queries and their answers, as they stand beside the indexer.
//!
//! In: two files of JSON lines. Out: speeches as the extractor would publish them. What has no
//! meaning for search is filled in alike for all.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use messages::{CanonicalUrl, Message, Section, SpeechChange, SpeechId, UrlId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::command;

const FOLDER: &str = "crates/indexer/relevance";
const FETCHED_AT: &str = "2024-01-02T03:04:05Z";

/// A paragraph of what is said at every length and asks for no query.
const FILLER: &str =
    "这一点前面已经说过，这里再重复一遍，意思还是那个意思，大家回去以后慢慢体会。\n";

/// Speeches of our own, and what is asked of them.
pub(super) struct Set {
    pub(super) documents: Vec<Document>,
    pub(super) queries: Vec<Query>,
}

/// A speech of `corpus.jsonl`.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    /// Our own name of it, and the end of its address.
    pub(super) id: String,
    title: String,
    kind: String,
    occasion: Option<String>,
    speaker: Option<String>,
    speaker_role: Option<String>,
    site: String,
    date: String,
    script: String,
    text: String,
    sections: Vec<Section>,
    /// Characters of nothing in particular that go before the last paragraph.
    #[serde(default)]
    filler: usize,
}

/// A query of `queries.jsonl`.
#[derive(Debug, Deserialize)]
pub(super) struct Query {
    #[serde(rename = "query")]
    pub(super) words: String,
    pub(super) kind: String,
    /// Grades by the documents' names; what is not named has nothing to do with the query.
    pub(super) answers: BTreeMap<String, u8>,
}

impl Set {
    /// Of a folder; without one, ours.
    pub(super) fn read(folder: Option<&Path>) -> anyhow::Result<Self> {
        let ours = command::root().join(FOLDER);
        let folder = folder.unwrap_or(&ours);
        Ok(Self {
            documents: lines(&folder.join("corpus.jsonl"))?,
            queries: lines(&folder.join("queries.jsonl"))?,
        })
    }
}

impl Document {
    /// The text; a long one is made here, for nobody wants to read it in a file.
    fn text(&self) -> String {
        let mut text = self.text.clone();
        if self.filler > 0 {
            let last = text.rfind('\n').map_or(0, |at| at + 1);
            let times = self.filler / FILLER.chars().count() + 1;
            text.insert_str(last, &FILLER.repeat(times));
        }
        text
    }

    fn url(&self) -> anyhow::Result<CanonicalUrl> {
        Ok(format!("https://{}/{}", self.site, self.id).parse()?)
    }

    /// The record as somebody would send it who knows nothing of us.
    pub(super) fn record(&self) -> anyhow::Result<Value> {
        let mut record = self.speech()?;
        record["id"] = json!(self.id);
        Ok(record)
    }

    /// The message that the extractor would publish.
    pub(super) fn change(&self) -> anyhow::Result<SpeechChange> {
        let from = UrlId::of(&self.url()?);
        let change = json!({
            "change": "upsert",
            "version": {"fetched_at": FETCHED_AT, "page_sequence": 1, "extractor": 1},
            "sources": [from],
            "from": from,
            "speech": self.speech()?,
        });
        let mut change = SpeechChange::decode("", change.to_string().as_bytes())
            .with_context(|| format!("the speech {}", self.id))?;
        if let SpeechChange::Upsert(upsert) = &mut change {
            words::renew(upsert);
        }
        Ok(change)
    }

    fn speech(&self) -> anyhow::Result<Value> {
        let url = self.url()?;
        let text = self.text();
        let is_han = |c: &char| ('\u{3400}'..='\u{9fff}').contains(c);
        Ok(json!({
            "speech_id": SpeechId::of(&url),
            "url": url,
            "site": self.site,
            "title": self.title,
            "title_raw": self.title,
            "kind": self.kind,
            "occasion": self.occasion,
            "speaker": self.speaker,
            "speaker_role": self.speaker_role,
            "delivered_on": self.date,
            "date": self.date,
            "date_from": "body",
            "text": text,
            "sections": self.sections,
            "completeness": {
                "state": "full", "found_sections": self.sections.len(), "evidence": [],
            },
            "placeholders": {"count": 0, "per_1000": 0.0},
            "num_chars": text.chars().filter(|c| !c.is_whitespace()).count(),
            "num_han": text.chars().filter(is_han).count(),
            "script": self.script,
            "fingerprints": {"text_sha256": "", "simhash64": ""},
            "method": "generic",
            "confidence": 1.0,
            "flags": [],
            "removed": [],
        }))
    }
}

fn lines<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {name}"))?;
    let one = |(at, line)| {
        serde_json::from_str(line).with_context(|| format!("line {} of {name}", at + 1))
    };
    text.lines().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_speech_can_be_published_under_a_name_of_its_own() {
        let set = Set::read(None).unwrap();
        let names: BTreeSet<_> = set.documents.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(names.len(), set.documents.len());
        for document in &set.documents {
            document.change().unwrap();
        }
    }

    #[test]
    fn every_query_has_an_answer_and_names_only_speeches_that_exist() {
        let set = Set::read(None).unwrap();
        let names: BTreeSet<_> = set.documents.iter().map(|it| &it.id).collect();
        let mut seen = BTreeSet::new();
        for Query { words, answers, .. } in &set.queries {
            assert!(seen.insert(words), "{words} stands twice");
            for (id, grade) in answers {
                assert!(names.contains(id), "{words}: there is no {id}");
                assert!((1..=3).contains(grade), "{words}: {id}={grade}");
            }
            assert!(answers.values().any(|grade| *grade >= 2), "{words}");
        }
    }

    #[test]
    fn the_parts_of_a_speech_stand_where_they_say() {
        for document in Set::read(None).unwrap().documents {
            let paragraphs: Vec<&str> = document.text.lines().collect();
            for section in &document.sections {
                let carrier = paragraphs[section.paragraph as usize];
                assert!(carrier.contains(&section.heading), "{}", document.id);
            }
        }
    }
}
