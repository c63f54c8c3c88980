//! What users publish on `crawl.submit`: text with one URL a line, or one JSON object.
//!
//! A bad line must not take the good ones with it, so URLs stay text here; admission parses them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::message::to_json;
use crate::{CanonicalUrl, DecodeError, Message, id_of_bytes};

/// Why a submission as a whole can't be read. Verdict: Reject, code `undecodable`.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// Bytes that are no text.
    #[error("the text is not UTF-8: publish URLs as UTF-8, one a line")]
    NotUtf8(#[source] std::str::Utf8Error),
    /// Starts like an object, and is none that we know.
    #[error("the object is not {{\"url\", \"every\"?, \"refetch\"?}}")]
    NotAnObject(#[source] serde_json::Error),
    /// No URL in it.
    #[error("there is no URL in it: publish one URL a line")]
    Empty,
}

/// One URL to crawl, as submitted: also the JSON object of `crawl.submit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "crawl.submit"))]
pub struct Entry {
    /// The URL, http or https, in any spelling.
    pub url: String,
    /// Fetch it again and again at this interval: `30m`, `12h`, `7d`; `never`: let that end, and
    /// fetch nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// Fetch it even if the site says that it has not changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refetch: bool,
}

impl Entry {
    /// In place of an interval: the schedule ends.
    pub const NEVER: &'static str = "never";

    /// An entry that asks for nothing but the URL.
    pub fn of(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            every: None,
            refetch: false,
        }
    }
}

/// All that one message on `crawl.submit` asks for; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// In the order of the lines.
    pub entries: Vec<Entry>,
}

impl Submission {
    /// The subject of every submission.
    pub const SUBJECT: &'static str = "crawl.submit";

    /// Reads a payload: CRLF, a byte order mark, blank lines and `#` comments are allowed.
    pub fn parse(payload: &[u8]) -> Result<Self, SubmissionError> {
        let text = std::str::from_utf8(payload).map_err(SubmissionError::NotUtf8)?;
        let text = text.trim_start_matches('\u{feff}').trim();
        let entries: Vec<Entry> = if text.starts_with('{') {
            vec![serde_json::from_str(text).map_err(SubmissionError::NotAnObject)?]
        } else {
            text.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(Entry::of)
                .collect()
        };
        if entries.is_empty() {
            return Err(SubmissionError::Empty);
        }
        Ok(Self { entries })
    }
}

impl Message for Submission {
    const NAME: &'static str = "submission";

    fn subject(&self) -> String {
        Self::SUBJECT.to_owned()
    }

    fn id(&self) -> String {
        id_of_bytes(&self.encode())
    }

    fn url(&self) -> Option<&CanonicalUrl> {
        None
    }

    fn encode(&self) -> Vec<u8> {
        match &self.entries[..] {
            [one] => to_json(one),
            many => {
                let lines = many.iter().map(|entry| entry.url.as_str());
                let first = many.first().map(|entry| entry.url.as_str());
                // What is a line must not be taken for an object, nor its mark for that of the text.
                let is_unlike_text = first.is_some_and(|it| it.starts_with(['{', '\u{feff}']));
                let comment = is_unlike_text.then_some("#");
                let lines: Vec<&str> = comment.into_iter().chain(lines).collect();
                lines.join("\n").into_bytes()
            }
        }
    }

    fn decode(_subject: &str, payload: &[u8]) -> Result<Self, DecodeError> {
        Self::parse(payload).map_err(|source| DecodeError {
            expected: Self::NAME,
            source: source.into(),
        })
    }
}

/// How often a page is crawled again: whole seconds, a minute at least, ten years at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Interval(#[cfg_attr(feature = "schema", schemars(with = "String"))] u64);

/// The text is no interval. Verdict: Reject, code `bad_interval`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an interval: write it as 30m, 12h, 7d or 2w, one minute to ten years")]
pub struct IntervalError(String);

impl Interval {
    const SHORTEST: u64 = 60;
    const LONGEST: u64 = 10 * 365 * 86_400;

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        let bad = || IntervalError(text.chars().take(40).collect());
        let text = text.trim();
        let unit = text.chars().last().ok_or_else(bad)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(bad()),
        };
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
        let total = number.checked_mul(seconds).ok_or_else(bad)?;
        if (Self::SHORTEST..=Self::LONGEST).contains(&total) {
            Ok(Self(total))
        } else {
            Err(bad())
        }
    }
}

/// A Go duration, as NATS wants it in `@every`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            s if s % 3_600 == 0 => write!(f, "{}h", s / 3_600),
            s if s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

impl TryFrom<String> for Interval {
    type Error = IntervalError;

    fn try_from(text: String) -> Result<Self, IntervalError> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(payload: &[u8]) -> Vec<String> {
        let parsed = Submission::parse(payload).unwrap();
        parsed.entries.into_iter().map(|entry| entry.url).collect()
    }

    #[test]
    fn lines_may_come_from_windows_with_comments_and_a_byte_order_mark() {
        let text = "\u{feff}# list\r\nhttps://a.cn/1\r\n\r\n  https://a.cn/2  \r\n";
        assert_eq!(urls(text.as_bytes()), ["https://a.cn/1", "https://a.cn/2"]);
    }

    #[test]
    fn lines_that_are_no_urls_are_written_so_that_they_stay_lines() {
        for first in ["{", "\u{feff}https://a.cn/"] {
            let text = format!("# list\n{first}\nhttps://a.cn/2");
            let read = Submission::parse(text.as_bytes()).unwrap();
            assert_eq!(read.entries.len(), 2);
            assert_eq!(Submission::parse(&read.encode()).unwrap(), read);
        }
    }

    #[test]
    fn an_object_may_have_fields_that_we_do_not_know() {
        let parsed =
            Submission::parse(br#" {"url":"https://a.cn/1","every":"7d","note":1} "#).unwrap();
        assert_eq!(parsed.entries[0].every.as_deref(), Some("7d"));
        assert!(!parsed.entries[0].refetch);
    }

    #[test]
    fn what_holds_no_url_is_refused_with_a_reason() {
        for payload in [
            &b""[..],
            b"\n# nothing\n",
            b"{}",
            b"{\"url\":1}",
            b"\xff\xfe",
        ] {
            assert!(Submission::parse(payload).is_err(), "{payload:?}");
        }
    }

    #[test]
    fn intervals_become_go_durations() {
        for (given, expected) in [
            ("7d", "168h"),
            ("90m", "90m"),
            ("2w", "336h"),
            ("61s", "61s"),
        ] {
            assert_eq!(given.parse::<Interval>().unwrap().to_string(), expected);
        }
        for bad in [
            "",
            "7",
            "d",
            "30s",
            "-1h",
            "1.5h",
            "99999999w",
            "七d",
            "7天",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }
}
