//! How a page's say about a speech joins what other pages, and earlier extractions, said of it.

use messages::{
    CanonicalUrl, Derived, Speech, SpeechChange, SpeechId, Upsert, UrlId, Version, Withdrawal,
};
use worker::Merge;

/// A page yields a speech.
#[derive(Clone)]
pub(super) struct Yield {
    pub(super) speech: Speech,
    /// What is derived of it.
    pub(super) derived: Option<Derived>,
    pub(super) version: Version,
    pub(super) url_id: UrlId,
}

impl Yield {
    /// The newest extraction's text stands; every page that yields the speech is a source.
    pub(super) fn merge(&self, last: Option<SpeechChange>) -> Merge<SpeechChange> {
        let mut sources = std::collections::BTreeSet::from([self.url_id.clone()]);
        match last {
            Some(SpeechChange::Withdrawal(last)) if last.version > self.version => {
                return Merge::Superseded;
            }
            Some(SpeechChange::Upsert(mut last)) => {
                // A text whose own page has lost it gives way to whatever comes next.
                let is_orphan = !last.sources.contains(&last.from);
                if last.version > self.version && !is_orphan {
                    if !last.sources.insert(self.url_id.clone()) {
                        // Ours, and older: of the same page only the newest counts.
                        let is_same_page = last.from == self.url_id;
                        return if is_same_page {
                            Merge::Superseded
                        } else {
                            Merge::Keep
                        };
                    }
                    return Merge::Publish(SpeechChange::Upsert(last));
                }
                sources.extend(last.sources.iter().cloned());
                if last.version == self.version
                    && last.speech == self.speech
                    && last.derived == self.derived
                    && last.sources == sources
                {
                    return Merge::Keep;
                }
            }
            _ => {}
        }
        Merge::Publish(SpeechChange::Upsert(Box::new(Upsert {
            version: self.version,
            sources,
            from: self.url_id.clone(),
            speech: self.speech.clone(),
            derived: self.derived.clone(),
        })))
    }
}

/// A page no longer yields a speech.
#[derive(Clone)]
pub(super) struct Leaving {
    pub(super) speech_id: SpeechId,
    pub(super) url_id: UrlId,
    pub(super) url: CanonicalUrl,
    pub(super) version: Version,
}

impl Leaving {
    /// The source that is to give the text from now on, if it came from the page that leaves.
    pub(super) fn heir(&self, last: &SpeechChange) -> Option<UrlId> {
        match last {
            SpeechChange::Upsert(last) if last.from == self.url_id => {
                last.sources.iter().find(|&id| *id != self.url_id).cloned()
            }
            _ => None,
        }
    }

    /// The last one out withdraws. So does who finds nothing, or what was withdrawn before: an older
    /// extraction, of which the record tells, may be about to publish.
    pub(super) fn merge(&self, last: Option<SpeechChange>) -> Merge<SpeechChange> {
        let mut last = match last {
            Some(SpeechChange::Upsert(last)) => last,
            Some(SpeechChange::Withdrawal(last)) if last.version >= self.version => {
                return Merge::Keep;
            }
            _ => return Merge::Publish(self.withdrawal(self.version)),
        };
        if last.from == self.url_id && last.version > self.version {
            return Merge::Superseded;
        }
        if !last.sources.remove(&self.url_id) {
            return Merge::Keep;
        }
        if last.sources.is_empty() {
            return Merge::Publish(self.withdrawal(self.version.max(last.version)));
        }
        Merge::Publish(SpeechChange::Upsert(last))
    }

    fn withdrawal(&self, version: Version) -> SpeechChange {
        SpeechChange::Withdrawal(Withdrawal {
            version,
            speech_id: self.speech_id.clone(),
            url: self.url.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use messages::Message;
    use time::macros::datetime;

    use super::*;

    const fn version(page_sequence: u64) -> Version {
        Version {
            fetched_at: datetime!(2026-01-02 03:04 UTC),
            page_sequence,
            extractor: 1,
            memory: 0,
        }
    }

    fn leaving(page_sequence: u64) -> Leaving {
        let url: CanonicalUrl = "https://a.cn/1".parse().unwrap();
        Leaving {
            speech_id: SpeechId::of(&url),
            url_id: UrlId::of(&url),
            url,
            version: version(page_sequence),
        }
    }

    #[test]
    fn an_extraction_that_was_overtaken_finds_a_withdrawal_though_nothing_was_published_before() {
        let older = leaving(1).withdrawal(version(1));
        for last in [None, Some(older)] {
            let Merge::Publish(withdrawal) = leaving(2).merge(last) else {
                panic!("nothing to be found");
            };
            assert_eq!(withdrawal, leaving(2).withdrawal(version(2)));
            assert!(matches!(leaving(2).merge(Some(withdrawal)), Merge::Keep));
        }
    }

    #[test]
    fn what_is_derived_travels_with_its_own_speech() {
        let golden = include_bytes!("../../../messages/golden/speech_change_upsert.json");
        let Ok(SpeechChange::Upsert(upsert)) = SpeechChange::decode("", golden) else {
            panic!("the golden speech is an upsert");
        };
        let published = |merge| match merge {
            Merge::Publish(SpeechChange::Upsert(upsert)) => *upsert,
            _ => panic!("it is to be published"),
        };
        let of = |url: &str, page_sequence| Yield {
            speech: upsert.speech.clone(),
            derived: Some(words::derive(&upsert.speech)),
            version: version(page_sequence),
            url_id: UrlId::of(&url.parse().unwrap()),
        };
        let ours = of("https://a.cn/1", 2);
        let first = published(ours.merge(None));
        assert_eq!(first.derived, ours.derived);
        let last = |upsert: &Upsert| Some(SpeechChange::Upsert(Box::new(upsert.clone())));
        assert!(matches!(ours.merge(last(&first)), Merge::Keep));
        // What an earlier version, or another revision, published is brought up.
        let derived = None;
        let bare = Upsert { derived, ..first };
        assert_eq!(published(ours.merge(last(&bare))).derived, ours.derived);
        // An older extraction of another page adds itself, and nothing else.
        let joined = published(of("https://a.cn/2", 1).merge(last(&bare)));
        assert_eq!((joined.sources.len(), joined.derived), (2, None));
    }
}
