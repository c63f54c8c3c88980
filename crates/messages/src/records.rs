//! What is remembered of a URL in the KV bucket `urls`: one record for each role that writes, so
//! that every key has one writer.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{CanonicalUrl, ContentHash, Interval, SpeechId, UrlId, Version};

/// Whether admission let a URL in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdmissionState {
    /// A crawl request was published.
    Admitted,
    /// It ended here; the record's code says why.
    Skipped,
}

/// `<url_id>.admission`, written by admission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionRecord {
    /// The URL, so that an id can be read by people.
    pub url: CanonicalUrl,
    /// In or out.
    pub state: AdmissionState,
    /// The skip's stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Crawled again at this interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Interval>,
    /// When a refetch was last asked for: a schedule that fires onto that request replaces it.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub refetch_at: Option<OffsetDateTime>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl AdmissionRecord {
    /// The record's key.
    pub fn key(id: &UrlId) -> String {
        format!("{id}.admission")
    }
}

/// `<url_id>.crawl`, written by the crawler after each fetch but one that ends as a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlRecord {
    /// HTTP status of the last fetch; 0 where no answer came.
    pub status: u16,
    /// When it was.
    #[serde(with = "time::serde::rfc3339")]
    pub fetched_at: OffsetDateTime,
    /// The stable code of the skip or of the failure that the fetch ended in (`gone`, `http_500` …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Of the last body that was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<ContentHash>,
    /// The validator for `If-None-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The validator for `If-Modified-Since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Fetches in a row that missed the page.
    #[serde(default)]
    pub misses: u32,
    /// Those of them in which the site said no for good, silences not counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refusals: u32,
}

impl CrawlRecord {
    /// The record's key.
    pub fn key(id: &UrlId) -> String {
        format!("{id}.crawl")
    }
}

/// `<url_id>.extract`, written by the extractor before it publishes what an extraction yields, and again
/// once that is safe where it says something else then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractRecord {
    /// What was extracted, by what.
    pub version: Version,
    /// The speeches that the page yields, or may have yielded.
    #[serde(default)]
    pub speech_ids: Vec<SpeechId>,
    /// The skip's stable code, where it yields none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Links in scope.
    #[serde(default)]
    pub num_links: u32,
    /// Links that the frontier had no room for.
    #[serde(default)]
    pub num_refused_links: u32,
    /// Characters that no charset had a meaning for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub num_replaced: u32,
}

impl ExtractRecord {
    /// The record's key.
    pub fn key(id: &UrlId) -> String {
        format!("{id}.extract")
    }

    /// What should stand where another record stands by now; `None`: it stands already. The newer
    /// version wins. An extractor that was frozen may have published a speech of an older one all the
    /// same: the page's next extraction finds it among what the page yielded, and withdraws it.
    #[must_use]
    pub fn over(self, mut standing: Self) -> Option<Self> {
        if standing.version <= self.version {
            return Some(self);
        }
        let num = standing.speech_ids.len();
        for id in self.speech_ids {
            if !standing.speech_ids.contains(&id) {
                standing.speech_ids.push(id);
            }
        }
        (standing.speech_ids.len() > num).then_some(standing)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn record(page_sequence: u64, urls: &[&str]) -> ExtractRecord {
        let id = |url: &&str| SpeechId::of(&url.parse().expect("a URL"));
        ExtractRecord {
            version: Version {
                fetched_at: datetime!(2026-03-02 08:30 UTC),
                page_sequence,
                extractor: 1,
                memory: 0,
            },
            speech_ids: urls.iter().map(id).collect(),
            code: None,
            num_links: 0,
            num_refused_links: 0,
            num_replaced: 0,
        }
    }

    const A: &str = "https://a.cn/1";
    const B: &str = "https://a.cn/2";

    #[test]
    fn the_newer_extraction_stands_and_knows_of_what_an_older_one_published() {
        let newer = record(2, &[A]);
        assert_eq!(newer.clone().over(record(1, &[B])), Some(newer.clone()));
        assert_eq!(record(1, &[A]).over(newer.clone()), None);
        assert_eq!(record(1, &[B]).over(newer), Some(record(2, &[A, B])));
    }
}
