//! Configuration of the crawler and of admission.
//!
//! Everything is checked while it is parsed, before any I/O.

use std::time::Duration;

use clap::Args;
use worker::parse_duration;

use crate::{AllowedAddress, Guard};

const MIB: u64 = 1024 * 1024;

/// How to crawl.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Crawler")]
pub struct CrawlerConfig {
    /// The name under which sites see us.
    #[arg(long, env = "SPEECHMILL_USER_AGENT", default_value = concat!("speechmill/", env!("CARGO_PKG_VERSION")), value_parser = header_text)]
    pub user_agent: String,

    /// Where a site's owner reaches you, an address of a page or of mail: it is added to the user agent.
    #[arg(long, env = "SPEECHMILL_CONTACT", value_parser = header_text)]
    pub contact: Option<String>,

    /// Pages fetched at once, over all hosts.
    #[arg(long, env = "SPEECHMILL_FETCH_CONCURRENCY", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub fetch_concurrency: u16,

    /// How long connecting to a site may take.
    #[arg(long, env = "SPEECHMILL_CONNECT_TIMEOUT", default_value = "10s", value_parser = time_limit)]
    pub connect_timeout: Duration,

    /// How long a fetch may take in all, redirects and body included.
    #[arg(long, env = "SPEECHMILL_FETCH_TIMEOUT", default_value = "60s", value_parser = time_limit)]
    pub fetch_timeout: Duration,

    /// Redirects followed before a page is given up.
    #[arg(long, env = "SPEECHMILL_MAX_REDIRECTS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=50))]
    pub max_redirects: u16,

    /// Largest page, in MiB, its compression undone.
    #[arg(long, env = "SPEECHMILL_MAX_BODY_MIB", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub max_body_mib: u64,

    /// Pause between two requests to one host.
    #[arg(long, env = "SPEECHMILL_DELAY", default_value = "1s", value_parser = parse_duration)]
    pub delay: Duration,

    /// Hosts that may be crawled although they are not public, and without a pause: addresses,
    /// networks (10.0.0.0/8) or names, each with a :port if you like, separated by commas.
    #[arg(
        long = "allow-address",
        env = "SPEECHMILL_ALLOW_ADDRESS",
        value_delimiter = ',',
        value_name = "ADDRESS"
    )]
    pub allow_addresses: Vec<AllowedAddress>,

    /// Links followed from a submitted page; a site's profile may say less.
    #[arg(long, env = "SPEECHMILL_MAX_DEPTH", default_value_t = 3)]
    pub max_depth: u32,

    /// Size of the frontier, in MiB, above which no more URLs are admitted until some are fetched.
    #[arg(long, env = "SPEECHMILL_FRONTIER_MAX_MIB", default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..))]
    pub frontier_max_mib: u64,
}

impl CrawlerConfig {
    /// The value of the header `User-Agent`.
    pub fn full_user_agent(&self) -> String {
        match &self.contact {
            Some(contact) => format!("{} (+{contact})", self.user_agent),
            None => self.user_agent.clone(),
        }
    }

    pub(crate) fn guard(&self) -> Guard {
        Guard::new(self.allow_addresses.clone())
    }

    pub(crate) fn max_body_bytes(&self) -> usize {
        usize::try_from(self.max_body_mib * MIB).unwrap_or(usize::MAX)
    }

    pub(crate) fn frontier_max_bytes(&self) -> u64 {
        self.frontier_max_mib.saturating_mul(MIB)
    }
}

fn header_text(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err("it travels in a header: write it in ASCII, on one line".to_owned());
    }
    Ok(text.to_owned())
}

fn time_limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("a time limit of nothing lets nothing through".to_owned()),
        limit => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        crawler: CrawlerConfig,
    }

    fn parse(arguments: &[&str]) -> Result<CrawlerConfig, clap::Error> {
        let all = ["crawler"].iter().chain(arguments);
        Command::try_parse_from(all).map(|command| command.crawler)
    }

    #[test]
    fn the_defaults_are_polite_and_allow_nothing() {
        let config = parse(&[]).unwrap();
        assert_eq!(config.delay, Duration::from_secs(1));
        assert!(config.allow_addresses.is_empty());
        assert_eq!(config.full_user_agent(), config.user_agent);
    }

    #[test]
    fn the_contact_stands_in_the_user_agent() {
        let config = parse(&["--contact", "mailto:crawl@example.org"]).unwrap();
        assert!(
            config
                .full_user_agent()
                .ends_with(" (+mailto:crawl@example.org)")
        );
    }

    #[test]
    fn several_addresses_may_be_allowed_in_one_list() {
        let config = parse(&[
            "--allow-address",
            "127.0.0.1,10.0.0.0/8",
            "--allow-address",
            "intranet:8080",
        ])
        .unwrap();
        assert_eq!(config.allow_addresses.len(), 3);
    }

    #[test]
    fn nonsense_is_refused_before_anything_is_done() {
        for bad in [
            ["--fetch-timeout", "0s"],
            ["--fetch-concurrency", "0"],
            ["--max-body-mib", "0"],
            ["--max-body-mib", "65"],
            ["--delay", "1"],
            ["--user-agent", "机器人"],
            ["--contact", "a\r\nCookie: b"],
            ["--allow-address", "10.0.0.0/33"],
        ] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
    }
}
