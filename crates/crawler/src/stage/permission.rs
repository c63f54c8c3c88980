//! Whether a URL may be fetched at all: its host's robots.txt is fetched first where it isn't known.
//!
//! A robots.txt is a request like any other: guarded at each hop, in its host's turn, within the
//! time limit.

use std::time::{Duration, Instant};

use messages::{CanonicalUrl, CrawlRecord, CrawlRequest, timestamp};
use time::OffsetDateTime;
use worker::Outbox;
use worker::topology::Bucket;

use super::{Crawler, HOP_PATIENCE, miss, postpone};
use crate::clock::{Entry, LONGEST_PAUSE, Pace};
use crate::fetch::RobotsAnswer;
use crate::robots::{Fetched, Permission};
use crate::{CrawlError, FetchError};

/// Redirects followed to a robots.txt (RFC 9309, section 2.3.1.2).
const MAX_REDIRECTS: usize = 5;

/// What the way to a page begins with.
pub(super) enum Leave {
    /// Go, at this pace.
    Granted(Pace),
    /// The site's robots.txt says no.
    Denied,
    /// Not before then: the site's robots.txt can't be reached.
    Unreachable(OffsetDateTime),
    /// Not before then: the site is busy, and has not been asked for its robots.txt.
    Later(OffsetDateTime),
}

impl Crawler {
    /// Asks for leave to fetch a URL that the guard has looked at.
    pub(super) async fn leave(
        &self,
        url: &CanonicalUrl,
        is_allowed: bool,
        patience: Duration,
    ) -> Result<Leave, CrawlError> {
        let is_ignored = self.ignored.check(url).is_ok_and(|is_listed| is_listed);
        if is_allowed && is_ignored {
            return Ok(Leave::Granted(self.pace(is_allowed, None)));
        }
        let permission = match self.robots.permission(url).await? {
            Some(permission) => permission,
            None => match self.ask_leave(url, patience).await? {
                Ok(permission) => permission,
                Err(at) => return Ok(Leave::Later(at)),
            },
        };
        Ok(match permission {
            Permission::Granted => {
                let crawl_delay = self.robots.crawl_delay(&url.host());
                Leave::Granted(self.pace(is_allowed, crawl_delay))
            }
            Permission::Denied => Leave::Denied,
            Permission::Unreachable(until) => Leave::Unreachable(until),
        })
    }

    /// `Err`: the host has no time for it before then.
    async fn ask_leave(
        &self,
        url: &CanonicalUrl,
        patience: Duration,
    ) -> Result<Result<Permission, OffsetDateTime>, CrawlError> {
        let _fetching = match self.robots.begin(&url.host()).await {
            Ok(fetching) => fetching,
            Err(pause) => return Ok(Err(timestamp::now() + pause)),
        };
        // Somebody may have fetched it meanwhile.
        if let Some(permission) = self.robots.permission(url).await? {
            return Ok(Ok(permission));
        }
        let file = url.join("/robots.txt").map_err(FetchError::BadRedirect)?;
        Ok(match self.fetch_robots(&file, patience).await? {
            Ok(fetched) => Ok(self.robots.learn(url, file, fetched).await?),
            Err(at) => Err(at),
        })
    }

    /// An error: the host can't be connected to, or must not be, and its pages can't either.
    async fn fetch_robots(
        &self,
        file: &CanonicalUrl,
        patience: Duration,
    ) -> Result<Result<Fetched, OffsetDateTime>, CrawlError> {
        let mut current = file.clone();
        let mut patience = patience;
        let mut left = self.fetch_timeout;
        for num_redirects in 0..=MAX_REDIRECTS {
            let is_first = num_redirects == 0;
            let is_allowed = match self.guard.check(&current) {
                Ok(is_allowed) => is_allowed,
                Err(error) if is_first => return Err(FetchError::from(error).into()),
                Err(_) => return Ok(Ok(Fetched::NO_FILE)),
            };
            let pace = self.pace(is_allowed, self.robots.crawl_delay(&current.host()));
            let turn = match self.clock.enter(&current.host(), pace, patience).await? {
                Entry::Turn(turn) => turn,
                Entry::Later(at) => return Ok(Err(at)),
            };
            let started = Instant::now();
            let answer = self.fetcher.get_robots(&current, is_allowed, left).await;
            turn.end(answer.is_ok());
            left = left.saturating_sub(started.elapsed());
            patience = HOP_PATIENCE;
            current = match answer {
                Ok(RobotsAnswer::Redirect(next)) => next,
                Ok(RobotsAnswer::End(fetched)) => return Ok(Ok(fetched)),
                Err(error) if is_first => return Err(error.into()),
                Err(FetchError::NotPublic(_)) => return Ok(Ok(Fetched::NO_FILE)),
                Err(_) => return Ok(Ok(Fetched::SILENCE)),
            };
        }
        Ok(Ok(Fetched::NO_FILE))
    }

    /// A URL that must not be fetched ends here; nothing that is known of its page changes.
    pub(super) async fn denied(&self, request: &CrawlRequest, outbox: &mut Outbox) {
        self.unasked(request, "robots_denied", outbox).await;
    }

    /// A URL that must not be fetched yet comes again, and no attempt is used.
    pub(super) async fn unreachable(
        &self,
        request: &CrawlRequest,
        at: OffsetDateTime,
        outbox: &mut Outbox,
    ) {
        let at = at.min(timestamp::now() + LONGEST_PAUSE);
        postpone(outbox, request.clone(), at);
        self.unasked(request, "robots_unreachable", outbox).await;
    }

    async fn unasked(&self, request: &CrawlRequest, code: &str, outbox: &mut Outbox) {
        let id = request.url_id();
        if let Some(before) = self.record_of(&id).await {
            let misses = before.as_ref().map_or(0, |before| before.misses);
            let record = CrawlRecord {
                misses,
                ..miss::record(before, 0, code)
            };
            outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
        }
        outbox.count(code);
    }
}
