//! The stage `crawler`: a crawl request goes in; a page comes out, or the request once more, later.
//!
//! A fetch that may work another time is published again as `crawl.later.<url_id>`; what can never
//! work, or did not work often enough, is an error and becomes a dead letter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use messages::{
    Body, CanonicalUrl, ContentHash, CrawlRecord, CrawlRequest, Gone, Page, Response, UrlId,
    timestamp,
};
use worker::topology::{Bucket, CRAWLER, ConsumerSpec, MAX_MESSAGE_BYTES};
use worker::{Broker, Delivery, Failure, Merge, Outbox, RetryConfig, Stage, Verdict};

use crate::fetch::{Answer, Download, Ending, Fetcher};
use crate::pace::{Entry, Pace};
use crate::{CrawlError, CrawlerConfig, FetchError, Guard, SetupError};

/// How long a request may hold a slot while others ask its host.
const PATIENCE: Duration = Duration::from_secs(5);

/// All of a page's message but its body: two URLs, a content type, and their quoting.
const MAX_ENVELOPE_BYTES: usize = 32 * 1024;

/// No pause is longer, whatever was configured or asked for.
const LONGEST_PAUSE: Duration = Duration::from_hours(30 * 24);

/// Fetches pages.
pub struct Crawler {
    broker: Broker,
    retry: RetryConfig,
    concurrency: usize,
    delay: Duration,
    fetch_timeout: Duration,
    max_redirects: u16,
    guard: Arc<Guard>,
    fetcher: Fetcher,
    pace: Pace,
}

/// Where a URL led.
enum Arrival {
    /// The last address, and what it answered.
    At(CanonicalUrl, Ending),
    /// Nowhere yet: its host is busy for so long.
    Later(Duration),
}

impl Crawler {
    /// A crawler; the process must have installed a provider of cryptography.
    pub fn new(
        broker: Broker,
        config: &CrawlerConfig,
        retry: RetryConfig,
    ) -> Result<Self, SetupError> {
        let guard = Arc::new(config.guard());
        Ok(Self {
            broker,
            retry,
            concurrency: config.fetch_concurrency.into(),
            delay: config.delay,
            fetch_timeout: config.fetch_timeout,
            max_redirects: config.max_redirects,
            fetcher: Fetcher::new(config, guard.clone())?,
            guard,
            pace: Pace::default(),
        })
    }

    /// Follows redirects; each is a request of its own, checked and in its host's turn.
    async fn follow(&self, url: &CanonicalUrl) -> Result<Arrival, FetchError> {
        let mut visited = vec![url.clone()];
        let mut current = url.clone();
        let mut left = self.fetch_timeout;
        loop {
            let is_allowed = self.guard.check(&current)?;
            let delay = if is_allowed {
                Duration::ZERO
            } else {
                self.delay
            };
            // Sent away halfway, it would begin at the first address again, and never arrive.
            let patience = (visited.len() == 1).then_some(PATIENCE);
            let turn = match self.pace.enter(&current.host(), delay, patience).await {
                Entry::Turn(turn) => turn,
                Entry::Later(after) => return Ok(Arrival::Later(after)),
            };
            let started = Instant::now();
            let answer = self.fetcher.get(&current, is_allowed, left).await?;
            drop(turn);
            left = left.saturating_sub(started.elapsed());
            let next = match answer {
                Answer::Redirect(next) => next,
                Answer::End(ending) => return Ok(Arrival::At(current, ending)),
            };
            if visited.contains(&next) {
                return Err(FetchError::RedirectLoop);
            }
            if visited.len() > usize::from(self.max_redirects) {
                return Err(FetchError::TooManyRedirects(self.max_redirects));
            }
            visited.push(next.clone());
            current = next;
        }
    }

    async fn arrived(
        &self,
        request: &CrawlRequest,
        final_url: CanonicalUrl,
        ending: Ending,
        outbox: &mut Outbox,
    ) -> Result<(), CrawlError> {
        let id = request.url_id();
        match ending {
            Ending::Page(download) => {
                let (page, record) = page(request, final_url, download)
                    .await
                    .map_err(CrawlError::Fetch)?;
                outbox.publish_newer(page);
                outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
            }
            Ending::Gone(status) => {
                let fetched_at = timestamp::now();
                outbox.publish_newer(Page::Gone(Gone {
                    url: request.url.clone(),
                    status,
                    fetched_at,
                }));
                let before = self.record_of(&id).await.flatten();
                // Without validators: if it comes back, it is a new page.
                let record = CrawlRecord {
                    status,
                    fetched_at,
                    code: Some("gone".to_owned()),
                    content_hash: None,
                    etag: None,
                    last_modified: None,
                    misses: before.map_or(0, |before| before.misses).saturating_add(1),
                };
                outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
                outbox.count("gone");
            }
            Ending::Unchanged => {
                if let Some(Some(before)) = self.record_of(&id).await {
                    let record = CrawlRecord {
                        status: 304,
                        fetched_at: timestamp::now(),
                        code: Some("unchanged".to_owned()),
                        misses: 0,
                        ..before
                    };
                    outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
                }
                outbox.count("unchanged");
            }
        }
        Ok(())
    }

    async fn failed(
        &self,
        request: &CrawlRequest,
        error: FetchError,
        outbox: &mut Outbox,
    ) -> Result<(), CrawlError> {
        let Verdict::Retry { after } = error.verdict() else {
            return Err(CrawlError::Fetch(error));
        };
        let attempts = request.attempt.saturating_add(1);
        if attempts >= self.retry.max_attempts {
            return Err(CrawlError::GivenUp {
                attempts,
                source: error,
            });
        }
        let (id, code) = (request.url_id(), error.code());
        let pause = self.retry.pause(attempts, after);
        tracing::warn!(
            stage = Self::NAME, %id, %code, attempts,
            "{id} failed and is fetched again in {pause:.1?}: {}", worker::chain(&error)
        );
        let again = CrawlRequest {
            attempt: attempts,
            ..request.clone()
        };
        postpone(outbox, again, pause);
        if let Some(before) = self.record_of(&id).await {
            let record = missed(before, error.status(), &code);
            outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
        }
        outbox.count(&code);
        Ok(())
    }

    /// The URL's record. The outer `None`: it can't be read, so it had better not be overwritten.
    async fn record_of(&self, id: &UrlId) -> Option<Option<CrawlRecord>> {
        let key = CrawlRecord::key(id);
        let record = self.broker.record::<CrawlRecord>(Bucket::Urls, &key).await;
        record.ok().map(|record| record.map(|record| record.value))
    }
}

impl Stage for Crawler {
    type Input = CrawlRequest;
    type Error = CrawlError;
    const NAME: &'static str = "crawler";
    const CONSUMER: ConsumerSpec = CRAWLER;

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    async fn handle(
        &self,
        input: &Delivery<CrawlRequest>,
        outbox: &mut Outbox,
    ) -> Result<(), CrawlError> {
        let request = &input.message;
        match self.follow(&request.url).await {
            Ok(Arrival::At(final_url, ending)) => {
                self.arrived(request, final_url, ending, outbox).await
            }
            Ok(Arrival::Later(after)) => {
                postpone(outbox, request.clone(), after);
                outbox.count("deferred");
                Ok(())
            }
            Err(error) => self.failed(request, error, outbox).await,
        }
    }
}

/// Publishes a request again for a later time, with all that a deferred one of the same URL asks for.
fn postpone(outbox: &mut Outbox, request: CrawlRequest, after: Duration) {
    let id = request.url_id();
    let at = timestamp::now() + after.min(LONGEST_PAUSE);
    outbox.schedule_merged(
        CrawlRequest::later_subject(&id),
        CrawlRequest::due_subject(&id),
        at,
        move |standing: Option<CrawlRequest>| {
            let merged = match standing {
                Some(standing) => request.clone().merged_with(&standing),
                None => request.clone(),
            };
            // What stands there may be this very request of before: its attempts must not come back.
            Merge::Publish(CrawlRequest {
                attempt: request.attempt,
                ..merged
            })
        },
    );
}

async fn page(
    request: &CrawlRequest,
    final_url: CanonicalUrl,
    download: Download,
) -> Result<(Page, CrawlRecord), FetchError> {
    let bytes = download.body;
    let (body, content_hash) =
        worker::blocking(move || (Body::compress(&bytes), ContentHash::of(&bytes))).await;
    // Base64 makes four bytes of three.
    let num_bytes = body.num_compressed_bytes().div_ceil(3) * 4 + MAX_ENVELOPE_BYTES;
    if num_bytes > MAX_MESSAGE_BYTES {
        return Err(FetchError::BodyTooLarge {
            max_bytes: MAX_MESSAGE_BYTES,
        });
    }
    let record = CrawlRecord {
        status: download.status,
        fetched_at: download.began_at,
        code: None,
        content_hash: Some(content_hash.clone()),
        etag: download.etag,
        last_modified: download.last_modified,
        misses: 0,
    };
    let page = Page::Response(Response {
        url: request.url.clone(),
        final_url,
        status: download.status,
        content_type: download.content_type,
        fetched_at: download.began_at,
        depth: request.depth,
        content_hash,
        body,
    });
    Ok((page, record))
}

/// The record after a fetch that missed the page: what is known of the page itself stays.
fn missed(before: Option<CrawlRecord>, status: u16, code: &str) -> CrawlRecord {
    let before = before.unwrap_or(CrawlRecord {
        status,
        fetched_at: timestamp::now(),
        code: None,
        content_hash: None,
        etag: None,
        last_modified: None,
        misses: 0,
    });
    CrawlRecord {
        status,
        fetched_at: timestamp::now(),
        code: Some(code.to_owned()),
        misses: before.misses.saturating_add(1),
        ..before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_keeps_what_is_known_of_the_page() {
        let before = CrawlRecord {
            status: 200,
            fetched_at: timestamp::now(),
            code: None,
            content_hash: Some(ContentHash::of(b"page")),
            etag: Some("\"v1\"".to_owned()),
            last_modified: None,
            misses: 2,
        };
        let after = missed(Some(before.clone()), 500, "http_500");
        assert_eq!((after.status, after.misses), (500, 3));
        assert_eq!(after.code.as_deref(), Some("http_500"));
        assert_eq!(
            (after.etag, after.content_hash),
            (before.etag, before.content_hash)
        );
        assert_eq!(missed(None, 0, "timeout").misses, 1);
    }
}
