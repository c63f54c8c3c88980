//! The stage `crawler`: a crawl request goes in; a page comes out, or the request once more, later.
//!
//! A fetch that may work another time is published again as `crawl.later.<url_id>`; what can never
//! work, or did not work often enough, is an error and becomes a dead letter.

mod article;
mod miss;
mod page;
mod permission;

use std::sync::Arc;
use std::time::{Duration, Instant};

use messages::{
    AdmissionRecord, AdmissionState, CanonicalUrl, CrawlRecord, CrawlRequest, Host, UrlId, Why,
    timestamp,
};
use sites::Sites;
use time::OffsetDateTime;
use worker::topology::{Bucket, CRAWLER, ConsumerSpec};
use worker::{Broker, Delivery, Failure, Merge, Outbox, RetryConfig, Stage};

use crate::clock::{Clock, Entry, PATIENCE, Pace};
use crate::config::DEFAULT_DELAY;
use crate::fetch::{Answer, Ending, Fetcher};
use crate::standing::{self, Standing};
use crate::{CrawlError, CrawlerConfig, FetchError, Guard, Robots, SetupError};
use article::Reading;
use page::page;
use permission::Leave;

/// How long one that was redirected waits for its turn: sent away, it begins at the first address again.
const HOP_PATIENCE: Duration = Duration::from_secs(60);

/// Fetches pages.
pub struct Crawler {
    broker: Broker,
    retry: RetryConfig,
    concurrency: usize,
    /// `None`: the default.
    delay: Option<Duration>,
    fetch_timeout: Duration,
    max_redirects: u16,
    max_body_bytes: usize,
    /// After so many refusals in a row a page counts as gone.
    gone_after: u32,
    sites: Arc<Sites>,
    guard: Arc<Guard>,
    fetcher: Fetcher,
    clock: Clock,
    robots: Robots,
    /// Knows whose robots.txt doesn't count.
    ignored: Guard,
}

/// Where a URL led.
enum Arrival {
    /// The last address, and what it answered.
    At(CanonicalUrl, Ending),
    /// Nowhere yet: its host is busy until then.
    Later(OffsetDateTime),
    /// Nowhere: a robots.txt forbids it.
    Denied,
    /// Nowhere yet: a robots.txt can't be reached until then.
    Unreachable(OffsetDateTime),
}

impl Crawler {
    /// A crawler; the process must have installed a provider of cryptography.
    pub fn new(
        broker: Broker,
        config: &CrawlerConfig,
        retry: RetryConfig,
        sites: Arc<Sites>,
    ) -> Result<Self, SetupError> {
        let guard = Arc::new(config.guard());
        let concurrency = config.fetch_concurrency.into();
        Ok(Self {
            clock: Clock::new(broker.clone(), config.latency_factor, concurrency),
            robots: Robots::new(broker.clone(), config, retry),
            ignored: Guard::new(config.ignore_robots.clone()),
            broker,
            retry,
            concurrency,
            delay: config.delay,
            fetch_timeout: config.fetch_timeout,
            max_redirects: config.max_redirects,
            max_body_bytes: config.max_body_bytes(),
            gone_after: config.gone_after,
            sites,
            fetcher: Fetcher::new(config, guard.clone())?,
            guard,
        })
    }

    /// What it knows of the robots.txt of hosts.
    pub fn robots(&self) -> &Robots {
        &self.robots
    }

    /// Follows redirects; each is a request of its own, checked and in its host's turn.
    async fn follow(
        &self,
        url: &CanonicalUrl,
        standing: Option<&Standing>,
        patience: Duration,
    ) -> Result<Arrival, CrawlError> {
        let mut visited = vec![url.clone()];
        let mut current = url.clone();
        let mut left = self.fetch_timeout;
        loop {
            let is_allowed = self.guard.check(&current).map_err(FetchError::from)?;
            let patience = if visited.len() == 1 {
                patience
            } else {
                HOP_PATIENCE
            };
            let pace = match self.leave(&current, is_allowed, patience).await? {
                Leave::Granted(pace) => pace,
                Leave::Denied => return Ok(Arrival::Denied),
                Leave::Unreachable(at) => return Ok(Arrival::Unreachable(at)),
                Leave::Later(at) => return Ok(Arrival::Later(at)),
            };
            let host = current.host();
            let turn = match self.clock.enter(&host, pace, patience).await? {
                Entry::Turn(turn) => turn,
                Entry::Later(at) => return Ok(Arrival::Later(at)),
            };
            let started = Instant::now();
            let validators = standing.and_then(|page| page.validators_for(&current));
            let asking = self.fetcher.get(&current, validators, is_allowed, left);
            let answer = asking.await;
            let began_at = turn.began_at;
            turn.end(answer.is_ok());
            if let Err(error) = &answer
                && matches!(pace, Pace::Clock { .. })
            {
                self.heed_refusal(&host, began_at, error).await?;
            }
            let answer = answer?;
            left = left.saturating_sub(started.elapsed());
            let next = match answer {
                Answer::Redirect(next) => next,
                Answer::End(ending) => return Ok(Arrival::At(current, ending)),
            };
            if visited.contains(&next) {
                return Err(FetchError::RedirectLoop.into());
            }
            if visited.len() > usize::from(self.max_redirects) {
                return Err(FetchError::TooManyRedirects(self.max_redirects).into());
            }
            visited.push(next.clone());
            current = next;
        }
    }

    /// Hosts that the operator allows by address are the operator's own: no pace, unless one is
    /// configured.
    fn pace(&self, is_allowed: bool, crawl_delay: Option<Duration>) -> Pace {
        match self.delay {
            None | Some(Duration::ZERO) if is_allowed => Pace::None,
            delay => Pace::Clock {
                delay: delay.unwrap_or(DEFAULT_DELAY),
                crawl_delay,
            },
        }
    }

    /// 429 and 503 are said for the whole host.
    async fn heed_refusal(
        &self,
        host: &Host,
        began_at: OffsetDateTime,
        error: &FetchError,
    ) -> Result<(), CrawlError> {
        let (FetchError::Status { status, after }, retry) = (error, self.retry) else {
            return Ok(());
        };
        if !matches!(status, 429 | 503) {
            return Ok(());
        }
        let (code, pause) = (error.code(), |blocks| retry.pause(blocks, *after));
        let blocking = self.clock.block(host, began_at, &code, pause);
        Ok(blocking.await?)
    }

    async fn arrived(
        &self,
        request: &CrawlRequest,
        final_url: CanonicalUrl,
        ending: Ending,
        standing: Option<Standing>,
        outbox: &mut Outbox,
    ) -> Result<(), CrawlError> {
        let id = request.url_id();
        ask_again(outbox, request, ending.asked_at());
        match ending {
            Ending::Page(mut download) => {
                let rest = match self.rest(request, &final_url, &mut download).await? {
                    Reading::To(rest) => rest,
                    Reading::Later(at) => {
                        defer(outbox, request, at);
                        return Ok(());
                    }
                };
                let agent = self.robots.own_agent();
                let (page, record) = page(request, final_url, *download, rest, agent).await?;
                let is_new = standing.is_none() && request.why != Why::Recrawl && !request.refetch;
                let record = if standing.is_some_and(|standing| standing.is(&page)) {
                    outbox.count("unchanged");
                    standing::unchanged(record)
                } else {
                    outbox.publish_newer(page, is_new);
                    record
                };
                outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
            }
            Ending::Gone(status, asked_at) => {
                let before = self.record_of(&id).await.flatten();
                miss::gone(outbox, request, (status, asked_at), before);
            }
            Ending::Unchanged {
                robots_tags,
                asked_at,
            } => match standing {
                Some(standing) if !standing.has_tags(&robots_tags) => {
                    let whole = CrawlRequest {
                        refetch: true,
                        ..request.clone()
                    };
                    postpone(outbox, whole, timestamp::now());
                    outbox.count("directives_changed");
                }
                standing => {
                    if let Some(standing) = standing {
                        let record = standing.confirmed(asked_at);
                        outbox.record(Bucket::Urls, CrawlRecord::key(&id), &record);
                    }
                    outbox.count("unchanged");
                }
            },
        }
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
        let request = &standing::restored(&self.broker, &input.message).await;
        let standing = Standing::of(&self.broker, request).await;
        let following = self.follow(&request.url, standing.as_ref(), PATIENCE);
        let arrived = match following.await {
            Ok(Arrival::At(final_url, ending)) => {
                let arriving = self.arrived(request, final_url, ending, standing, outbox);
                arriving.await
            }
            Ok(Arrival::Later(at)) => {
                defer(outbox, request, at);
                Ok(())
            }
            Ok(Arrival::Denied) => {
                self.denied(request, outbox).await;
                Ok(())
            }
            Ok(Arrival::Unreachable(at)) => {
                self.unreachable(request, at, outbox).await;
                Ok(())
            }
            Err(error) => Err(error),
        };
        match arrived {
            Err(CrawlError::Fetch(error)) => self.missed(request, error, outbox).await,
            arrived => arrived,
        }
    }
}

/// A page may wait for long until it can be published. What was submitted meanwhile was left to this
/// request, though it may be about what the page has become since.
fn ask_again(outbox: &mut Outbox, request: &CrawlRequest, asked_at: OffsetDateTime) {
    let key = AdmissionRecord::key(&request.url_id());
    let again = CrawlRequest {
        why: Why::Submitted,
        attempt: 0,
        ..request.clone()
    };
    outbox.follow_up(Bucket::Urls, key, move |admission: AdmissionRecord| {
        let is_later = admission.state == AdmissionState::Admitted && admission.at > asked_at;
        is_later.then(|| again.clone())
    });
}

/// The host is busy: no attempt is used.
fn defer(outbox: &mut Outbox, request: &CrawlRequest, at: OffsetDateTime) {
    postpone(outbox, request.clone(), at);
    outbox.count("deferred");
}

/// Publishes a request again for a later time, with all that a deferred one of the same URL asks for.
fn postpone(outbox: &mut Outbox, request: CrawlRequest, at: OffsetDateTime) {
    let id = request.url_id();
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
