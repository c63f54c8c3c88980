//! The rules of hosts in this process's memory, within bounds.

use std::collections::HashMap;

use messages::Host;
use time::OffsetDateTime;

use super::rules::Rules;

/// What all rules may weigh.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The rules of the hosts that were asked lately.
#[derive(Debug, Default)]
pub(super) struct Memory {
    rules: HashMap<Host, Rules>,
    num_bytes: usize,
}

impl Memory {
    pub(super) fn rules_of(&self, host: &Host) -> Option<&Rules> {
        self.rules.get(host)
    }

    pub(super) fn insert(&mut self, host: Host, rules: Rules, now: OffsetDateTime) {
        self.num_bytes += rules.num_bytes();
        if let Some(before) = self.rules.insert(host, rules) {
            self.num_bytes -= before.num_bytes();
        }
        if self.num_bytes > MAX_BYTES {
            self.rules.retain(|_, rules| rules.expires_at > now);
            self.num_bytes = self.rules.values().map(Rules::num_bytes).sum();
        }
        if self.num_bytes > MAX_BYTES {
            // Costs one look into the hosts' records.
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use messages::{CanonicalUrl, RobotsRecord, timestamp};

    use super::*;

    fn host(number: usize) -> Host {
        let url = format!("https://h{number}.cn/");
        url.parse::<CanonicalUrl>().unwrap().host()
    }

    #[test]
    fn memory_stays_within_its_bounds_and_keeps_the_newest() {
        let mut text = "User-agent: *\n".to_owned();
        while text.len() < 100_000 {
            let _ = writeln!(text, "Disallow: /{}", text.len());
        }
        let now = timestamp::now();
        let record = RobotsRecord {
            url: "https://a.cn/robots.txt".parse().unwrap(),
            fetched_at: now,
            expires_at: now + std::time::Duration::from_secs(60),
            status: 200,
            agent: "speechmill".to_owned(),
            rules: Some(text),
            num_failures: 0,
            unreachable_since: None,
        };
        let mut memory = Memory::default();
        for number in 0..200 {
            memory.insert(host(number), Rules::of(&record), now);
            assert!(memory.num_bytes <= MAX_BYTES);
        }
        let total: usize = memory.rules.values().map(Rules::num_bytes).sum();
        assert_eq!(memory.num_bytes, total);
        assert!(memory.rules_of(&host(199)).is_some() && memory.rules_of(&host(0)).is_none());
    }
}
