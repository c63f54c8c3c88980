//! What a record says: rules that permit or deny, for as long as they hold. Pure but for its name.

use std::fmt::Write;
use std::time::Duration;

use messages::{CanonicalUrl, RobotsRecord};
use time::OffsetDateTime;
use worker::RetryConfig;

use super::{Fetched, Found, Permission};

/// A file that could not be reached for so long counts as one that is not there (RFC 9309,
/// section 2.3.1.4).
const LONGEST_SILENCE: Duration = Duration::from_hours(30 * 24);

/// Sitemaps kept of one file.
const MAX_SITEMAPS: usize = 100;

/// What an entry weighs beside its patterns, and a pattern beside its text; estimates.
const ENTRY_BYTES: usize = 512;
const PATTERN_BYTES: usize = 64;

/// For whom, and for how long, rules are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) agent: &'a str,
    pub(super) lifetime: Duration,
    pub(super) retry: RetryConfig,
}

/// A host's rules, parsed.
#[derive(Debug)]
pub(super) struct Rules {
    /// `None`: the file can't be reached.
    robots: Option<robotxt::Robots>,
    /// Of the file's address.
    scheme: String,
    pub(super) expires_at: OffsetDateTime,
}

impl Rules {
    pub(super) fn of(record: &RobotsRecord) -> Self {
        let parse = |text: &String| robotxt::Robots::parse(text.as_bytes(), record.agent.as_str());
        Self {
            robots: record.rules.as_ref().map(parse),
            scheme: record.url.as_url().scheme().to_owned(),
            expires_at: record.expires_at,
        }
    }

    /// `None`: they say nothing of it, or no longer.
    pub(super) fn permission(&self, url: &CanonicalUrl, now: OffsetDateTime) -> Option<Permission> {
        match &self.robots {
            _ if self.expires_at <= now => None,
            Some(robots) if robots.is_url_allowed(url.as_url()) => Some(Permission::Granted),
            Some(_) => Some(Permission::Denied),
            None if self.scheme == url.as_url().scheme() => {
                Some(Permission::Unreachable(self.expires_at))
            }
            None => None,
        }
    }

    pub(super) fn crawl_delay(&self) -> Option<Duration> {
        self.robots.as_ref()?.crawl_delay()
    }

    pub(super) fn sitemaps(&self) -> Vec<CanonicalUrl> {
        let sitemaps = self.robots.iter().flat_map(robotxt::Robots::sitemaps);
        sitemaps
            .filter_map(|url| url.as_str().parse().ok())
            .collect()
    }

    /// An estimate.
    pub(super) fn num_bytes(&self) -> usize {
        let Some(robots) = &self.robots else {
            return ENTRY_BYTES;
        };
        let patterns = robots.rules().iter();
        let patterns = patterns.map(|rule| rule.pattern().len() + PATTERN_BYTES);
        let sitemaps = robots.sitemaps().iter();
        let sitemaps = sitemaps.map(|url| url.as_str().len() + PATTERN_BYTES);
        ENTRY_BYTES + patterns.sum::<usize>() + sitemaps.sum::<usize>()
    }
}

/// The record after a fetch.
pub(super) fn record_of(
    before: Option<&RobotsRecord>,
    url: CanonicalUrl,
    fetched: Fetched,
    terms: Terms<'_>,
    now: OffsetDateTime,
) -> RobotsRecord {
    let Terms {
        agent, lifetime, ..
    } = terms;
    let record = RobotsRecord {
        url,
        fetched_at: now,
        expires_at: now + lifetime,
        status: fetched.status,
        agent: agent.to_owned(),
        rules: Some(String::new()),
        num_failures: 0,
        unreachable_since: None,
    };
    match fetched.found {
        Found::File(text) => RobotsRecord {
            rules: Some(digest(&robotxt::Robots::parse(&text, agent))),
            ..record
        },
        Found::NoFile => record,
        Found::Nothing { after } => {
            // What is said of one scheme's file is not said of the other's.
            let scheme = record.url.as_url().scheme();
            let before = before.filter(|before| before.url.as_url().scheme() == scheme);
            let num_failures = before.map_or(0, |before| before.num_failures);
            let num_failures = num_failures.saturating_add(1);
            let since = before.and_then(|before| before.unreachable_since);
            let since = since.unwrap_or(now);
            let is_given_up = now - since >= LONGEST_SILENCE;
            RobotsRecord {
                expires_at: if is_given_up {
                    record.expires_at
                } else {
                    now + terms.retry.pause(num_failures, after)
                },
                rules: is_given_up.then(String::new),
                num_failures,
                unreachable_since: Some(since),
                ..record
            }
        }
    }
}

/// The lines that concern us, in their normal form. The shortest rules come first: should the text
/// be larger than what is parsed, those that hold for most are kept.
fn digest(robots: &robotxt::Robots) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{key}: {value}");
    };
    if !robots.rules().is_empty() || robots.crawl_delay().is_some() {
        line("User-agent", &robotxt::ANY_AGENT);
    }
    if let Some(delay) = robots.crawl_delay() {
        line("Crawl-delay", &delay.as_secs_f64());
    }
    for rule in robots.rules().iter().rev() {
        let key = if rule.is_allow() { "Allow" } else { "Disallow" };
        line(key, &rule.pattern());
    }
    for url in robots.sitemaps().iter().take(MAX_SITEMAPS) {
        line("Sitemap", url);
    }
    text
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
    const TERMS: Terms<'_> = Terms {
        agent: "speechmill",
        lifetime: Duration::from_hours(24),
        retry: RetryConfig {
            max_attempts: 10,
            retry_base: Duration::from_secs(2),
            retry_cap: Duration::from_secs(900),
        },
    };

    fn url(text: &str) -> CanonicalUrl {
        text.parse().unwrap()
    }

    fn record(text: impl AsRef<[u8]>) -> RobotsRecord {
        let fetched = Fetched {
            status: 200,
            found: Found::File(text.as_ref().to_vec()),
        };
        record_of(None, url("https://a.cn/robots.txt"), fetched, TERMS, NOW)
    }

    fn silence(before: Option<&RobotsRecord>, now: OffsetDateTime) -> RobotsRecord {
        let file = url("https://a.cn/robots.txt");
        record_of(before, file, Fetched::SILENCE, TERMS, now)
    }

    fn says(record: &RobotsRecord, path: &str, now: OffsetDateTime) -> Option<Permission> {
        Rules::of(record).permission(&url(&format!("https://a.cn{path}")), now)
    }

    fn is_granted(text: impl AsRef<[u8]>, path: &str) -> bool {
        let record = record(text);
        match says(&record, path, NOW) {
            Some(Permission::Granted) => true,
            Some(Permission::Denied) => false,
            other => panic!("{other:?}: {record:?}"),
        }
    }

    #[test]
    fn the_longest_rule_wins_and_allow_wins_among_equals() {
        let text =
            "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c\nAllow: /x\nDisallow: /x\n";
        for (path, expected) in [
            ("/", true),
            ("/a", false),
            ("/ab", false),
            ("/a/b.html", true),
            ("/a/b/c", false),
            ("/x", true),
        ] {
            assert_eq!(is_granted(text, path), expected, "{path}");
        }
    }

    #[test]
    fn wildcards_and_ends_are_honoured_over_path_and_query() {
        let text = "User-agent: *\nDisallow: /*.php$\nDisallow: /*?print=\nDisallow: /讲话/\n";
        for (path, expected) in [
            ("/a/b.php", false),
            ("/a.php?id=1", true),
            ("/a.html?print=1", false),
            ("/讲话/1.html", false),
            ("/%E8%AE%B2%E8%AF%9D/1.html", false),
            ("/%e8%ae%b2/1.html", true),
        ] {
            assert_eq!(is_granted(text, path), expected, "{path}");
        }
    }

    #[test]
    fn the_groups_of_our_name_are_merged_and_hold_alone() {
        let text = "User-agent: *\nDisallow: /\n\nUser-agent: SpeechMill\nDisallow: /a\n\nUser-agent: otherbot\nDisallow: /\n\nUser-agent: otherbot\nUser-agent: speechmill # twice\nDisallow: /b\n";
        for (path, expected) in [("/a", false), ("/b", false), ("/c", true)] {
            assert_eq!(is_granted(text, path), expected, "{path}");
        }
        assert!(!is_granted("User-agent: *\nDisallow: /\n", "/c"));
        assert!(is_granted("User-agent: speechmillion\nDisallow: /\n", "/c"));
    }

    #[test]
    fn what_is_no_robots_txt_allows_everything() {
        for text in [
            "",
            "<html><body>404: Disallow: / </body></html>",
            "Disallow: /",
            "User-agent: *\nDisallow:\n",
        ] {
            assert!(is_granted(text, "/a"), "{text}");
        }
        assert!(is_granted(b"\xff\xfe\x00\x01", "/a"));
    }

    #[test]
    fn a_byte_order_mark_and_any_line_ends_are_read() {
        let text = "\u{feff}user-agent: *\r\ndisallow: /a\rdisallow : /b\r\n";
        assert!(!is_granted(text, "/a") && !is_granted(text, "/b"));
    }

    #[test]
    fn a_huge_file_is_read_to_the_limit_and_the_broad_rules_survive_their_digest() {
        let mut text = "User-agent: *\nDisallow: /secret\n".to_owned();
        while text.len() < robotxt::BYTE_LIMIT {
            let _ = writeln!(text, "Disallow: /讲话/讲话/讲话/{}", text.len());
        }
        text.push_str("Disallow: /late\n");
        assert!(!is_granted(&text, "/secret"));
        assert!(is_granted(&text, "/late"));
        let num_bytes = record(&text).rules.unwrap().len();
        assert!(num_bytes < 3 * robotxt::BYTE_LIMIT, "{num_bytes}");
    }

    #[test]
    fn a_digest_holds_our_lines_and_says_the_same() {
        let text = "User-agent: otherbot\nDisallow: /\nUser-agent: *\nCrawl-delay: 1.5\nDisallow: /a b\nAllow: /a%20b/c$\nSitemap: https://a.cn/sitemap.xml\nSitemap: nonsense\n";
        let record = record(text);
        assert_eq!(
            record.rules.as_deref(),
            Some(
                "User-agent: *\nCrawl-delay: 1.5\nDisallow: /a%20b\nAllow: /a%20b/c$\nSitemap: https://a.cn/sitemap.xml\n"
            )
        );
        let rules = Rules::of(&record);
        assert_eq!(rules.crawl_delay(), Some(Duration::from_millis(1500)));
        assert_eq!(rules.sitemaps(), [url("https://a.cn/sitemap.xml")]);
        let again = record_of(
            None,
            record.url.clone(),
            Fetched {
                status: 200,
                found: Found::File(record.rules.clone().unwrap().into_bytes()),
            },
            TERMS,
            NOW,
        );
        assert_eq!(again, record);
    }

    #[test]
    fn rules_hold_until_they_expire_and_for_both_schemes() {
        let record = record("User-agent: *\nDisallow: /a\n");
        let later = NOW + TERMS.lifetime;
        assert_eq!(
            says(&record, "/a", later - Duration::from_secs(1)),
            Some(Permission::Denied)
        );
        assert_eq!(says(&record, "/a", later), None);
        let plain = Rules::of(&record).permission(&url("http://a.cn/a"), NOW);
        assert_eq!(plain, Some(Permission::Denied));
    }

    #[test]
    fn an_unreachable_file_denies_its_scheme_for_a_growing_pause_and_not_for_ever() {
        let first = silence(None, NOW);
        assert!(first.expires_at - NOW <= Duration::from_secs(2));
        assert_eq!(
            says(&first, "/", NOW),
            Some(Permission::Unreachable(first.expires_at))
        );
        assert_eq!(
            Rules::of(&first).permission(&url("http://a.cn/"), NOW),
            None
        );
        let second = silence(Some(&first), first.expires_at);
        assert_eq!(
            (second.num_failures, second.unreachable_since),
            (2, Some(NOW))
        );
        assert!(second.expires_at - first.expires_at >= Duration::from_secs(2));
        let month = NOW + LONGEST_SILENCE;
        let given_up = silence(Some(&second), month);
        assert_eq!(says(&given_up, "/", month), Some(Permission::Granted));
        let still = silence(Some(&given_up), given_up.expires_at);
        assert_eq!(
            says(&still, "/", given_up.expires_at),
            Some(Permission::Granted)
        );
        let healed = record("User-agent: *\nDisallow: /\n");
        assert_eq!((healed.num_failures, healed.unreachable_since), (0, None));
    }

    #[test]
    fn a_site_may_say_when_to_ask_for_its_file_again() {
        let fetched = Fetched {
            status: 429,
            found: Found::Nothing {
                after: Some(Duration::from_secs(60)),
            },
        };
        let record = record_of(None, url("https://a.cn/robots.txt"), fetched, TERMS, NOW);
        assert_eq!(record.expires_at, NOW + Duration::from_secs(60));
    }
}
