//! One request for a robots.txt: the file, a redirect, or why there is none (RFC 9309, section 2.3.1).
//!
//! Whatever its content type, it is read as far as it is parsed, and no further. No session is sent.

use std::time::{Duration, Instant};

use messages::{CanonicalUrl, timestamp};
use reqwest::Response;
use reqwest::header::{LOCATION, RETRY_AFTER};
use robotxt::BYTE_LIMIT;

use super::{Fetcher, location_text, request_failed, value};
use crate::robots::{Fetched, Found};
use crate::{FetchError, metrics, retry_after};

/// What one request for a robots.txt brought.
#[derive(Debug)]
pub(crate) enum RobotsAnswer {
    /// Ask there.
    Redirect(CanonicalUrl),
    /// There is no more to ask.
    End(Fetched),
}

impl Fetcher {
    /// Asks for a robots.txt whose literal address, if it has one, was looked at already.
    /// An error: the host can't even be connected to, so that nothing of it can be fetched.
    pub(crate) async fn get_robots(
        &self,
        url: &CanonicalUrl,
        is_allowed: bool,
        limit: Duration,
    ) -> Result<RobotsAnswer, FetchError> {
        let started = Instant::now();
        let mut status = None;
        let asking = self.ask_robots(url, is_allowed, &mut status);
        let answer = tokio::time::timeout(limit, asking).await;
        metrics::fetched(status, started.elapsed());
        answer.unwrap_or(Ok(RobotsAnswer::End(Fetched::SILENCE)))
    }

    async fn ask_robots(
        &self,
        url: &CanonicalUrl,
        is_allowed: bool,
        seen: &mut Option<u16>,
    ) -> Result<RobotsAnswer, FetchError> {
        let route = self.clients.route(url, is_allowed).await?;
        let request = route.client.get(url.as_url().clone());
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                return Err(request_failed(url, error, route.is_proxied));
            }
            Err(_) => return Ok(RobotsAnswer::End(Fetched::SILENCE)),
        };
        let status = response.status().as_u16();
        *seen = Some(status);
        let found = match status {
            407 if route.is_proxied => return Err(FetchError::ProxyAuth),
            200..=299 => match read(response).await {
                Ok(text) => Found::File(text),
                Err(_) => return Ok(RobotsAnswer::End(Fetched::SILENCE)),
            },
            301 | 302 | 303 | 307 | 308 => {
                let location = response.headers().get(LOCATION);
                match location.and_then(|it| url.join(&location_text(it)).ok()) {
                    Some(next) => return Ok(RobotsAnswer::Redirect(next)),
                    None => Found::NoFile,
                }
            }
            // Of the 4xx, these say "not now" and not "there is none".
            408 | 425 | 429 | 500..=599 => {
                let after = value(response.headers(), RETRY_AFTER)
                    .and_then(|value| retry_after::parse(&value, timestamp::now()));
                Found::Nothing { after }
            }
            _ => Found::NoFile,
        };
        Ok(RobotsAnswer::End(Fetched { status, found }))
    }
}

/// Its first bytes: one more than are parsed, at most, so that a cut line is seen to be cut.
async fn read(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = BYTE_LIMIT + 1 - text.len();
        text.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if text.len() > BYTE_LIMIT {
            break;
        }
    }
    Ok(text)
}
