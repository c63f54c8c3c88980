//! Configuration: how to reach Meilisearch, and how batches are cut.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use reqwest::Url;
use time::Date;
use time::macros::format_description;
use worker::{BatchLimits, parse_duration};

use crate::IndexError;

/// Reads `2024-03-05`.
pub fn parse_date(text: &str) -> Result<Date, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map_err(|_| format!("{text:?} is not a date: write it as 2024-03-05"))
}

/// A key. Never prints.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The key itself, for whoever needs no less.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(key: &str) -> Result<Self, Infallible> {
        Ok(Self(key.trim().to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// So many batches as large as they may be are on their way, or more smaller ones.
const FULL_BATCHES: usize = 13;

/// How to reach Meilisearch, and which index is ours.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Meilisearch")]
pub struct MeiliConfig {
    /// Where Meilisearch listens.
    #[arg(
        long,
        env = "SPEECHMILL_MEILI_URL",
        default_value = "http://127.0.0.1:7700"
    )]
    pub meili_url: String,

    /// The key: one that may write for the indexer, a search-only one for readers.
    #[arg(long, env = "SPEECHMILL_MEILI_KEY", hide_env_values = true)]
    pub meili_key: Option<Secret>,

    /// The index of the speeches.
    #[arg(long, env = "SPEECHMILL_INDEX", default_value = "speeches")]
    pub index: String,

    /// How long Meilisearch may take to answer.
    #[arg(long, env = "SPEECHMILL_MEILI_TIMEOUT", default_value = "10s", value_parser = parse_duration)]
    pub meili_timeout: Duration,

    /// How long Meilisearch may take to receive a batch of documents.
    #[arg(long, env = "SPEECHMILL_MEILI_UPLOAD_TIMEOUT", default_value = "2m", value_parser = parse_duration)]
    pub meili_upload_timeout: Duration,
}

impl MeiliConfig {
    /// The URL, checked, without a slash at its end.
    ///
    /// Errors: Stop, for anything in this configuration that can't be right.
    pub fn validate(&self) -> Result<String, IndexError> {
        let bad_url = |what: &str| {
            // The URL is not repeated: somebody may have put a password into it.
            IndexError::Config(format!(
                "SPEECHMILL_MEILI_URL {what}: write it as http://host:7700"
            ))
        };
        let url = Url::parse(self.meili_url.trim()).map_err(|_| bad_url("is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad_url("is not an http or https URL"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad_url(
                "holds a user or a password (the key goes into SPEECHMILL_MEILI_KEY)",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad_url("has a query or a fragment"));
        }
        let is_uid = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(1..=400).contains(&self.index.len()) || !self.index.bytes().all(is_uid) {
            return Err(IndexError::Config(format!(
                "SPEECHMILL_INDEX {:?} is no name of an index: letters, digits, - and _ only",
                self.index
            )));
        }
        if self.meili_timeout.is_zero() || self.meili_upload_timeout.is_zero() {
            return Err(IndexError::Config(
                "a time-out of Meilisearch is zero".to_owned(),
            ));
        }
        let key = self.key().map_or("", Secret::expose);
        if !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(IndexError::Config(
                "SPEECHMILL_MEILI_KEY holds characters that no key has".to_owned(),
            ));
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// The key; an empty one is none.
    pub(crate) fn key(&self) -> Option<&Secret> {
        self.meili_key.as_ref().filter(|key| !key.0.is_empty())
    }
}

/// How the indexer works.
#[derive(Debug, Clone, Args)]
pub struct IndexerConfig {
    /// Meilisearch.
    #[command(flatten)]
    pub meili: MeiliConfig,

    /// Documents in a batch, at most.
    #[arg(
        long,
        env = "SPEECHMILL_BATCH_DOCUMENTS",
        default_value_t = 500,
        help_heading = "Indexer"
    )]
    pub batch_documents: usize,

    /// Bytes in a batch, at most; a larger speech stands alone.
    #[arg(
        long,
        env = "SPEECHMILL_BATCH_BYTES",
        default_value_t = 8 * 1024 * 1024,
        help_heading = "Indexer"
    )]
    pub batch_bytes: usize,

    /// How long a batch that is not full waits for one more speech.
    #[arg(long, env = "SPEECHMILL_BATCH_WAIT", default_value = "20ms", value_parser = parse_duration, help_heading = "Indexer")]
    pub batch_wait: Duration,

    /// Batches on their way at once, at most; 13, if each of them holds as many bytes as it may.
    #[arg(
        long,
        env = "SPEECHMILL_BATCHES_IN_FLIGHT",
        default_value_t = 32,
        help_heading = "Indexer"
    )]
    pub batches_in_flight: usize,
}

impl IndexerConfig {
    /// Checks all of it before any I/O.
    ///
    /// Errors: Stop.
    pub fn validate(&self) -> Result<(), IndexError> {
        for (name, value, most) in [
            ("SPEECHMILL_BATCH_DOCUMENTS", self.batch_documents, 10_000),
            // Meilisearch itself refuses payloads over 100 MiB.
            ("SPEECHMILL_BATCH_BYTES", self.batch_bytes, 64 * 1024 * 1024),
            ("SPEECHMILL_BATCHES_IN_FLIGHT", self.batches_in_flight, 64),
        ] {
            if !(1..=most).contains(&value) {
                return Err(IndexError::Config(format!(
                    "{name} is {value}: it must be from 1 to {most}"
                )));
            }
        }
        self.meili.validate().map(drop)
    }

    /// How batches are cut.
    pub(crate) fn limits(&self) -> BatchLimits {
        BatchLimits {
            max_messages: self.batch_documents,
            max_bytes: self.batch_bytes,
            max_wait: self.batch_wait,
            max_in_flight: self.batches_in_flight,
            max_in_flight_bytes: self.batch_bytes * FULL_BATCHES,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        config: IndexerConfig,
    }

    fn parse(args: &[&str]) -> IndexerConfig {
        Line::parse_from([&["x"], args].concat()).config
    }

    #[test]
    fn the_defaults_are_valid_and_the_url_loses_its_last_slash() {
        assert!(parse(&[]).validate().is_ok());
        let url = parse(&["--meili-url", "https://search.example.com/meili/"])
            .meili
            .validate();
        assert_eq!(url.unwrap(), "https://search.example.com/meili");
    }

    #[test]
    fn what_can_not_be_right_is_refused_before_any_io() {
        for args in [
            ["--meili-url", "127.0.0.1:7700"],
            ["--meili-url", "http://me:secret@127.0.0.1:7700"],
            ["--meili-url", "http://127.0.0.1:7700/?a=b"],
            ["--index", "演讲"],
            ["--index", ""],
            ["--meili-key", "two words"],
            ["--meili-timeout", "0s"],
            ["--batch-documents", "0"],
            ["--batch-bytes", "200000000"],
            ["--batches-in-flight", "0"],
        ] {
            let error = parse(&args).validate().expect_err("refused");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let config = parse(&["--meili-key", "s3cr3t"]);
        assert!(!format!("{config:?}").contains("s3cr3t"));
        assert!(parse(&["--meili-key", ""]).meili.key().is_none());
    }
}
