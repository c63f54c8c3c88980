//! Looks up a URL's places, in the order data flows.
//!
//! A stage lets go of its input only when its outputs and its record are safe, so whoever looks
//! upstream first never finds a URL nowhere; and what looks final is looked at twice, because a URL
//! that goes round (deferred, due, deferred) can pass behind one who looks once.

use indexer::Searcher;
use messages::{
    AdmissionRecord, AdmissionState, BlockRecord, CanonicalUrl, CrawlRecord, CrawlRequest,
    ExtractRecord, Message, Page, PageAgain, SpeechChange, SpeechId, Submission, UrlId,
    id_of_bytes,
};
use time::OffsetDateTime;
use worker::topology::{self, Bucket};
use worker::{Broker, BrokerError, DeadFilter, Failure, FiledLetter, Latest};

use super::{Fate, REMOVED, SpeechFate, State};

/// Messages in SUBMIT that are looked through for a URL.
const SUBMISSIONS: usize = 10_000;

/// Looks at a URL that does not stand still.
const LOOKS: usize = 5;

/// Codes of fetches that ended well, and without a new page.
const ENDED_WELL: [&str; 3] = ["gone", "unchanged", "robots_denied"];

/// The code of a deferral that is nobody's turn and no failed attempt.
const ROBOTS_UNREACHABLE: &str = "robots_unreachable";

/// Everything that knows of URLs.
pub(crate) struct Places {
    pub(crate) broker: Broker,
    pub(crate) searcher: Searcher,
}

/// What roles remember of a URL.
struct Known {
    url: CanonicalUrl,
    id: UrlId,
    admission: Option<AdmissionRecord>,
    crawl: Option<CrawlRecord>,
}

impl Places {
    /// Where a URL is. `receipt`: of the submission that is asked about, which must be admitted
    /// first; without one, all that wait in SUBMIT are looked through.
    pub(crate) async fn fate(&self, text: &str, receipt: Option<u64>) -> Result<Fate, BrokerError> {
        let mut fate = self.look(text, receipt).await?;
        for _ in 1..LOOKS {
            if !(fate.state.is_final() || fate.state == State::Unknown) {
                break;
            }
            let again = self.look(text, receipt).await?;
            if again == fate {
                break;
            }
            fate = again;
        }
        Ok(fate)
    }

    async fn look(&self, text: &str, receipt: Option<u64>) -> Result<Fate, BrokerError> {
        let url = text.parse::<CanonicalUrl>().ok();
        let waits_in_submit = match receipt {
            Some(sequence) => self.broker.has_message(topology::SUBMIT, sequence).await?,
            None => self.waits_in_submit(text, url.as_ref()).await?,
        };
        let Some(url) = url else {
            return self.fate_of_bad(text, waits_in_submit).await;
        };
        let id = UrlId::of(&url);
        let known = Known {
            admission: self.record(&AdmissionRecord::key(&id)).await?,
            crawl: self.record(&CrawlRecord::key(&id)).await?,
            url,
            id,
        };
        let mut fate = if waits_in_submit {
            known.at(State::Submitted)
        } else {
            self.fate_of_admitted(&known).await?
        };
        fate.block = self.broker.block_of(&known.url).await?;
        if fate.block.is_some() && fate.state == State::Unknown {
            fate.state = State::Skipped;
            fate.code = Some(BlockRecord::CODE.to_owned());
        }
        let every = known.admission.and_then(|record| record.every);
        fate.every = every.map(|every| every.to_string());
        Ok(fate)
    }

    async fn waits_in_submit(
        &self,
        text: &str,
        url: Option<&CanonicalUrl>,
    ) -> Result<bool, BrokerError> {
        let is_it = |submitted: &str| match url {
            Some(url) => submitted
                .parse()
                .is_ok_and(|other: CanonicalUrl| other == *url),
            None => submitted == text,
        };
        let found = self
            .broker
            .find(
                topology::SUBMIT,
                Submission::SUBJECT,
                SUBMISSIONS,
                |s: &Submission| s.entries.iter().any(|entry| is_it(&entry.url)),
            )
            .await?;
        Ok(found.is_some())
    }

    async fn record<T: serde::de::DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, BrokerError> {
        let record = self.broker.record::<T>(Bucket::Urls, key).await?;
        Ok(record.map(|record| record.value))
    }

    async fn fate_of_admitted(&self, known: &Known) -> Result<Fate, BrokerError> {
        if let Some(fate) = self.fate_of_waiting(known).await? {
            return Ok(fate);
        }
        let fetched_at = known.crawl.as_ref().map(|crawl| crawl.fetched_at);
        let admitted_at = known.admission.as_ref().map(|admission| admission.at);
        for (stage, since) in [
            ("crawler", fetched_at),
            ("admission", fetched_at.max(admitted_at)),
        ] {
            let letter = self.letter(stage, known.id.as_str()).await?;
            let is_last =
                |filed: &FiledLetter| since.is_none_or(|at| filed.letter.headers.time >= at);
            if let Some(filed) = letter.filter(is_last) {
                return Ok(known.at(State::Dead).because_of(filed));
            }
        }
        let admission = known.admission.as_ref();
        if let Some(record) = admission.filter(|record| record.state == AdmissionState::Skipped) {
            return Ok(Fate {
                code: record.code.clone(),
                at: Some(record.at),
                ..known.at(State::Skipped)
            });
        }
        self.fate_of_fetched(known).await
    }

    /// A request that is due or deferred.
    async fn fate_of_waiting(&self, known: &Known) -> Result<Option<Fate>, BrokerError> {
        let due = CrawlRequest::due_subject(&known.id);
        let later = CrawlRequest::later_subject(&known.id);
        // A schedule that fires in between moves from one to the other.
        for subject in [&due, &later, &due] {
            let request = self
                .broker
                .latest::<CrawlRequest>(topology::CRAWL, subject)
                .await?;
            let Some(request) = request else { continue };
            let (state, at) = if *subject == later {
                let at = self.broker.due_at(topology::CRAWL, subject).await?;
                (State::Deferred, at)
            } else {
                (State::Queued, Some(request.published_at))
            };
            let attempt = request.message.attempt;
            let crawl = known
                .crawl
                .as_ref()
                .filter(|crawl| attempt > 0 || crawl.code.as_deref() == Some(ROBOTS_UNREACHABLE));
            return Ok(Some(Fate {
                attempts: Some(attempt.into()),
                code: crawl.and_then(|crawl| crawl.code.clone()),
                at,
                ..known.at(state)
            }));
        }
        Ok(None)
    }

    async fn fate_of_fetched(&self, known: &Known) -> Result<Fate, BrokerError> {
        let page = self
            .broker
            .latest::<Page>(topology::PAGES, &Page::subject_of(&known.id))
            .await?;
        let fetched_at = page.as_ref().map(|page| page.message.fetched_at());
        let waiting = Fate {
            at: fetched_at,
            ..known.at(State::Fetched)
        };
        let again = PageAgain {
            url_id: known.id.clone(),
        };
        let again = self
            .broker
            .latest_sequence(topology::AGAIN, &again.subject())
            .await?;
        if again.is_some() && page.is_some() {
            return Ok(waiting);
        }
        // A page that was trimmed had been extracted before.
        let is_of_page = |record: &ExtractRecord| {
            page.as_ref().is_none_or(|page| {
                let version = record.version;
                // What was removed since it was fetched is extracted no more.
                version.page_sequence >= page.sequence
                    || version.fetched_at > page.message.fetched_at()
            })
        };
        let key = ExtractRecord::key(&known.id);
        let record = self.broker.record(Bucket::Urls, &key).await?;
        let record = record.filter(|record| is_of_page(&record.value));
        let letter = self.letter("extractor", known.id.as_str()).await?;
        let letter = letter.filter(|filed| is_of(filed, page.as_ref()));
        // The record is written before what it tells of is published, and that may have failed.
        if let Some(filed) = letter
            && record
                .as_ref()
                .is_none_or(|record| filed.filed_at >= record.written_at)
        {
            return Ok(known.at(State::Dead).because_of(filed));
        }
        if let Some(record) = record {
            return self.fate_of_extracted(known, record.value).await;
        }
        Ok(if page.is_some() {
            waiting
        } else {
            known.without_a_page()
        })
    }

    async fn fate_of_extracted(
        &self,
        known: &Known,
        record: ExtractRecord,
    ) -> Result<Fate, BrokerError> {
        let mut speeches = Vec::new();
        for speech_id in record.speech_ids {
            speeches.push(self.fate_of_speech(speech_id).await?);
        }
        // What is not at its end yet tells; then what went wrong; then all are alike.
        let telling = speeches
            .iter()
            .find(|speech| !speech.state.is_final())
            .or_else(|| speeches.iter().find(|speech| speech.state == State::Dead))
            .or_else(|| speeches.first());
        let is_removed = record.code.as_deref() == Some(REMOVED);
        let state = match telling {
            Some(speech) if !speech.state.is_final() || record.code.is_none() => speech.state,
            Some(speech) if is_removed && speech.state == State::Dead => State::Dead,
            _ if is_removed => State::Removed,
            _ => State::Skipped,
        };
        let code = match state {
            State::Skipped => record.code,
            State::Removed => None,
            _ => telling.and_then(|speech| speech.code.clone()),
        };
        Ok(Fate {
            at: Some(record.version.fetched_at),
            code,
            speeches,
            ..known.at(state)
        })
    }

    async fn fate_of_speech(&self, speech_id: SpeechId) -> Result<SpeechFate, BrokerError> {
        let subject = SpeechChange::subject_of(&speech_id);
        let last = self
            .broker
            .latest::<SpeechChange>(topology::SPEECHES, &subject)
            .await?;
        let mut fate = SpeechFate {
            speech_id,
            state: State::Extracted,
            code: None,
            error: None,
        };
        let Some(last) = last else {
            return Ok(fate);
        };
        let letter = self.letter("indexer", &last.message.id()).await?;
        if let Some(filed) = letter.filter(|filed| filed.letter.headers.sequence >= last.sequence) {
            fate.state = State::Dead;
            fate.code = Some(filed.letter.headers.code);
            fate.error = Some(filed.letter.headers.error);
            return Ok(fate);
        }
        let version = self.searcher.document_version(&fate.speech_id).await;
        match (version, &last.message) {
            (Ok(Some(version)), SpeechChange::Upsert(_)) if version >= last.sequence => {
                fate.state = State::Indexed;
            }
            (Ok(None), SpeechChange::Withdrawal(_)) => fate.state = State::Withdrawn,
            (Ok(_), _) => {}
            (Err(error), _) => {
                fate.code = Some(error.code().into_owned());
                fate.error = Some(worker::chain(&error));
            }
        }
        Ok(fate)
    }

    /// A line that is no URL can only wait for admission, or be a dead letter of it.
    async fn fate_of_bad(&self, text: &str, waits: bool) -> Result<Fate, BrokerError> {
        if waits {
            return Ok(Fate::of_bad(text, State::Submitted));
        }
        let letter = self
            .letter("admission", &id_of_bytes(text.as_bytes()))
            .await?;
        Ok(letter.map_or_else(
            || Fate::of_bad(text, State::Unknown),
            |filed| Fate::of_bad(text, State::Dead).because_of(filed),
        ))
    }

    /// The last letter of an id.
    async fn letter(&self, stage: &str, id: &str) -> Result<Option<FiledLetter>, BrokerError> {
        let filter = DeadFilter {
            stage: Some(stage.to_owned()),
            id: Some(id.to_owned()),
            ..DeadFilter::default()
        };
        let mut letters = self.broker.dead_letters(&filter, usize::MAX).await?;
        Ok(letters.pop())
    }
}

/// Whether it is this page that a letter of the extractor is about, and not one before it.
fn is_of(filed: &FiledLetter, page: Option<&Latest<Page>>) -> bool {
    let headers = &filed.letter.headers;
    page.is_none_or(|page| {
        if headers.stream == topology::PAGES.name {
            headers.sequence >= page.sequence
        } else {
            headers.time >= page.published_at
        }
    })
}

impl Known {
    fn at(&self, state: State) -> Fate {
        Fate::at_state(&self.url, state)
    }

    /// Not in any stream, nor extracted ever.
    fn without_a_page(&self) -> Fate {
        let (state, code, at): (_, _, Option<OffsetDateTime>) = match (&self.crawl, &self.admission)
        {
            (Some(crawl), _) => {
                let ended_well = |code: &String| ENDED_WELL.contains(&code.as_str());
                let state = if crawl.code.as_ref().is_some_and(ended_well) {
                    State::Skipped
                } else {
                    State::Dropped
                };
                (state, crawl.code.clone(), Some(crawl.fetched_at))
            }
            (None, Some(admission)) => (State::Dropped, None, Some(admission.at)),
            (None, None) => (State::Unknown, None, None),
        };
        Fate {
            code,
            at,
            ..self.at(state)
        }
    }
}

impl Fate {
    fn because_of(self, filed: FiledLetter) -> Self {
        let headers = filed.letter.headers;
        Self {
            code: Some(headers.code),
            error: Some(headers.error),
            attempts: Some(headers.attempts),
            at: Some(headers.time),
            ..self
        }
    }
}
