//! One HTTP request: a URL goes in, a page, a redirect or a clear failure comes out.
//!
//! The body is read as a stream with its compression undone, and never beyond the limit. Redirects
//! are not followed here, so that whoever follows them looks at each address. Keeps no cookies.

mod content_type;
mod robots;

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use messages::{CanonicalUrl, timestamp};
use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use reqwest::{Client, ClientBuilder, Response, redirect};
use time::OffsetDateTime;

use crate::resolver::{Resolver, Unresolved};
use crate::standing::Validators;
use crate::{CrawlerConfig, FetchError, Guard, NotPublic, SetupError, metrics, retry_after};

use content_type::is_page;
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
    /// The status that says so.
    Gone(u16),
    /// The page is the one that the validators are of.
    Unchanged,
}

/// A page as it came.
#[derive(Debug)]
pub(crate) struct Download {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) robots_tags: Vec<String>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    /// When the response began.
    pub(crate) began_at: OffsetDateTime,
    pub(crate) body: Vec<u8>,
}

/// The HTTP clients.
#[derive(Debug)]
pub(crate) struct Fetcher {
    guarded: Client,
    /// For hosts that the operator allows by name.
    unguarded: Client,
    max_body_bytes: usize,
}

impl Fetcher {
    pub(crate) fn new(config: &CrawlerConfig, guard: Arc<Guard>) -> Result<Self, SetupError> {
        // The client would panic.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(SetupError::NoCrypto);
        }
        let build = |resolver| {
            client(config)
                .dns_resolver(resolver)
                .build()
                .map_err(SetupError::Client)
        };
        Ok(Self {
            guarded: build(Resolver::guarded(guard))?,
            unguarded: build(Resolver::unguarded())?,
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
        let mut request = self.client_for(is_allowed).get(url.as_url().clone());
        if let Some(validators) = validators {
            request = request.headers(conditions(validators));
        }
        let response = request
            .send()
            .await
            .map_err(|error| request_failed(url, error))?;
        let status = response.status().as_u16();
        *seen = Some(status);
        match status {
            200..=299 => self
                .page(url, response)
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
            304 if validators.is_some() => Ok(Answer::End(Ending::Unchanged)),
            404 | 410 => Ok(Answer::End(Ending::Gone(status))),
            _ => {
                let after = value(response.headers(), RETRY_AFTER)
                    .and_then(|value| retry_after::parse(&value, timestamp::now()));
                Err(FetchError::Status { status, after })
            }
        }
    }

    fn client_for(&self, is_allowed: bool) -> &Client {
        if is_allowed {
            &self.unguarded
        } else {
            &self.guarded
        }
    }

    async fn page(
        &self,
        url: &CanonicalUrl,
        mut response: Response,
    ) -> Result<Download, FetchError> {
        let began_at = timestamp::now();
        let headers = response.headers();
        let content_type = value(headers, CONTENT_TYPE);
        if let Some(content_type) = content_type.as_ref().filter(|it| !is_page(it)) {
            return Err(FetchError::NotHtml {
                content_type: content_type.clone(),
            });
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
            began_at,
            body,
        })
    }
}

fn client(config: &CrawlerConfig) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.1"),
    );
    headers.insert(
        ACCEPT_LANGUAGE,
        HeaderValue::from_static("zh-CN,zh;q=0.9,*;q=0.1"),
    );
    Client::builder()
        .user_agent(config.full_user_agent())
        .default_headers(headers)
        .connect_timeout(config.connect_timeout)
        .redirect(redirect::Policy::none())
        // A failure must not be asked again behind the back of the host's pace.
        .retry(reqwest::retry::never())
        .referer(false)
        // Behind a proxy nobody could say which address is asked.
        .no_proxy()
        // One, but for hosts without pace.
        .pool_max_idle_per_host(config.fetch_concurrency.into())
        .pool_idle_timeout(Duration::from_secs(20))
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

fn timed_out(url: &CanonicalUrl) -> FetchError {
    FetchError::Timeout {
        host: url.host().to_string(),
    }
}

fn request_failed(url: &CanonicalUrl, error: reqwest::Error) -> FetchError {
    let host = url.host().to_string();
    if let Some(refused) = cause::<NotPublic>(&error) {
        return FetchError::NotPublic(refused.clone());
    }
    let is_unresolved = cause::<Unresolved>(&error).is_some();
    let is_tls = cause::<rustls::Error>(&error).is_some();
    let source = error.without_url();
    if is_unresolved {
        FetchError::Dns { host, source }
    } else if source.is_timeout() {
        FetchError::Timeout { host }
    } else if is_tls {
        FetchError::Tls { host, source }
    } else if source.is_connect() {
        FetchError::Connect { host, source }
    } else {
        FetchError::Answer { host, source }
    }
}

fn body_failed(url: &CanonicalUrl, error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        timed_out(url)
    } else {
        FetchError::Body(error.without_url())
    }
}

/// The cause of this type, also where an I/O error wraps it: `source` steps over what is inside.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
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
