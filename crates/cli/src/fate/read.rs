//! Looks up a URL's places, in the order data flows.

use indexer::Searcher;
use messages::{
    AdmissionRecord, AdmissionState, CanonicalUrl, CrawlRecord, CrawlRequest, ExtractRecord,
    Message, Page, SpeechChange, SpeechId, UrlId, id_of_bytes,
};
use time::OffsetDateTime;
use worker::topology::{self, Bucket};
use worker::{Broker, BrokerError, DeadFilter, FiledLetter};

use super::{Fate, SpeechFate, State};

/// Everything that knows of URLs.
pub(crate) struct Places {
    pub(crate) broker: Broker,
    /// Absent: speeches are told of as far as the stream knows.
    pub(crate) searcher: Option<Searcher>,
}

impl Places {
    /// Where a URL is. `submitted` is the receipt of a submission that must be admitted first.
    pub(crate) async fn fate(
        &self,
        text: &str,
        submitted: Option<u64>,
    ) -> Result<Fate, BrokerError> {
        let Ok(url) = text.parse::<CanonicalUrl>() else {
            return self.fate_of_bad(text).await;
        };
        let id = UrlId::of(&url);
        let at = |state| Fate::at_state(&url, state);
        if let Some(sequence) = submitted
            && self.broker.has_message(topology::SUBMIT, sequence).await?
        {
            return Ok(at(State::Submitted));
        }
        let key = AdmissionRecord::key(&id);
        let admission = self
            .broker
            .record::<AdmissionRecord>(Bucket::Urls, &key)
            .await?;
        let admission = admission.map(|record| record.value);
        let mut fate = self.fate_of_admitted(&url, &id, admission.as_ref()).await?;
        fate.every = admission
            .and_then(|record| record.every)
            .map(|every| every.to_string());
        Ok(fate)
    }

    async fn fate_of_admitted(
        &self,
        url: &CanonicalUrl,
        id: &UrlId,
        admission: Option<&AdmissionRecord>,
    ) -> Result<Fate, BrokerError> {
        let crawl = self
            .broker
            .record::<CrawlRecord>(Bucket::Urls, &CrawlRecord::key(id))
            .await?
            .map(|record| record.value);
        if let Some(fate) = self.fate_of_waiting(url, id, crawl.as_ref()).await? {
            return Ok(fate);
        }
        let page = self
            .broker
            .latest::<Page>(topology::PAGES, &Page::subject_of(id))
            .await?;
        let fetched_at = crawl.as_ref().map(|crawl| crawl.fetched_at);
        for stage in ["crawler", "admission"] {
            let since = fetched_at.filter(|_| stage == "crawler");
            if let Some(fate) = self.fate_of_letter(url, stage, since).await? {
                let is_over = stage == "crawler" || page.is_none();
                if is_over {
                    return Ok(fate);
                }
            }
        }
        if let Some(record) = admission.filter(|record| record.state == AdmissionState::Skipped) {
            return Ok(Fate {
                code: record.code.clone(),
                at: Some(record.at),
                ..Fate::at_state(url, State::Skipped)
            });
        }
        let Some(page) = page else {
            let state = match &crawl {
                Some(crawl) if crawl.code.is_some() => State::Skipped,
                _ => State::Unknown,
            };
            return Ok(Fate {
                code: crawl.and_then(|crawl| crawl.code),
                at: fetched_at,
                ..Fate::at_state(url, state)
            });
        };
        self.fate_of_page(url, id, page.sequence, page.message.fetched_at())
            .await
    }

    /// A request that is due or deferred.
    async fn fate_of_waiting(
        &self,
        url: &CanonicalUrl,
        id: &UrlId,
        crawl: Option<&CrawlRecord>,
    ) -> Result<Option<Fate>, BrokerError> {
        let due = CrawlRequest::due_subject(id);
        let later = CrawlRequest::later_subject(id);
        // A schedule that fires in between moves from one to the other.
        for subject in [&due, &later, &due] {
            let request = self
                .broker
                .latest::<CrawlRequest>(topology::CRAWL, subject)
                .await?;
            let Some(request) = request else { continue };
            let is_later = *subject == later;
            let state = if is_later {
                State::Deferred
            } else {
                State::Queued
            };
            let attempt = request.message.attempt;
            let at = if is_later {
                self.broker.due_at(topology::CRAWL, subject).await?
            } else {
                Some(request.published_at)
            };
            return Ok(Some(Fate {
                attempts: Some(attempt.into()),
                code: crawl
                    .filter(|_| attempt > 0)
                    .and_then(|crawl| crawl.code.clone()),
                at,
                ..Fate::at_state(url, state)
            }));
        }
        Ok(None)
    }

    async fn fate_of_page(
        &self,
        url: &CanonicalUrl,
        id: &UrlId,
        sequence: u64,
        fetched_at: OffsetDateTime,
    ) -> Result<Fate, BrokerError> {
        let record = self
            .broker
            .record::<ExtractRecord>(Bucket::Urls, &ExtractRecord::key(id))
            .await?
            .map(|record| record.value)
            .filter(|record| record.version.page_sequence >= sequence);
        let Some(record) = record else {
            let letter = self
                .fate_of_letter(url, "extractor", Some(fetched_at))
                .await?;
            return Ok(letter.unwrap_or_else(|| Fate {
                at: Some(fetched_at),
                ..Fate::at_state(url, State::Fetched)
            }));
        };
        if record.speech_ids.is_empty() {
            return Ok(Fate {
                code: record.code,
                at: Some(fetched_at),
                ..Fate::at_state(url, State::Skipped)
            });
        }
        let mut speeches = Vec::new();
        for speech_id in record.speech_ids {
            speeches.push(self.fate_of_speech(speech_id).await?);
        }
        let least = speeches.iter().min_by_key(|speech| speech.state);
        Ok(Fate {
            at: Some(fetched_at),
            code: least.and_then(|speech| speech.code.clone()),
            ..Fate::at_state(url, least.map_or(State::Unknown, |speech| speech.state))
        }
        .with_speeches(speeches))
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
        let letter = self
            .letter("indexer", &last.message.id(), Some(last.published_at))
            .await?;
        if let Some(letter) = letter {
            fate.state = State::Dead;
            fate.code = Some(letter.letter.headers.code);
            fate.error = Some(letter.letter.headers.error);
            return Ok(fate);
        }
        let Some(searcher) = &self.searcher else {
            return Ok(fate);
        };
        match (
            searcher.document_version(&fate.speech_id).await,
            &last.message,
        ) {
            (Ok(Some(version)), SpeechChange::Upsert(_)) if version >= last.sequence => {
                fate.state = State::Indexed;
            }
            (Ok(None), SpeechChange::Withdrawal(_)) => fate.state = State::Withdrawn,
            (Ok(_), _) => {}
            (Err(error), _) => fate.error = Some(worker::chain(&error)),
        }
        Ok(fate)
    }

    /// A line that is no URL can only be a dead letter of admission.
    async fn fate_of_bad(&self, text: &str) -> Result<Fate, BrokerError> {
        let letter = self
            .letter("admission", &id_of_bytes(text.as_bytes()), None)
            .await?;
        let headers = letter.map(|filed| filed.letter.headers);
        let state = if headers.is_some() {
            State::Dead
        } else {
            State::Unknown
        };
        Ok(Fate {
            url: text.to_owned(),
            url_id: None,
            state,
            code: headers.as_ref().map(|headers| headers.code.clone()),
            at: headers.as_ref().map(|headers| headers.time),
            error: headers.map(|headers| headers.error),
            attempts: None,
            speeches: Vec::new(),
            every: None,
        })
    }

    async fn fate_of_letter(
        &self,
        url: &CanonicalUrl,
        stage: &str,
        since: Option<OffsetDateTime>,
    ) -> Result<Option<Fate>, BrokerError> {
        let letter = self.letter(stage, UrlId::of(url).as_str(), since).await?;
        Ok(letter.map(|filed| {
            let headers = filed.letter.headers;
            Fate {
                code: Some(headers.code),
                error: Some(headers.error),
                attempts: Some(headers.attempts),
                at: Some(headers.time),
                ..Fate::at_state(url, State::Dead)
            }
        }))
    }

    /// The last letter of an id, unless something newer came of it since.
    async fn letter(
        &self,
        stage: &str,
        id: &str,
        since: Option<OffsetDateTime>,
    ) -> Result<Option<FiledLetter>, BrokerError> {
        let filter = DeadFilter {
            stage: Some(stage.to_owned()),
            id: Some(id.to_owned()),
            ..DeadFilter::default()
        };
        let mut letters = self.broker.dead_letters(&filter, usize::MAX).await?;
        let last = letters.pop();
        Ok(last.filter(|filed| since.is_none_or(|since| filed.letter.headers.time >= since)))
    }
}

impl Fate {
    fn with_speeches(mut self, speeches: Vec<SpeechFate>) -> Self {
        self.speeches = speeches;
        self
    }
}
