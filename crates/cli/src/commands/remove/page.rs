//! Takes one URL down: its speeches, and all that NATS holds of it.
//!
//! The order makes a second run repair a first that was killed: what says which speeches and pages
//! belong together goes last, or stays. What was begun before and ends later loses against the
//! versions that are written here, which are of now; a fetch from now on is newer and wins, unless
//! a block holds.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::AddAssign;

use messages::{
    AdmissionRecord, Blocked, CanonicalUrl, CrawlRecord, CrawlRequest, DeadLetter, ExtractRecord,
    Message, Page, PageAgain, SpeechChange, SpeechId, UrlId, Version, Withdrawal, timestamp,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use worker::topology::{AGAIN, Bucket, CRAWL, DEAD, PAGES, SPEECHES};
use worker::{Broker, BrokerError, Latest};

use super::block;
use crate::fate::REMOVED;

/// What a takedown removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the names in the JSON that is printed"
)]
pub(super) struct Removed {
    /// URLs that were known.
    pub(super) num_urls: u64,
    /// Speeches that were in the index, or on their way there.
    pub(super) num_speeches: u64,
    /// Messages that were erased.
    pub(super) num_messages: u64,
    /// Blocks that were asked for, or that the own addresses of speeches got.
    pub(super) num_blocked: u64,
}

impl AddAssign for Removed {
    fn add_assign(&mut self, more: Self) {
        self.num_urls += more.num_urls;
        self.num_speeches += more.num_speeches;
        self.num_messages += more.num_messages;
        self.num_blocked += more.num_blocked;
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "URLs {}, speeches {}, messages {}, blocks {}",
            self.num_urls, self.num_speeches, self.num_messages, self.num_blocked
        )
    }
}

/// Takes a URL down; with `must_block`, its speeches' own addresses are blocked too.
pub(super) async fn take_down(
    broker: &Broker,
    url: &CanonicalUrl,
    must_block: bool,
) -> Result<Removed, BrokerError> {
    let id = UrlId::of(url);
    let before: Option<ExtractRecord> = record(broker, &ExtractRecord::key(&id)).await?;
    let page = or_none(broker.latest::<Page>(PAGES, &Page::subject_of(&id)).await)?;
    let is_known = before.is_some()
        || page.is_some()
        || record::<AdmissionRecord>(broker, &AdmissionRecord::key(&id))
            .await?
            .is_some()
        || record::<CrawlRecord>(broker, &CrawlRecord::key(&id))
            .await?
            .is_some();
    let mut speech_ids: BTreeSet<SpeechId> = before
        .iter()
        .flat_map(|it| it.speech_ids.iter().cloned())
        .collect();
    // A speech at this very address is meant, whichever page yields it.
    let own = SpeechId::of(url);
    if standing(broker, &own).await?.is_some() {
        speech_ids.insert(own);
    }
    let mut removed = Removed::default();
    if is_known {
        removed.num_urls = 1;
        bar(broker, &id, before.as_ref(), page.as_ref(), &speech_ids).await?;
    }
    for speech_id in &speech_ids {
        removed += withdraw(broker, speech_id, url, must_block).await?;
    }
    removed += forget(broker, &id).await?;
    for subject in [
        CrawlRequest::due_subject(&id),
        CrawlRequest::later_subject(&id),
        CrawlRequest::recrawl_subject(&id),
    ] {
        removed.num_messages += broker.erase(CRAWL, &subject).await?;
    }
    end_schedule(broker, &id).await?;
    Ok(removed)
}

/// From now on an extraction of what was fetched until now is superseded. The speeches stay in the
/// record: a second run finds them there.
async fn bar(
    broker: &Broker,
    id: &UrlId,
    before: Option<&ExtractRecord>,
    page: Option<&Latest<Page>>,
    speech_ids: &BTreeSet<SpeechId>,
) -> Result<(), BrokerError> {
    let sequence = before.map_or(0, |before| before.version.page_sequence);
    let fetched_at = before
        .map(|before| before.version.fetched_at)
        .max(page.map(|page| page.message.fetched_at()));
    let record = ExtractRecord {
        version: Version {
            page_sequence: page.map_or(0, |page| page.sequence).max(sequence),
            ..highest(fetched_at)
        },
        speech_ids: speech_ids.iter().cloned().collect(),
        code: Some(REMOVED.to_owned()),
        num_links: 0,
        num_refused_links: 0,
        num_replaced: 0,
    };
    broker
        .write_record(Bucket::Urls, &ExtractRecord::key(id), &record)
        .await
}

/// Withdraws a speech from all pages that yield it, and erases these: they hold its text.
pub(super) async fn withdraw(
    broker: &Broker,
    speech_id: &SpeechId,
    url: &CanonicalUrl,
    must_block: bool,
) -> Result<Removed, BrokerError> {
    let mut removed = Removed::default();
    loop {
        let last = standing(broker, speech_id).await?;
        let sequence = last.as_ref().map(|last| last.sequence);
        let mut address = url.clone();
        let mut version = None;
        if let Some(last) = &last {
            version = Some(last.message.version().fetched_at);
            address = last.message.url().unwrap_or(url).clone();
        }
        let is_elsewhere = must_block && address != *url;
        if is_elsewhere {
            block::set(broker, Blocked::Url(address.clone())).await?;
        }
        let upsert = last.and_then(|last| match last.message {
            SpeechChange::Upsert(upsert) => Some(upsert),
            SpeechChange::Withdrawal(_) => None,
        });
        // Before the withdrawal, as nothing names them after it.
        for source in upsert.iter().flat_map(|upsert| &upsert.sources) {
            removed += forget(broker, source).await?;
        }
        let withdrawal = SpeechChange::Withdrawal(Withdrawal {
            version: highest(version),
            speech_id: speech_id.clone(),
            url: address,
        });
        if broker.publish_after(&withdrawal, sequence).await? {
            removed.num_speeches += u64::from(upsert.is_some());
            removed.num_blocked += u64::from(is_elsewhere);
            break;
        }
    }
    let letters = DeadLetter::subject_of("*", speech_id.as_str());
    removed.num_messages += broker.erase(DEAD, &letters).await?;
    Ok(removed)
}

/// Erases a page and its letters, and what would let the next fetch say that nothing has changed.
async fn forget(broker: &Broker, id: &UrlId) -> Result<Removed, BrokerError> {
    let again = PageAgain { url_id: id.clone() };
    let letters = DeadLetter::subject_of("*", id.as_str());
    let mut num_messages = broker.erase(AGAIN, &again.subject()).await?;
    num_messages += broker.erase(PAGES, &Page::subject_of(id)).await?;
    num_messages += broker.erase(DEAD, &letters).await?;
    let key = CrawlRecord::key(id);
    if let Some(before) = record::<CrawlRecord>(broker, &key).await? {
        let record = CrawlRecord {
            code: Some(REMOVED.to_owned()),
            content_hash: None,
            etag: None,
            last_modified: None,
            ..before
        };
        broker.write_record(Bucket::Urls, &key, &record).await?;
    }
    Ok(Removed {
        num_messages,
        ..Removed::default()
    })
}

/// The schedule itself is gone by now: its memory goes too.
async fn end_schedule(broker: &Broker, id: &UrlId) -> Result<(), BrokerError> {
    let key = AdmissionRecord::key(id);
    loop {
        let before = or_none(broker.record::<AdmissionRecord>(Bucket::Urls, &key).await)?;
        let Some(before) = before.filter(|before| before.value.every.is_some()) else {
            return Ok(());
        };
        let record = AdmissionRecord {
            every: None,
            ..before.value
        };
        let revision = Some(before.revision);
        if broker
            .swap_record(Bucket::Urls, &key, &record, revision)
            .await?
        {
            return Ok(());
        }
    }
}

/// A version above all that stem from fetches until now, by whatever clock.
fn highest(known: Option<OffsetDateTime>) -> Version {
    let now = timestamp::now();
    Version {
        fetched_at: known.map_or(now, |known| known.max(now)),
        page_sequence: u64::MAX,
        extractor: u32::MAX,
        memory: u32::MAX,
    }
}

async fn standing(
    broker: &Broker,
    speech_id: &SpeechId,
) -> Result<Option<Latest<SpeechChange>>, BrokerError> {
    let subject = SpeechChange::subject_of(speech_id);
    broker.latest(SPEECHES, &subject).await
}

async fn record<T: DeserializeOwned>(broker: &Broker, key: &str) -> Result<Option<T>, BrokerError> {
    let record = or_none(broker.record(Bucket::Urls, key).await)?;
    Ok(record.map(|record| record.value))
}

/// What can't be read keeps nothing from being removed.
fn or_none<T>(read: Result<Option<T>, BrokerError>) -> Result<Option<T>, BrokerError> {
    match read {
        Err(BrokerError::Foreign { .. }) => Ok(None),
        read => read,
    }
}
