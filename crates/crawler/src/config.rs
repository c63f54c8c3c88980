//! Configuration of the crawler and of admission.
//!
//! Everything is checked while it is parsed, before any I/O.

mod ca;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use messages::PRODUCT_TOKEN;
use worker::parse_duration;

use crate::proxy::Proxies;
use crate::{AllowedAddress, Guard, ProxyUrl, Sessions, SessionsError, SetupError};
pub use ca::CaFile;

const MIB: u64 = 1024 * 1024;

/// The pause between two requests to a host where none is given.
pub(crate) const DEFAULT_DELAY: Duration = Duration::from_secs(1);

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

    /// Pause between two requests to one host, from all crawlers together; a host that asks for more
    /// or answers slowly gets more. [default: 1s, and none for allowed addresses; what you give here
    /// holds for them too]
    #[arg(long, env = "SPEECHMILL_DELAY", value_parser = parse_duration)]
    pub delay: Option<Duration>,

    /// The pause is at least so many times as long as the host takes to answer.
    #[arg(long, env = "SPEECHMILL_LATENCY_FACTOR", default_value_t = 2.0, value_parser = latency_factor)]
    pub latency_factor: f64,

    /// Hosts that may be crawled although they are not public, several requests at once, without a
    /// pause unless one is given: addresses, networks (10.0.0.0/8) or names, each with a :port if you
    /// like, separated by commas.
    #[arg(
        long = "allow-address",
        env = "SPEECHMILL_ALLOW_ADDRESS",
        value_delimiter = ',',
        value_name = "ADDRESS"
    )]
    pub allow_addresses: Vec<AllowedAddress>,

    /// A file of what your accounts send along, a cookie or headers for the hosts that it names
    /// ([[site]] in TOML); nobody but you may read it. Sent over TLS only, unless an entry says
    /// insecure = true or --allow-address names the host, and never for a robots.txt.
    #[arg(long, env = "SPEECHMILL_SESSIONS", value_name = "FILE", value_parser = sessions)]
    pub sessions: Option<Sessions>,

    /// The proxy that leads to the web, http://HOST:PORT, instead of `HTTP_PROXY`, `HTTPS_PROXY` or
    /// `ALL_PROXY` of the environment; what `NO_PROXY` names is asked directly, and so are hosts named by
    /// --allow-address. Names are looked up here first, and not asked for when they lead to an address
    /// that is not public; where the proxy itself then finds them is the proxy's business.
    #[arg(long, value_name = "URL")]
    pub proxy: Option<ProxyUrl>,

    /// A file of certificate authorities (PEM) to be trusted like those of the system.
    #[arg(long, env = "SPEECHMILL_CA_FILE", value_name = "FILE", value_parser = ca_file)]
    pub ca_file: Option<CaFile>,

    /// How long a site's robots.txt is believed before it is fetched again.
    #[arg(long, env = "SPEECHMILL_ROBOTS_TTL", default_value = "24h", value_parser = time_limit)]
    pub robots_ttl: Duration,

    /// Those of the hosts named by --allow-address whose robots.txt is not asked for: for your own
    /// sites only. Of all other hosts it always is.
    #[arg(
        long = "ignore-robots",
        env = "SPEECHMILL_IGNORE_ROBOTS",
        value_delimiter = ',',
        value_name = "ADDRESS"
    )]
    pub ignore_robots: Vec<AllowedAddress>,

    /// A page that was there counts as gone once its site has refused it so many times in a row, in
    /// other ways than 404 and 410; silence, 5xx, 401, 403 and 429 never count.
    #[arg(long, env = "SPEECHMILL_GONE_AFTER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub gone_after: u32,

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

    /// The name by which a robots.txt addresses us: what the user agent begins with.
    pub fn product_token(&self) -> &str {
        let is_of_it = |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_');
        let end = self.user_agent.find(|c| !is_of_it(c));
        match &self.user_agent[..end.unwrap_or(self.user_agent.len())] {
            "" => PRODUCT_TOKEN,
            token => token,
        }
    }

    /// What is wrong with it in this environment, before any I/O. Verdict: Stop.
    pub fn validate(&self) -> Result<(), SetupError> {
        self.proxies().map(drop)
    }

    pub(crate) fn proxies(&self) -> Result<Option<Proxies>, SetupError> {
        Proxies::new(self.proxy.as_ref(), |name| std::env::var(name).ok())
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

fn sessions(path: &str) -> Result<Sessions, SessionsError> {
    Sessions::load(Path::new(path))
}

fn ca_file(path: &str) -> Result<CaFile, String> {
    CaFile::load(Path::new(path))
}

fn latency_factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (1.0..=100.0).contains(&factor) => Ok(factor),
        _ => Err("it is a number from 1 to 100".to_owned()),
    }
}

fn time_limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("a time limit of nothing lets nothing through".to_owned()),
        limit => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
        assert_eq!(config.delay, None);
        assert_eq!(DEFAULT_DELAY, Duration::from_secs(1));
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
            ["--latency-factor", "0.5"],
            ["--latency-factor", "NaN"],
            ["--user-agent", "机器人"],
            ["--contact", "a\r\nCookie: b"],
            ["--allow-address", "10.0.0.0/33"],
            ["--sessions", "no/such/file"],
            ["--ca-file", "Cargo.toml"],
        ] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_sessions_file_that_is_wrong_is_named_and_nothing_of_it_is_shown() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"[[site]]\nhosts = [\"a.cn\"]\ncookie = s3cret")
            .unwrap();
        let path = file.path().to_str().unwrap();
        let error = parse(&["--sessions", path]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(path) && text.contains("line 3"), "{text}");
        assert!(!format!("{text}{error:?}").contains("s3cret"), "{text}");
    }

    #[test]
    fn a_proxys_password_is_in_no_description_of_the_configuration() {
        let config = parse(&["--proxy", "socks5://me:s3cret@proxy"]).unwrap();
        let error = config.validate().unwrap_err();
        let text = format!("{config:?} {error} {error:?}");
        assert!(
            text.contains("--proxy") && !text.contains("s3cret"),
            "{text}"
        );
    }
}
