//! Admission of submissions: lines go in; requests and schedules come out, and a dead letter for
//! every line that is bad.
//!
//! It alone writes `crawl.recrawl.*` and `<url_id>.admission`, so whoever wants a schedule set or
//! ended submits that.

use futures_util::{StreamExt, TryStreamExt, stream};
use messages::{
    AdmissionRecord, BlockRecord, CanonicalUrl, CrawlRequest, Entry, Message, Submission, UrlId,
    Why, id_of_bytes, timestamp,
};
use worker::topology::{ADMIT_SUBMITTED, Bucket, ConsumerSpec};
use worker::{BrokerError, Delivery, Outbox, Stage};

use super::{Admission, Known, NAME, admitted, publish, turn_away};
use crate::{AdmissionError, LineError};

/// Lines of one submission that are looked up at once.
const LOOKUPS: usize = 64;

/// Admits what users submit.
pub struct AdmitSubmitted(Admission);

/// What a good line asks for.
enum Wish {
    /// Fetch it now, and again at its interval if it has one.
    Crawl(CrawlRequest),
    /// Let its schedule end, and fetch nothing.
    End(CanonicalUrl),
}

impl Wish {
    fn url(&self) -> &CanonicalUrl {
        match self {
            Self::Crawl(request) => &request.url,
            Self::End(url) => url,
        }
    }
}

impl AdmitSubmitted {
    pub(super) fn new(admission: Admission) -> Self {
        Self(admission)
    }

    fn parse(&self, entry: &Entry) -> Result<Wish, LineError> {
        let url: CanonicalUrl = entry.url.parse()?;
        if entry.every.as_deref() == Some(Entry::NEVER) {
            return Ok(Wish::End(url));
        }
        let every = entry.every.as_deref().map(str::parse).transpose();
        let every = every.map_err(LineError::Interval)?;
        self.0.inner.guard.check(&url)?;
        Ok(Wish::Crawl(CrawlRequest {
            url,
            why: Why::Submitted,
            depth: 0,
            attempt: 0,
            every,
            refetch: entry.refetch,
        }))
    }
}

fn refuse(outbox: &mut Outbox, entry: &Entry, error: &LineError) {
    let payload = if entry.every.is_none() && !entry.refetch {
        entry.url.clone().into_bytes()
    } else {
        let entries = vec![entry.clone()];
        Submission { entries }.encode()
    };
    let url = entry.url.parse::<CanonicalUrl>().ok();
    // Under what people ask for: the URL, or the line that is none.
    let id = url.as_ref().map_or_else(
        || id_of_bytes(entry.url.as_bytes()),
        |url| UrlId::of(url).to_string(),
    );
    outbox.dead_letter(id, url.map(String::from), payload, error);
}

fn admit(outbox: &mut Outbox, request: CrawlRequest, known: Known) {
    let id = request.url_id();
    if let Some(every) = request.every {
        let again = CrawlRequest {
            why: Why::Recrawl,
            refetch: false,
            ..request.clone()
        };
        let due = CrawlRequest::due_subject(&id);
        outbox.schedule_every(CrawlRequest::recrawl_subject(&id), due, every, &again);
    }
    let before = known.record.as_ref();
    let standing = before.and_then(|record| record.every);
    let refetch_at = if request.refetch {
        Some(timestamp::now())
    } else {
        before.and_then(|record| record.refetch_at)
    };
    let record = AdmissionRecord {
        refetch_at,
        ..admitted(request.url.clone(), request.every.or(standing))
    };
    outbox.record(Bucket::Urls, AdmissionRecord::key(&id), &record);
    publish(outbox, request, known);
}

fn end(outbox: &mut Outbox, url: &CanonicalUrl, known: Known) {
    let id = UrlId::of(url);
    outbox.unschedule(CrawlRequest::recrawl_subject(&id));
    outbox.count("schedule_ended");
    if let Some(record) = known.record.filter(|record| record.every.is_some()) {
        let record = AdmissionRecord {
            every: None,
            ..record
        };
        outbox.record(Bucket::Urls, AdmissionRecord::key(&id), &record);
    }
}

impl Stage for AdmitSubmitted {
    type Input = Submission;
    type Error = AdmissionError;
    const NAME: &'static str = NAME;
    const CONSUMER: ConsumerSpec = ADMIT_SUBMITTED;

    fn concurrency(&self) -> usize {
        8
    }

    async fn handle(
        &self,
        input: &Delivery<Submission>,
        outbox: &mut Outbox,
    ) -> Result<(), AdmissionError> {
        self.0.wait_for_room().await?;
        let mut wishes = Vec::new();
        for entry in &input.message.entries {
            match self.parse(entry) {
                Ok(wish) => wishes.push(wish),
                Err(error) => refuse(outbox, entry, &error),
            }
        }
        let known: Vec<(Wish, Known)> = stream::iter(wishes)
            .map(|wish| async move {
                let known = self.0.known(wish.url()).await?;
                Ok::<_, BrokerError>((wish, known))
            })
            .buffered(LOOKUPS)
            .try_collect()
            .await?;
        for (wish, known) in known {
            match wish {
                Wish::Crawl(request) if known.is_blocked => {
                    let before = known.record.as_ref();
                    turn_away(outbox, &request.url, BlockRecord::CODE, before);
                }
                Wish::Crawl(request) => admit(outbox, request, known),
                Wish::End(url) => end(outbox, &url, known),
            }
        }
        Ok(())
    }
}
