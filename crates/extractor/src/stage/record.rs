//! What is known of a page once it is extracted: `<url_id>.extract`.

use messages::{ExtractRecord, SpeechId, UrlId, Version};
use worker::topology::Bucket;
use worker::{Broker, BrokerError, Outbox, Published};

/// What the last extraction of a page left, and where the next one's record goes.
pub(super) struct Before {
    key: String,
    /// For compare-and-set.
    revision: Option<u64>,
    version: Option<Version>,
    /// The speeches that the page yielded, or was about to.
    pub(super) speech_ids: Vec<SpeechId>,
}

impl Before {
    pub(super) async fn of(broker: &Broker, url_id: &UrlId) -> Result<Self, BrokerError> {
        let key = ExtractRecord::key(url_id);
        let record = broker.record::<ExtractRecord>(Bucket::Urls, &key).await?;
        let revision = record.as_ref().map(|record| record.revision);
        let record = record.map(|record| record.value);
        Ok(Self {
            key,
            revision,
            version: record.as_ref().map(|record| record.version),
            speech_ids: record.map(|record| record.speech_ids).unwrap_or_default(),
        })
    }

    /// Whether something newer than this was extracted already.
    pub(super) fn supersedes(&self, version: Version) -> bool {
        self.version.is_some_and(|before| before > version)
    }

    /// Writes the record, ahead of what is published and with the speeches of before, so that whoever
    /// comes to the page next knows of all speeches there may be of it, though we die in between; and
    /// once the outputs are safe as it is, if that is something else.
    pub(super) fn replace(self, outbox: &mut Outbox, record: ExtractRecord) {
        let mut ahead = record.clone();
        for id in self.speech_ids {
            if !ahead.speech_ids.contains(&id) {
                ahead.speech_ids.push(id);
            }
        }
        outbox.claim(Bucket::Urls, &self.key, &ahead, self.revision);
        let record = move |published: &Published| ExtractRecord {
            num_refused_links: published.num_refused,
            ..record
        };
        outbox.record_merged(Bucket::Urls, self.key, record, ExtractRecord::over);
    }
}

pub(super) fn record(
    version: Version,
    speech_ids: Vec<SpeechId>,
    code: Option<&str>,
) -> ExtractRecord {
    ExtractRecord {
        version,
        speech_ids,
        code: code.map(ToOwned::to_owned),
        num_links: 0,
        num_refused_links: 0,
        num_replaced: 0,
    }
}
