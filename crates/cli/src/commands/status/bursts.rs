//! Many dead letters of one code at one host within a day: a site that changed, or that refuses us.
//!
//! In: dead letters. Out: what an operator should look at first. Pure.

use std::collections::BTreeMap;

use messages::{CanonicalUrl, DeadLetterHeaders};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

const WITHIN: Duration = Duration::DAY;

/// Letters that are many.
const MANY: u64 = 10;

/// Letters of one stage and code at one host, of the last day.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Burst {
    pub(super) stage: String,
    pub(super) code: String,
    pub(super) host: String,
    pub(super) num_letters: u64,
}

/// Counts letters one by one.
pub(super) struct Counter {
    now: OffsetDateTime,
    counts: BTreeMap<(String, String, String), u64>,
}

impl Counter {
    pub(super) fn new(now: OffsetDateTime) -> Self {
        Self {
            now,
            counts: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, headers: &DeadLetterHeaders) {
        let url = headers.url.as_deref();
        if let Some(url) = url.and_then(|url| url.parse::<CanonicalUrl>().ok())
            && self.now - headers.time < WITHIN
        {
            let host = url.host().to_string();
            let key = (headers.stage.clone(), headers.code.clone(), host);
            *self.counts.entry(key).or_default() += 1;
        }
    }

    /// The bursts, the largest first.
    pub(super) fn bursts(self) -> Vec<Burst> {
        let many = self
            .counts
            .into_iter()
            .filter(|(_, number)| *number >= MANY);
        let mut bursts: Vec<Burst> = many
            .map(|((stage, code, host), num_letters)| Burst {
                stage,
                code,
                host,
                num_letters,
            })
            .collect();
        bursts.sort_by_key(|burst| std::cmp::Reverse(burst.num_letters));
        bursts
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-02 12:00 UTC);

    fn letter(url: &str, code: &str, time: OffsetDateTime) -> DeadLetterHeaders {
        DeadLetterHeaders {
            stage: "extractor".to_owned(),
            code: code.to_owned(),
            error: String::new(),
            attempts: 1,
            time,
            url: Some(url.to_owned()),
            stream: "PAGES".to_owned(),
            subject: String::new(),
            sequence: 1,
            replays: 0,
        }
    }

    #[test]
    fn ten_of_a_code_at_a_host_within_a_day_are_a_burst_and_fewer_or_older_ones_are_none() {
        let mut counter = Counter::new(NOW);
        for number in 0..12 {
            let url = |host: &str| format!("http://{host}/{number}.html");
            counter.add(&letter(&url("a.cn"), "too_large", NOW));
            counter.add(&letter(&url("b.cn"), "too_large", NOW - Duration::DAY));
            if number < 9 {
                counter.add(&letter(&url("a.cn"), "http_500", NOW));
            }
        }
        counter.add(&letter("no address", "malformed_url", NOW));
        let burst = Burst {
            stage: "extractor".to_owned(),
            code: "too_large".to_owned(),
            host: "a.cn".to_owned(),
            num_letters: 12,
        };
        assert_eq!(counter.bursts(), [burst]);
    }
}
