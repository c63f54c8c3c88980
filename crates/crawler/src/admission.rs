//! The stage `admission`, twice: of submissions and of found links. URLs go in; crawl requests come
//! out, and a record of every URL that was let in or turned away.
//!
//! A bad line of a submission is a dead letter of its own. A found link that was seen before is
//! counted and leaves no trace.

mod submitted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join;
use messages::{
    AdmissionRecord, AdmissionState, BlockRecord, CanonicalUrl, CrawlRequest, FoundLink, Interval,
    UrlId, Why, timestamp,
};
use sites::{Scope, Sites};
use worker::topology::{ADMIT_FOUND, Bucket, CRAWL, ConsumerSpec};
use worker::{Broker, BrokerError, Delivery, Merge, Outbox, Stage};

use crate::{AdmissionError, CrawlerConfig, Guard};

pub use submitted::AdmitSubmitted;

const NAME: &str = "admission";

/// How long the frontier's size is believed.
const FRONTIER_AGE: Duration = Duration::from_secs(1);

/// What both stages share.
#[derive(Clone)]
pub struct Admission {
    inner: Arc<Inner>,
}

struct Inner {
    broker: Broker,
    sites: Arc<Sites>,
    guard: Guard,
    max_depth: u32,
    frontier_max_bytes: u64,
    /// The frontier's size, and when it was asked for. Held while asking, so that one asks for all.
    frontier: tokio::sync::Mutex<Option<(Instant, u64)>>,
}

/// Admits links that pages in scope hold.
pub struct AdmitFound(Admission);

/// What the broker knows of a URL; of one that was never admitted or blocked, nothing.
#[derive(Default)]
struct Known {
    /// Taken down for good, by itself or with its host.
    is_blocked: bool,
    record: Option<AdmissionRecord>,
    /// The request that waits for its time, if one does.
    deferred: Option<CrawlRequest>,
}

impl Admission {
    /// Admission by these rules.
    pub fn new(broker: Broker, config: &CrawlerConfig, sites: Arc<Sites>) -> Self {
        Self {
            inner: Arc::new(Inner {
                broker,
                sites,
                guard: config.guard(),
                max_depth: config.max_depth,
                frontier_max_bytes: config.frontier_max_bytes(),
                frontier: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// The stage that takes submissions.
    pub fn submitted(&self) -> AdmitSubmitted {
        AdmitSubmitted::new(self.clone())
    }

    /// The stage that takes found links.
    pub fn found(&self) -> AdmitFound {
        AdmitFound(self.clone())
    }

    async fn wait_for_room(&self) -> Result<(), AdmissionError> {
        let max_bytes = self.inner.frontier_max_bytes;
        let mut frontier = self.inner.frontier.lock().await;
        let num_bytes = match *frontier {
            Some((at, num_bytes)) if at.elapsed() < FRONTIER_AGE => num_bytes,
            _ => {
                let state = self.inner.broker.stream_state(CRAWL).await?;
                let num_bytes = state.map_or(0, |state| state.num_bytes);
                *frontier = Some((Instant::now(), num_bytes));
                num_bytes
            }
        };
        if num_bytes > max_bytes {
            return Err(AdmissionError::FrontierFull {
                num_bytes,
                max_bytes,
            });
        }
        Ok(())
    }

    async fn known(&self, url: &CanonicalUrl) -> Result<Known, BrokerError> {
        let id = UrlId::of(url);
        let broker = &self.inner.broker;
        let record = async { or_none(self.record(&id).await) };
        let (record, block) = try_join(record, broker.block_of(url)).await?;
        let is_blocked = block.is_some();
        if record.is_none() || is_blocked {
            return Ok(Known {
                is_blocked,
                record,
                deferred: None,
            });
        }
        let later = CrawlRequest::later_subject(&id);
        let deferred = or_none(broker.latest::<CrawlRequest>(CRAWL, &later).await)?;
        Ok(Known {
            is_blocked,
            record,
            deferred: deferred.map(|latest| latest.message),
        })
    }

    async fn record(&self, id: &UrlId) -> Result<Option<AdmissionRecord>, BrokerError> {
        let key = AdmissionRecord::key(id);
        let record = self.inner.broker.record(Bucket::Urls, &key).await?;
        Ok(record.map(|record| record.value))
    }

    /// The skip's code of a link that must not be followed.
    fn refuses(&self, link: &FoundLink) -> Option<&'static str> {
        let host = link.url.host();
        let sites = &self.inner.sites;
        let profile = sites.for_host(&host);
        if self.inner.guard.check(&link.url).is_err() {
            Some("address_not_public")
        } else if link.depth > self.inner.max_depth.min(sites.max_depth(&host)) {
            Some("too_deep")
        } else if profile.is_some_and(|profile| profile.in_scope(&link.url) == Scope::Out)
            && !Sites::is_sitemap(&link.url)
        {
            Some("out_of_scope")
        } else {
            None
        }
    }
}

/// What somebody else wrote there is as good as nothing: ours will replace it.
fn or_none<T>(read: Result<Option<T>, BrokerError>) -> Result<Option<T>, BrokerError> {
    match read {
        Err(BrokerError::Foreign { .. }) => Ok(None),
        read => read,
    }
}

/// Publishes a request, or adds what it asks for to the one of the same URL that is queued, in
/// flight or deferred.
fn publish(outbox: &mut Outbox, request: CrawlRequest, known: Known) {
    let id = request.url_id();
    let due = CrawlRequest::due_subject(&id);
    let Some(deferred) = known.deferred else {
        let is_new = known.record.is_none();
        let add = move |queued| add(&request, queued);
        if is_new {
            outbox.publish_new(due, add);
        } else {
            outbox.publish_merged(due, add);
        }
        return;
    };
    if says_all(&deferred, &request) {
        return;
    }
    // If it came due meanwhile, this follows at once and must hold all that went ahead.
    let request = request.merged_with(&deferred);
    let later = CrawlRequest::later_subject(&id);
    outbox.schedule_merged(later, due, timestamp::now(), move |standing| {
        add(&request, standing)
    });
}

fn add(request: &CrawlRequest, standing: Option<CrawlRequest>) -> Merge<CrawlRequest> {
    match standing {
        None => Merge::Publish(request.clone()),
        Some(standing) if says_all(&standing, request) => Merge::Keep,
        // Its attempts go on: the host is no healthier for being asked for once more.
        Some(standing) => Merge::Publish(CrawlRequest {
            attempt: standing.attempt,
            ..request.clone().merged_with(&standing)
        }),
    }
}

fn says_all(standing: &CrawlRequest, request: &CrawlRequest) -> bool {
    standing.depth <= request.depth
        && (request.every.is_none() || request.every == standing.every)
        && (standing.refetch || !request.refetch)
}

/// Ends a URL here; the record says why, unless it says so already.
fn turn_away(
    outbox: &mut Outbox,
    url: &CanonicalUrl,
    code: &str,
    before: Option<&AdmissionRecord>,
) {
    outbox.count(code);
    if before.is_none_or(|record| record.code.as_deref() != Some(code)) {
        let record = AdmissionRecord {
            state: AdmissionState::Skipped,
            code: Some(code.to_owned()),
            ..admitted(url.clone(), None)
        };
        let key = AdmissionRecord::key(&UrlId::of(url));
        outbox.record(Bucket::Urls, key, &record);
    }
}

fn admitted(url: CanonicalUrl, every: Option<Interval>) -> AdmissionRecord {
    AdmissionRecord {
        url,
        state: AdmissionState::Admitted,
        code: None,
        every,
        refetch_at: None,
        at: timestamp::now(),
    }
}

impl Stage for AdmitFound {
    type Input = FoundLink;
    type Error = AdmissionError;
    const NAME: &'static str = NAME;
    const CONSUMER: ConsumerSpec = ADMIT_FOUND;

    fn concurrency(&self) -> usize {
        64
    }

    async fn handle(
        &self,
        input: &Delivery<FoundLink>,
        outbox: &mut Outbox,
    ) -> Result<(), AdmissionError> {
        self.0.wait_for_room().await?;
        let link = &input.message;
        let id = UrlId::of(&link.url);
        let known = self.0.known(&link.url).await?;
        let before = known.record.as_ref();
        if known.is_blocked {
            turn_away(outbox, &link.url, BlockRecord::CODE, before);
            return Ok(());
        }
        let is_seen = before.is_some_and(|record| record.state == AdmissionState::Admitted);
        // Pages stay found; a sitemap is named again because it may name new ones.
        if is_seen && !Sites::is_sitemap(&link.url) {
            outbox.count("seen");
            return Ok(());
        }
        // A link that was turned away is looked at again: it may come from a page nearer by.
        if let Some(code) = self.0.refuses(link) {
            if is_seen {
                outbox.count(code);
            } else {
                turn_away(outbox, &link.url, code, before);
            }
            return Ok(());
        }
        let request = CrawlRequest {
            url: link.url.clone(),
            why: Why::Found,
            depth: link.depth,
            attempt: 0,
            every: None,
            refetch: false,
        };
        if !is_seen {
            let record = admitted(link.url.clone(), None);
            outbox.record(Bucket::Urls, AdmissionRecord::key(&id), &record);
        }
        publish(outbox, request, known);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> CrawlRequest {
        CrawlRequest {
            url: "https://a.cn/1".parse().unwrap(),
            why: Why::Submitted,
            depth: 0,
            attempt: 0,
            every: None,
            refetch: false,
        }
    }

    #[test]
    fn a_request_that_adds_nothing_leaves_the_standing_one_alone() {
        let standing = CrawlRequest {
            attempt: 4,
            refetch: true,
            every: Some("7d".parse().unwrap()),
            ..request()
        };
        for depth in [0, 3] {
            let added = add(&CrawlRequest { depth, ..request() }, Some(standing.clone()));
            assert!(matches!(added, Merge::Keep), "{added:?}");
        }
    }

    #[test]
    fn what_a_request_adds_goes_into_the_standing_one_and_its_attempts_go_on() {
        let standing = CrawlRequest {
            why: Why::Found,
            depth: 2,
            attempt: 4,
            ..request()
        };
        let ours = CrawlRequest {
            refetch: true,
            ..request()
        };
        let Merge::Publish(merged) = add(&ours, Some(standing)) else {
            panic!("nothing was added");
        };
        assert_eq!(merged, CrawlRequest { attempt: 4, ..ours });
    }
}
