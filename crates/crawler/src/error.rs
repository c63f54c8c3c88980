//! How a URL fails, each way with its verdict and its stable code.

use std::borrow::Cow;
use std::time::Duration;

use messages::{Interval, UrlError};
use worker::{BrokerError, Failure, Stop, Verdict};

use crate::{NotPublic, Unresolved};

/// The crawler can't be set up. Verdict: Stop.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The program forgot to choose one.
    #[error("no provider of cryptography is installed")]
    NoCrypto,
    /// Most likely the system has no root certificates.
    #[error(
        "the HTTP client can't be set up: are root certificates installed (ca-certificates, SSL_CERT_FILE, or --ca-file)?"
    )]
    Client(#[source] reqwest::Error),
    /// The setting, whose value may hold a password.
    #[error("{0} is no proxy that we can speak to: write http://HOST:PORT")]
    BadProxy(&'static str),
}

impl Failure for SetupError {
    fn verdict(&self) -> Verdict {
        Verdict::Stop(Stop::Config)
    }

    fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoCrypto | Self::Client(_) => "http_client",
            Self::BadProxy(_) => "bad_proxy",
        })
    }
}

/// A fetch brought no page.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Verdict: Retry; a name that is gone for good ends as a dead letter.
    #[error("{host} can't be resolved")]
    Dns {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Unresolved,
    },
    /// Verdict: Retry.
    #[error("{host} can't be connected to")]
    Connect {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Verdict: Retry.
    #[error("{host} can't be connected to securely")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It is away, or does not connect us. Verdict: Retry.
    #[error("the proxy does not lead to {host}")]
    Proxy {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Verdict: Retry; no page is to blame for it.
    #[error("the proxy wants another name and password (407)")]
    ProxyAuth,
    /// Verdict: Retry.
    #[error("{host} did not answer in time")]
    Timeout {
        /// The host.
        host: String,
    },
    /// No answer, or one that is no HTTP. Verdict: Retry.
    #[error("{host} closed the connection or sent something that is no HTTP, or too much of it")]
    Answer {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Cut off, or its compression is broken. Verdict: Retry.
    #[error("the body came broken")]
    Body(#[source] reqwest::Error),
    /// Verdict: Reject.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// Verdict: Reject.
    #[error("{0} redirects did not lead to a page")]
    TooManyRedirects(u16),
    /// Verdict: Reject.
    #[error("the redirects lead back to where they began")]
    RedirectLoop,
    /// Verdict: Reject.
    #[error("the site redirects to something that can't be crawled")]
    BadRedirect(#[source] UrlError),
    /// Verdict: Reject.
    #[error("the page is larger than {max_bytes} bytes")]
    BodyTooLarge {
        /// The limit that it passed.
        max_bytes: usize,
    },
    /// Nobody could read it. Verdict: Reject.
    #[error("it is packed as {coding:?}, which we can't undo")]
    Coding {
        /// What the site says of it.
        coding: String,
    },
    /// Verdict: Reject.
    #[error("it is {content_type}, not a page of text")]
    NotHtml {
        /// What the site says it is.
        content_type: String,
    },
    /// Verdict: Retry for 408, 425, 429 and 5xx, else Reject.
    #[error("the site answered {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// What the site asked for.
        after: Option<Duration>,
    },
}

impl FetchError {
    /// The HTTP status; 0 where no answer came.
    pub fn status(&self) -> u16 {
        match self {
            Self::Status { status, .. } => *status,
            _ => 0,
        }
    }
}

impl FetchError {
    /// Whether the site said for good that there is no such page to be had: not that it can't say
    /// now, nor that it wants to know us first.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status, 400..=499) && !matches!(status, 401 | 403 | 407 | 408 | 425 | 429)
            }
            Self::TooManyRedirects(_)
            | Self::RedirectLoop
            | Self::BadRedirect(_)
            | Self::NotHtml { .. } => true,
            _ => false,
        }
    }
}

impl Failure for FetchError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Dns { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::Proxy { .. }
            | Self::ProxyAuth
            | Self::Timeout { .. }
            | Self::Answer { .. }
            | Self::Body(_) => Verdict::Retry { after: None },
            Self::Status {
                status: 408 | 425 | 429 | 500..=599,
                after,
            } => Verdict::Retry { after: *after },
            Self::NotPublic(_)
            | Self::TooManyRedirects(_)
            | Self::RedirectLoop
            | Self::BadRedirect(_)
            | Self::BodyTooLarge { .. }
            | Self::Coding { .. }
            | Self::NotHtml { .. }
            | Self::Status { .. } => Verdict::Reject,
        }
    }

    fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Dns { .. } => "dns_failed",
            Self::Connect { .. } => "connect_failed",
            Self::Tls { .. } => "tls_failed",
            Self::Proxy { .. } | Self::ProxyAuth => "proxy_failed",
            Self::Timeout { .. } => "timeout",
            Self::Answer { .. } => "answer_broken",
            Self::Body(_) => "body_broken",
            Self::NotPublic(_) => "address_not_public",
            Self::TooManyRedirects(_) => "too_many_redirects",
            Self::RedirectLoop => "redirect_loop",
            Self::BadRedirect(_) => "bad_redirect",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::Coding { .. } => "coding_unknown",
            Self::NotHtml { .. } => "not_html",
            Self::Status { status, .. } => return Cow::Owned(format!("http_{status}")),
        })
    }
}

/// A crawl request failed for good.
#[derive(Debug, thiserror::Error)]
pub enum CrawlError {
    /// It can never work. Verdict: Reject.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It did not work often enough. Verdict: Reject, with the code of the last failure.
    #[error("given up after {attempts} attempts")]
    GivenUp {
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        #[source]
        source: FetchError,
    },
    /// The broker failed us. The verdict is the broker's.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Failure for CrawlError {
    fn verdict(&self) -> Verdict {
        match self {
            // Retries are new messages of their own; what ends here has ended.
            Self::Fetch(_) | Self::GivenUp { .. } => Verdict::Reject,
            Self::Broker(error) => error.verdict(),
        }
    }

    fn code(&self) -> Cow<'static, str> {
        match self {
            Self::Fetch(error) | Self::GivenUp { source: error, .. } => error.code(),
            Self::Broker(error) => error.code(),
        }
    }
}

/// Why one line of a submission can't be crawled. Verdict: Reject.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// No URL of ours.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// No interval.
    #[error(transparent)]
    Interval(<Interval as std::str::FromStr>::Err),
    /// An address that we must not ask.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
}

impl Failure for LineError {
    fn verdict(&self) -> Verdict {
        Verdict::Reject
    }

    fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Url(error) => error.code(),
            Self::Interval(_) => "bad_interval",
            Self::NotPublic(_) => "address_not_public",
        })
    }
}

/// Admission can't go on.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// Verdict: Wait.
    #[error(
        "the frontier holds {num_bytes} bytes, more than {max_bytes}: waiting for pages to be fetched"
    )]
    FrontierFull {
        /// Its size.
        num_bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// As the broker says.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Failure for AdmissionError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::FrontierFull { .. } => Verdict::Wait,
            Self::Broker(error) => error.verdict(),
        }
    }

    fn code(&self) -> Cow<'static, str> {
        match self {
            Self::FrontierFull { .. } => Cow::Borrowed("frontier_full"),
            Self::Broker(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_verdict_and_its_code() {
        let after = Some(Duration::from_secs(9));
        for (status, verdict) in [
            (429, Verdict::Retry { after }),
            (503, Verdict::Retry { after }),
            (500, Verdict::Retry { after }),
            (408, Verdict::Retry { after }),
            (403, Verdict::Reject),
            (401, Verdict::Reject),
            (300, Verdict::Reject),
            (999, Verdict::Reject),
        ] {
            let error = FetchError::Status { status, after };
            assert_eq!(error.verdict(), verdict, "{status}");
            assert_eq!(error.code(), format!("http_{status}"));
        }
    }

    #[test]
    fn the_last_attempt_has_the_code_of_what_failed() {
        let error = CrawlError::GivenUp {
            attempts: 10,
            source: FetchError::Timeout {
                host: "a.cn".to_owned(),
            },
        };
        assert_eq!(error.verdict(), Verdict::Reject);
        assert_eq!(error.code(), "timeout");
        assert_eq!(
            worker::chain(&error),
            "given up after 10 attempts: a.cn did not answer in time"
        );
    }
}
