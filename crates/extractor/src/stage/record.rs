//! What is known of a page once it is extracted: `<url_id>.extract`.

use messages::{ExtractRecord, SpeechId, Version};
use worker::Outbox;
use worker::topology::Bucket;

/// Once the outputs are safe; a newer record stays.
pub(super) fn remember(outbox: &mut Outbox, key: String, record: ExtractRecord) {
    outbox.record_merged(Bucket::Urls, key, |_| record, ExtractRecord::over);
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
