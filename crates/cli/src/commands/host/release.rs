//! `speechmill host held` and `host release`: hosts of which too many pages vanished at once, and
//! leave to withdraw what vanished.

use messages::{
    ExtractRecord, Host, Page, PageAgain, ReleaseRecord, UrlId, VanishedRecord, timestamp,
};
use serde_json::json;
use time::OffsetDateTime;
use worker::topology::{Bucket, PAGES};
use worker::{Broker, BrokerError};

use crate::exit::End;
use crate::{hosts, output};

/// The code of pages whose withdrawal is held.
const HELD: &str = "withdrawal_held";

/// Lists hosts whose withdrawals are held.
pub(super) async fn list(broker: &Broker, is_json: bool) -> anyhow::Result<End> {
    let records = broker.records_ending::<VanishedRecord>(Bucket::Hosts, VanishedRecord::SUFFIX);
    let mut rows = Vec::new();
    for record in records.await? {
        let Some(at) = held_since(broker, &record).await?.map(hosts::second) else {
            continue;
        };
        let (host, gone, left) = (record.host, record.num_vanished, record.num_pages);
        if is_json {
            output::json(&json!({
                "host": host, "held_since": at, "num_withdrawn": gone, "num_pages": left
            }))?;
        }
        rows.push([host.to_string(), at, gone.to_string(), left.to_string()]);
    }
    if is_json {
        return Ok(End::Done);
    }
    if rows.is_empty() {
        output::line("no withdrawal is held")?;
    } else {
        output::table(["HOST", "HELD SINCE", "WITHDRAWN", "PAGES LEFT"], &rows)?;
    }
    Ok(End::Done)
}

/// Lets the pages of a host go that were found gone until now.
pub(super) async fn release(broker: &Broker, host: Host, is_json: bool) -> anyhow::Result<End> {
    let key = VanishedRecord::key(&host);
    let counts = broker.record::<VanishedRecord>(Bucket::Hosts, &key).await?;
    let is_held = match counts {
        Some(counts) => held_since(broker, &counts.value).await?.is_some(),
        None => false,
    };
    let key = ReleaseRecord::key(&host);
    let record = ReleaseRecord {
        host,
        at: timestamp::now(),
    };
    // Written first: the extractor reads it as soon as the pages come.
    broker.write_record(Bucket::Hosts, &key, &record).await?;
    let held = held(broker, &record.host).await?;
    for url_id in &held {
        let url_id = url_id.clone();
        broker.publish(&PageAgain { url_id }).await?;
    }
    if is_json {
        output::json(&json!({"host": record.host, "num_released": held.len()}))?;
    } else {
        output::line(format!("{}: {} released", record.host, held.len()))?;
    }
    Ok(if is_held || !held.is_empty() {
        End::Done
    } else {
        End::Nothing
    })
}

/// Since when the withdrawals of a host are held, unless they were released since.
async fn held_since(
    broker: &Broker,
    record: &VanishedRecord,
) -> Result<Option<OffsetDateTime>, BrokerError> {
    let key = ReleaseRecord::key(&record.host);
    let release = broker.record::<ReleaseRecord>(Bucket::Hosts, &key).await?;
    let released_at = release.map(|release| release.value.at);
    Ok(record.held_since.filter(|held| released_at < Some(*held)))
}

/// The pages of a host whose withdrawal is held.
async fn held(broker: &Broker, host: &Host) -> Result<Vec<UrlId>, BrokerError> {
    let is_held = |record: &ExtractRecord| record.code.as_deref() == Some(HELD);
    let keys = broker
        .keys_where(Bucket::Urls, "*.extract", is_held)
        .await?;
    let mut held = Vec::new();
    for key in keys {
        let Some(id) = key
            .split('.')
            .next()
            .and_then(|id| id.parse::<UrlId>().ok())
        else {
            continue;
        };
        let subject = Page::subject_of(&id);
        let page = broker.latest::<Page>(PAGES, &subject).await?;
        if page.is_some_and(|page| page.message.requested().host() == *host) {
            held.push(id);
        }
    }
    Ok(held)
}
