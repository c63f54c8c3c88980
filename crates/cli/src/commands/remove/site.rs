//! Takes a whole host down: every URL of it that was ever admitted or fetched, then what speeches and
//! letters are left of it. One message in memory at a time.

use futures_util::future::ready;
use futures_util::stream::{Stream, TryStreamExt};
use messages::{AdmissionRecord, CanonicalUrl, Host, Page, SpeechChange, SpeechId};
use worker::topology::{Bucket, PAGES, SPEECHES};
use worker::{Broker, BrokerError, DeadFilter};

use super::is_of;
use super::page::{self, Removed};

/// URLs that are taken down at once.
const AT_ONCE: usize = 16;

/// Letters that are read at once: each may be as large as a page.
const LETTERS: usize = 32;

pub(super) async fn take_down(broker: &Broker, host: &Host) -> Result<Removed, BrokerError> {
    let admitted = broker
        .each_record_of::<AdmissionRecord>(Bucket::Urls, "*.admission")
        .map_ok(|record| record.url)
        .try_filter(|url| ready(url.host() == *host));
    let mut removed = take_down_all(broker, admitted).await?;
    let fetched = broker
        .each_message::<Page>(PAGES, "page.fetched.*")
        .map_ok(|page| page.message)
        .try_filter(|page| ready(is_of(page, host)))
        .map_ok(|page| page.requested().clone());
    removed += take_down_all(broker, fetched).await?;
    removed += withdraw_all(broker, host).await?;
    let letters = DeadFilter {
        host: Some(host.to_string()),
        ..DeadFilter::default()
    };
    loop {
        let found = broker.dead_letters(&letters, LETTERS).await?;
        if found.is_empty() {
            return Ok(removed);
        }
        for filed in found {
            removed.num_messages += u64::from(broker.drop_dead(filed.sequence).await?);
        }
    }
}

async fn take_down_all(
    broker: &Broker,
    urls: impl Stream<Item = Result<CanonicalUrl, BrokerError>>,
) -> Result<Removed, BrokerError> {
    urls.map_ok(|url| async move { page::take_down(broker, &url, false).await })
        .try_buffer_unordered(AT_ONCE)
        .try_fold(Removed::default(), |mut sum, removed| {
            sum += removed;
            ready(Ok(sum))
        })
        .await
}

/// Speeches of the host that no known page accounts for.
async fn withdraw_all(broker: &Broker, host: &Host) -> Result<Removed, BrokerError> {
    broker
        .each_message::<SpeechChange>(SPEECHES, "speech.changed.*")
        .try_filter_map(|change| ready(Ok(address(&change.message, host))))
        .and_then(|(id, url)| async move { page::withdraw(broker, &id, &url, false).await })
        .try_fold(Removed::default(), |mut sum, removed| {
            sum += removed;
            ready(Ok(sum))
        })
        .await
}

fn address(change: &SpeechChange, host: &Host) -> Option<(SpeechId, CanonicalUrl)> {
    match change {
        SpeechChange::Upsert(upsert) => {
            let speech = &upsert.speech;
            (speech.url.host() == *host).then(|| (speech.speech_id.clone(), speech.url.clone()))
        }
        SpeechChange::Withdrawal(_) => None,
    }
}
