//! What a fetch that missed the page leaves behind: the request once more, a record of the miss, or
//! the certainty that the page is gone.
//!
//! Unknown is not gone: a silence, a server in trouble or a closed door says nothing about the page.

use messages::{CrawlRecord, CrawlRequest, Gone, Page, timestamp};
use time::OffsetDateTime;
use worker::topology::Bucket;
use worker::{Failure, Outbox, Stage, Verdict};

use super::{Crawler, postpone};
use crate::clock::LONGEST_PAUSE;
use crate::{CrawlError, FetchError};

impl Crawler {
    pub(super) async fn missed(
        &self,
        request: &CrawlRequest,
        error: FetchError,
        outbox: &mut Outbox,
    ) -> Result<(), CrawlError> {
        match error.verdict() {
            Verdict::Retry { .. } => self.failed(request, error, outbox).await,
            _ if error.is_refusal() => self.refused(request, error, outbox).await,
            _ => Err(CrawlError::Fetch(error)),
        }
    }

    /// It may work another time.
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
        postpone(outbox, again, timestamp::now() + pause.min(LONGEST_PAUSE));
        if let Some(before) = self.record_of(&id).await {
            let record = record(before, error.status(), &code);
            outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
        }
        outbox.count(&code);
        Ok(())
    }

    /// The site says no for good. Of a page that was never seen that is all there is to say; one
    /// that was is gone once the site has said so often enough.
    async fn refused(
        &self,
        request: &CrawlRequest,
        error: FetchError,
        outbox: &mut Outbox,
    ) -> Result<(), CrawlError> {
        let id = request.url_id();
        let before = self.record_of(&id).await.flatten();
        let Some(before) = before.filter(|before| before.content_hash.is_some()) else {
            return Err(CrawlError::Fetch(error));
        };
        if before.refusals.saturating_add(1) >= self.gone_after {
            let refused = (error.status(), timestamp::now());
            gone(outbox, request, refused, Some(before));
            return Ok(());
        }
        let code = error.code();
        let refusals = before.refusals + 1;
        let record = CrawlRecord {
            refusals,
            ..record(Some(before), error.status(), &code)
        };
        tracing::warn!(
            stage = Self::NAME, %id, %code, refusals,
            "{id} was refused, {refusals} times in a row: {}", worker::chain(&error)
        );
        outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
        outbox.count(&code);
        Ok(())
    }
}

/// Publishes that a page is gone; the status that said so, and when.
pub(super) fn gone(
    outbox: &mut Outbox,
    request: &CrawlRequest,
    (status, fetched_at): (u16, OffsetDateTime),
    before: Option<CrawlRecord>,
) {
    let page = Page::Gone(Gone {
        url: request.url.clone(),
        status,
        fetched_at,
    });
    outbox.publish_newer(page, before.is_none());
    // Without validators: if it comes back, it is a new page.
    let record = CrawlRecord {
        content_hash: None,
        etag: None,
        last_modified: None,
        ..record(before, status, "gone")
    };
    outbox.record(Bucket::Urls, CrawlRecord::key(&request.url_id()), &record);
    outbox.count("gone");
}

/// The record after a fetch that missed the page: what is known of the page itself stays.
pub(super) fn record(before: Option<CrawlRecord>, status: u16, code: &str) -> CrawlRecord {
    let before = before.unwrap_or(CrawlRecord {
        status,
        fetched_at: timestamp::now(),
        code: None,
        content_hash: None,
        etag: None,
        last_modified: None,
        misses: 0,
        refusals: 0,
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
    use messages::ContentHash;

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
            refusals: 1,
        };
        let after = record(Some(before.clone()), 500, "http_500");
        assert_eq!((after.status, after.misses, after.refusals), (500, 3, 1));
        assert_eq!(after.code.as_deref(), Some("http_500"));
        assert_eq!(
            (after.etag, after.content_hash),
            (before.etag, before.content_hash)
        );
        assert_eq!(record(None, 0, "timeout").misses, 1);
    }
}
