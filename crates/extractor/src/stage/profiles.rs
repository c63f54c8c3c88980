//! How site profiles do: the pages of a host on which its profile fails its self-check.
//!
//! In: what a page yields. Out: a count, and one small record a host, which is written only when a
//! page joins these or leaves them. Handling a page twice counts it once.

use messages::{CanonicalUrl, ProfileRecord, Speech, UrlId};
use worker::topology::Bucket;
use worker::{Broker, BrokerError, Outbox};

/// The flag of a speech, and the code that is counted.
const BROKEN: &str = "profile_broken";

/// Takes note of how the profile did on a page.
pub(super) async fn note(
    broker: &Broker,
    url: &CanonicalUrl,
    speeches: &[Speech],
    outbox: &mut Outbox,
) -> Result<(), BrokerError> {
    // A page that yields nothing says nothing: on a list there is no text to be found.
    let Some(profile) = speeches.first().and_then(|it| it.profile.as_deref()) else {
        return Ok(());
    };
    let has_flag = |speech: &Speech| speech.flags.iter().any(|flag| flag == BROKEN);
    let is_broken = speeches.iter().any(has_flag);
    if is_broken {
        outbox.count(BROKEN);
    }
    let host = url.host();
    let key = ProfileRecord::key(&host);
    loop {
        let before = broker.record::<ProfileRecord>(Bucket::Hosts, &key).await?;
        let revision = before.as_ref().map(|record| record.revision);
        let record = before.map_or_else(
            || ProfileRecord::new(host.clone(), profile.to_owned()),
            |record| record.value,
        );
        let after = with(record.clone(), profile, url, is_broken);
        let is_done = after == record
            || broker
                .swap_record(Bucket::Hosts, &key, &after, revision)
                .await?;
        if is_done {
            return Ok(());
        }
    }
}

/// The record after one more page.
fn with(
    mut record: ProfileRecord,
    profile: &str,
    url: &CanonicalUrl,
    is_broken: bool,
) -> ProfileRecord {
    if record.profile != profile {
        record = ProfileRecord::new(record.host, profile.to_owned());
    }
    let id = UrlId::of(url);
    if !is_broken {
        if record.broken.remove(&id) && record.broken.is_empty() {
            record.last_broken = None;
        }
    } else if record.broken.len() < ProfileRecord::MAX_BROKEN && record.broken.insert(id) {
        record.last_broken = Some(url.clone());
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: usize) -> CanonicalUrl {
        format!("https://a.cn/{number}.html").parse().unwrap()
    }

    #[test]
    fn a_page_is_counted_once_and_no_longer_when_the_profile_holds_again() {
        let none = ProfileRecord::new(page(1).host(), "a".to_owned());
        let one = with(none.clone(), "a", &page(1), true);
        assert_eq!((one.broken.len(), &one.last_broken), (1, &Some(page(1))));
        assert_eq!(with(one.clone(), "a", &page(1), true), one);
        assert_eq!(with(one.clone(), "a", &page(2), false), one);
        let two = with(one, "a", &page(2), true);
        assert_eq!((two.broken.len(), &two.last_broken), (2, &Some(page(2))));
        let healed = with(two, "a", &page(1), false);
        assert_eq!(with(healed, "a", &page(2), false), none);
    }

    #[test]
    fn a_site_that_changed_its_face_does_not_fill_the_record_without_end() {
        let mut record = ProfileRecord::new(page(0).host(), "a".to_owned());
        for number in 0..2 * ProfileRecord::MAX_BROKEN {
            record = with(record, "a", &page(number), true);
        }
        assert_eq!(record.broken.len(), ProfileRecord::MAX_BROKEN);
    }

    #[test]
    fn another_profile_starts_anew() {
        let old = ProfileRecord::new(page(1).host(), "a".to_owned());
        let old = with(old, "a", &page(1), true);
        let new = with(old, "b", &page(2), false);
        assert_eq!(new, ProfileRecord::new(page(1).host(), "b".to_owned()));
    }
}
