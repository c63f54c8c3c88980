//! A message that can never work: its original bytes, and in headers why, where and when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// All headers of a dead letter together are kept below this; the error chain is cut to fit.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Counts replays; travels with a replayed message and with all that comes of it.
pub const REPLAYS_HEADER: &str = "Speechmill-Replays";

/// A message without the headers of a dead letter, or with broken ones.
#[derive(Debug, thiserror::Error)]
#[error("the message is not a dead letter of speechmill")]
pub struct HeaderError(#[from] serde_json::Error);

/// The headers of a dead letter; on the wire each value is text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Headers of dead.<stage>.<id>"))]
pub struct DeadLetterHeaders {
    /// The stage that gave up: `admission`, `crawler`, `extractor` or `indexer`.
    #[serde(rename = "Speechmill-Stage")]
    pub stage: String,
    /// The reason's stable code.
    #[serde(rename = "Speechmill-Code")]
    pub code: String,
    /// The error and its causes, outermost first, joined by `: `.
    #[serde(rename = "Speechmill-Error")]
    pub error: String,
    /// How often it was tried.
    #[serde(rename = "Speechmill-Attempts", with = "number")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("pattern" = "^[0-9]+$")))]
    pub attempts: u64,
    /// When it was given up, RFC 3339.
    #[serde(rename = "Speechmill-Time", with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub time: OffsetDateTime,
    /// The URL it is about, where one is known.
    #[serde(
        rename = "Speechmill-Url",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<String>,
    /// The stream it was in.
    #[serde(rename = "Speechmill-Stream")]
    pub stream: String,
    /// The subject it was published to.
    #[serde(rename = "Speechmill-Subject")]
    pub subject: String,
    /// Its sequence in that stream.
    #[serde(rename = "Speechmill-Sequence", with = "number")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("pattern" = "^[0-9]+$")))]
    pub sequence: u64,
    /// How often a dead letter of it was replayed before.
    #[serde(rename = "Speechmill-Replays", with = "number", default)]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("pattern" = "^[0-9]+$")))]
    pub replays: u64,
}

/// A dead letter, on `dead.<stage>.<id>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Id of what failed: of its URL or speech, or of its bytes where these can't be read.
    pub id: String,
    /// Why, where and when.
    pub headers: DeadLetterHeaders,
    /// The original bytes, unchanged.
    pub payload: Vec<u8>,
}

impl DeadLetter {
    /// Where it is filed.
    pub fn subject(&self) -> String {
        Self::subject_of(&self.headers.stage, &self.id)
    }

    /// Where a stage files what fails under an id.
    pub fn subject_of(stage: &str, id: &str) -> String {
        format!("dead.{stage}.{id}")
    }

    /// The letter that was filed under `subject`.
    pub fn read(
        subject: &str,
        headers: impl IntoIterator<Item = (String, String)>,
        payload: Vec<u8>,
    ) -> Result<Self, HeaderError> {
        let id = subject.rsplit('.').next().unwrap_or_default();
        Ok(Self {
            id: id.to_owned(),
            headers: DeadLetterHeaders::read(headers)?,
            payload,
        })
    }
}

impl DeadLetterHeaders {
    /// Names and values, on one line each, [`MAX_HEADER_BYTES`] at most in all.
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        let mut short = self.clone();
        short.url = short.url.map(|url| one_line(&url, 4096));
        short.error = one_line(&short.error, 3072);
        short.subject = one_line(&short.subject, 512);
        let value = serde_json::to_value(short).expect("headers hold only what JSON can say");
        let map: BTreeMap<String, String> =
            serde_json::from_value(value).expect("every header is text");
        map.into_iter().collect()
    }

    /// From names and values; other headers are ignored.
    pub fn read(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, HeaderError> {
        let map: BTreeMap<String, String> = pairs.into_iter().collect();
        Ok(serde_json::from_value(serde_json::to_value(map)?)?)
    }
}

/// Header values can't hold line breaks; cut at a character's border.
fn one_line(text: &str, max_bytes: usize) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.len() > max_bytes {
        let mut end = max_bytes - '…'.len_utf8();
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Numbers as text.
mod number {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    // serde's `with` hands over a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> DeadLetterHeaders {
        DeadLetterHeaders {
            stage: "crawler".into(),
            code: "http_403".into(),
            error: "the site answered 403".into(),
            attempts: 2,
            time: time::macros::datetime!(2026-01-02 03:04:05 UTC),
            url: Some("https://a.cn/1".into()),
            stream: "CRAWL".into(),
            subject: "crawl.request.x".into(),
            sequence: 7,
            replays: 1,
        }
    }

    #[test]
    fn headers_come_back_as_they_went() {
        assert_eq!(
            DeadLetterHeaders::read(headers().to_pairs()).unwrap(),
            headers()
        );
    }

    #[test]
    fn headers_are_one_line_each_and_stay_below_the_limit() {
        let mut long = headers();
        long.error = "错\r\n误".repeat(10_000);
        long.url = Some(format!("https://a.cn/{}", "a".repeat(10_000)));
        let pairs = long.to_pairs();
        let size: usize = pairs.iter().map(|(n, v)| n.len() + v.len() + 4).sum();
        assert!(size < MAX_HEADER_BYTES, "{size}");
        assert!(pairs.iter().all(|(_, value)| !value.contains(['\r', '\n'])));
    }

    #[test]
    fn other_messages_are_no_dead_letters() {
        assert!(DeadLetter::read("dead.crawler.x", [], Vec::new()).is_err());
    }
}
