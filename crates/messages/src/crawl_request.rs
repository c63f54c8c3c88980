//! A URL that is to be fetched: due (`crawl.request`), deferred (`crawl.later`) or recurring
//! (`crawl.recrawl`).

use serde::{Deserialize, Serialize};

use crate::message::{from_json, to_json};
use crate::{CanonicalUrl, DecodeError, Interval, Message, UrlId};

/// How a URL came to be requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Somebody published it on `crawl.submit`.
    Submitted,
    /// A page in scope links to it.
    Found,
    /// Its interval has passed.
    Recrawl,
}

/// A request to fetch one URL. A stream holds at most one of each subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrawlRequest {
    /// What to fetch.
    pub url: CanonicalUrl,
    /// How it came here.
    pub why: Why,
    /// Links followed since the submitted URL; 0 for that one.
    #[serde(default)]
    pub depth: u32,
    /// Fetches that failed so far.
    #[serde(default)]
    pub attempt: u32,
    /// Crawl it again at this interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Interval>,
    /// Fetch it even if the site says that it has not changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refetch: bool,
}

impl CrawlRequest {
    /// Where the request waits until it is fetched.
    pub fn due_subject(id: &UrlId) -> String {
        format!("crawl.request.{id}")
    }

    /// Where the request waits for its time to come.
    pub fn later_subject(id: &UrlId) -> String {
        format!("crawl.later.{id}")
    }

    /// Where the request's schedule stands.
    pub fn recrawl_subject(id: &UrlId) -> String {
        format!("crawl.recrawl.{id}")
    }

    /// The id of the URL.
    pub fn url_id(&self) -> UrlId {
        UrlId::of(&self.url)
    }

    /// This newer request with all that the older one of the same URL asked for: a second publish
    /// replaces the first, and nothing may be lost by it.
    #[must_use]
    pub fn merged_with(mut self, older: &Self) -> Self {
        if older.depth < self.depth || older.why == Why::Submitted {
            self.why = older.why;
        }
        self.depth = self.depth.min(older.depth);
        self.attempt = self.attempt.min(older.attempt);
        self.every = self.every.or(older.every);
        self.refetch |= older.refetch;
        self
    }
}

impl Message for CrawlRequest {
    const NAME: &'static str = "crawl request";

    fn subject(&self) -> String {
        Self::due_subject(&self.url_id())
    }

    fn id(&self) -> String {
        self.url_id().to_string()
    }

    fn url(&self) -> Option<&CanonicalUrl> {
        Some(&self.url)
    }

    fn attempt(&self) -> u32 {
        self.attempt
    }

    fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    fn decode(_subject: &str, payload: &[u8]) -> Result<Self, DecodeError> {
        from_json(Self::NAME, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_request_keeps_all_that_the_older_asked_for() {
        let older = CrawlRequest {
            url: "https://a.cn/1".parse().unwrap(),
            why: Why::Submitted,
            depth: 0,
            attempt: 3,
            every: Some("7d".parse().unwrap()),
            refetch: true,
        };
        let newer = CrawlRequest {
            why: Why::Found,
            depth: 2,
            attempt: 0,
            every: None,
            refetch: false,
            ..older.clone()
        };
        let merged = newer.merged_with(&older);
        assert_eq!(
            merged,
            CrawlRequest {
                attempt: 0,
                ..older
            }
        );
    }
}
