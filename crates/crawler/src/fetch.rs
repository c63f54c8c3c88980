//! One HTTP request: a URL goes in, a page, a redirect or a clear failure comes out.
//!
//! The body is read as a stream with its compression undone, and never beyond the limit. Redirects
//! are not followed here, so that whoever follows them looks at each address. Keeps no cookies; what
//! a session sends along is sent to the hosts that it is for, on each hop anew.

mod client;
mod content_type;
mod failure;
mod robots;

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use messages::{CanonicalUrl, timestamp};
use reqwest::Response;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use time::OffsetDateTime;

use crate::standing::Validators;
use crate::{CrawlerConfig, FetchError, Guard, Sessions, SetupError, metrics, retry_after};

use client::Clients;
use content_type::is_page;
use failure::{body_failed, request_failed, timed_out};
pub(crate) use robots::RobotsAnswer;

/// The longest header value that we keep, in bytes.
const MAX_VALUE_BYTES: usize = 1024;

/// Headers `X-Robots-Tag` that we keep.
const MAX_ROBOTS_TAGS: usize = 8;

/// What one request brought.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Ask there.
    Redirect(CanonicalUrl),
    /// There is no more to ask.
    End(Ending),
}

/// How fetches that did not fail end.
#[derive(Debug)]
pub(crate) enum Ending {
    Page(Box<Download>),
    /// The status that says so, and when it was asked for.
    Gone(u16, OffsetDateTime),
    /// The page is the one that the validators are of.
    /// Its headers `X-Robots-Tag` may have changed all the same.
    Unchanged {
        robots_tags: Vec<String>,
        asked_at: OffsetDateTime,
    },
}

impl Ending {
    /// Just before it was asked for.
    pub(crate) fn asked_at(&self) -> OffsetDateTime {
        match self {
            Self::Page(download) => download.asked_at,
            Self::Gone(_, asked_at) | Self::Unchanged { asked_at, .. } => *asked_at,
        }
    }
}

/// A page as it came.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) robots_tags: Vec<String>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    /// Just before it was asked for. When its answer is seen says nothing of its age: we may have
    /// stood still in between, and somebody else may have fetched a newer one.
    pub(crate) asked_at: OffsetDateTime,
    pub(crate) body: Vec<u8>,
}

/// Fetches.
#[derive(Debug)]
pub(crate) struct Fetcher {
    clients: Clients,
    sessions: Sessions,
    max_body_bytes: usize,
}

impl Fetcher {
    pub(crate) fn new(config: &CrawlerConfig, guard: Arc<Guard>) -> Result<Self, SetupError> {
        Ok(Self {
            clients: Clients::new(config, guard)?,
            sessions: config.sessions.clone().unwrap_or_default(),
            max_body_bytes: config.max_body_bytes(),
        })
    }

    /// Asks for a URL whose literal address, if it has one, was looked at already; with validators,
    /// for what has changed since.
    pub(crate) async fn get(
        &self,
        url: &CanonicalUrl,
        validators: Option<Validators<'_>>,
        is_allowed: bool,
        limit: Duration,
    ) -> Result<Answer, FetchError> {
        let started = Instant::now();
        let mut status = None;
        let asking = self.ask(url, validators, is_allowed, &mut status);
        let answer = tokio::time::timeout(limit, asking).await;
        metrics::fetched(status, started.elapsed());
        answer.unwrap_or_else(|_| Err(timed_out(url)))
    }

    async fn ask(
        &self,
        url: &CanonicalUrl,
        validators: Option<Validators<'_>>,
        is_allowed: bool,
        seen: &mut Option<u16>,
    ) -> Result<Answer, FetchError> {
        let route = self.clients.route(url, is_allowed).await?;
        let mut request = route.client.get(url.as_url().clone());
        if let Some(headers) = self.sessions.headers_for(url, is_allowed) {
            request = request.headers(headers.clone());
        }
        if let Some(validators) = validators {
            request = request.headers(conditions(validators));
        }
        let asked_at = timestamp::now();
        let response = request
            .send()
            .await
            .map_err(|error| request_failed(url, error, route.is_proxied))?;
        let status = response.status().as_u16();
        *seen = Some(status);
        match status {
            407 if route.is_proxied => Err(FetchError::ProxyAuth),
            // Nothing, and a part of something that was asked for whole, are no page.
            204..=206 => Err(FetchError::Status {
                status,
                after: None,
            }),
            200..=299 => self
                .page(url, response, asked_at)
                .await
                .map(|download| Ending::Page(Box::new(download)))
                .map(Answer::End),
            301 | 302 | 303 | 307 | 308 => match response.headers().get(LOCATION) {
                Some(location) => url
                    .join(&location_text(location))
                    .map(Answer::Redirect)
                    .map_err(FetchError::BadRedirect),
                None => Err(FetchError::Status {
                    status,
                    after: None,
                }),
            },
            // To one who did not ask, it says nothing.
            304 if validators.is_some() => Ok(Answer::End(Ending::Unchanged {
                robots_tags: robots_tags(response.headers()),
                asked_at,
            })),
            404 | 410 => Ok(Answer::End(Ending::Gone(status, asked_at))),
            _ => {
                let after = value(response.headers(), RETRY_AFTER)
                    .and_then(|value| retry_after::parse(&value, timestamp::now()));
                Err(FetchError::Status { status, after })
            }
        }
    }

    async fn page(
        &self,
        url: &CanonicalUrl,
        mut response: Response,
        asked_at: OffsetDateTime,
    ) -> Result<Download, FetchError> {
        let headers = response.headers();
        let content_type = value(headers, CONTENT_TYPE);
        if let Some(content_type) = content_type
            .as_ref()
            .filter(|it| !is_page(it, url.as_url().path()))
        {
            return Err(FetchError::NotHtml {
                content_type: content_type.clone(),
            });
        }
        if let Some(coding) = value(headers, CONTENT_ENCODING).filter(|it| is_packed(it)) {
            return Err(FetchError::Coding { coding });
        }
        let (etag, last_modified) = (value(headers, ETAG), value(headers, LAST_MODIFIED));
        let robots_tags = robots_tags(headers);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| body_failed(url, error))?
        {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(FetchError::BodyTooLarge {
                    max_bytes: self.max_body_bytes,
                });
            }
            body.extend_from_slice(&chunk);
        }
        metrics::body(body.len());
        Ok(Download {
            status,
            content_type,
            robots_tags,
            etag,
            last_modified,
            asked_at,
            body,
        })
    }
}

/// What was a header once is one again.
fn conditions(validators: Validators<'_>) -> HeaderMap {
    let conditions = [
        (IF_NONE_MATCH, validators.etag),
        (IF_MODIFIED_SINCE, validators.last_modified),
    ];
    let valid = |(name, value): (_, Option<&str>)| Some((name, value?.parse().ok()?));
    conditions.into_iter().filter_map(valid).collect()
}

/// Whether a body is still packed whose coding was not undone: one in an odd spelling, or several.
/// Sites also write charsets and nonsense there, over bodies in plain text; browsers ignore that.
fn is_packed(coding: &str) -> bool {
    let mut names = coding.split(',').map(str::trim);
    names.any(|name| {
        [
            "br",
            "compress",
            "deflate",
            "gzip",
            "x-compress",
            "x-gzip",
            "zstd",
        ]
        .iter()
        .any(|packed| name.eq_ignore_ascii_case(packed))
    })
}

/// What is too much to be kept is cut; it takes more than a joke to write so many.
fn robots_tags(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all("x-robots-tag").iter();
    all.filter_map(text).take(MAX_ROBOTS_TAGS).collect()
}

/// A header's value, unless it is no text or absurdly long.
fn value(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    text(headers.get(name)?)
}

fn text(value: &HeaderValue) -> Option<String> {
    let value = value.to_str().ok()?.trim();
    (!value.is_empty() && value.len() <= MAX_VALUE_BYTES).then(|| value.to_owned())
}

/// Sites write Chinese into `Location` as it is, in UTF-8 or in their own charset.
fn location_text(value: &HeaderValue) -> String {
    if let Ok(text) = std::str::from_utf8(value.as_bytes()) {
        return text.to_owned();
    }
    value
        .as_bytes()
        .iter()
        .fold(String::new(), |mut text, &byte| {
            if byte.is_ascii() {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_in_any_charset_becomes_text() {
        let text = |bytes: &[u8]| location_text(&HeaderValue::from_bytes(bytes).unwrap());
        assert_eq!(text("/讲话.html".as_bytes()), "/讲话.html");
        assert_eq!(text(b"/\xbd\xb2.html"), "/%BD%B2.html");
    }

    #[test]
    fn headers_that_are_no_text_or_absurdly_long_are_not_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, HeaderValue::from_bytes(b"\"\xff\"").unwrap());
        assert_eq!(value(&headers, ETAG), None);
        headers.insert(ETAG, HeaderValue::from_str(&"a".repeat(2_000)).unwrap());
        assert_eq!(value(&headers, ETAG), None);
        headers.insert(ETAG, HeaderValue::from_static("\"v1\""));
        assert_eq!(value(&headers, ETAG).as_deref(), Some("\"v1\""));
    }
}
