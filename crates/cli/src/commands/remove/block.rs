//! Sets and lifts blocks.

use messages::{BlockRecord, Blocked, CanonicalUrl, ExtractRecord, UrlId, timestamp};
use worker::topology::Bucket;
use worker::{Broker, BrokerError};

fn bucket(what: &Blocked) -> Bucket {
    match what {
        Blocked::Url(_) => Bucket::Urls,
        Blocked::Host(_) => Bucket::Hosts,
    }
}

/// Lets a block hold from now on. One that holds already keeps its time.
pub(super) async fn set(broker: &Broker, what: Blocked) -> Result<(), BrokerError> {
    let (bucket, key) = (bucket(&what), what.key());
    let standing = broker.record::<BlockRecord>(bucket, &key).await?;
    if standing.is_some_and(|record| record.value.is_blocked) {
        return Ok(());
    }
    let record = BlockRecord {
        what,
        is_blocked: true,
        at: timestamp::now(),
    };
    broker.write_record(bucket, &key, &record).await
}

/// Lifts a block; that of a URL with those of its speeches' own addresses. Answers whether one held.
pub(super) async fn lift(broker: &Broker, what: &Blocked) -> Result<bool, BrokerError> {
    let mut keys = vec![what.key()];
    if let Blocked::Url(url) = what {
        keys.extend(keys_of_speeches(broker, url).await?);
    }
    let mut has_lifted = false;
    for key in keys {
        let standing = broker.record::<BlockRecord>(bucket(what), &key).await?;
        if let Some(standing) = standing.filter(|record| record.value.is_blocked) {
            let record = BlockRecord {
                is_blocked: false,
                at: timestamp::now(),
                ..standing.value
            };
            broker.write_record(bucket(what), &key, &record).await?;
            has_lifted = true;
        }
    }
    Ok(has_lifted)
}

/// A speech that stands alone at its address has that address' id.
async fn keys_of_speeches(broker: &Broker, url: &CanonicalUrl) -> Result<Vec<String>, BrokerError> {
    let key = ExtractRecord::key(&UrlId::of(url));
    let record = broker.record::<ExtractRecord>(Bucket::Urls, &key).await?;
    let ids = record.map_or_else(Vec::new, |record| record.value.speech_ids);
    let ids = ids.iter().filter_map(|id| id.as_str().parse().ok());
    Ok(ids.map(|id: UrlId| BlockRecord::key_of_url(&id)).collect())
}
