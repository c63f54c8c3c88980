//! Dead letters for operators: find, read, replay, drop.

use async_nats::HeaderMap;
use messages::{CanonicalUrl, DeadLetter, Entry, Message, PageAgain, REPLAYS_HEADER, Submission};
use time::OffsetDateTime;

use crate::latest::NotPublished;
use crate::topology::DEAD;
use crate::{Broker, BrokerError};

/// Which dead letters are meant; an absent condition holds for all.
#[derive(Debug, Clone, Default)]
pub struct DeadFilter {
    /// By the id of what failed.
    pub id: Option<String>,
    /// By the reason's code.
    pub code: Option<String>,
    /// By the host of the URL.
    pub host: Option<String>,
    /// By the stage that gave up.
    pub stage: Option<String>,
}

impl DeadFilter {
    fn holds(&self, letter: &DeadLetter) -> bool {
        let headers = &letter.headers;
        let host = || {
            let url: CanonicalUrl = headers.url.as_deref()?.parse().ok()?;
            Some(url.host().as_str().to_owned())
        };
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
        same(&self.id, &letter.id)
            && same(&self.code, &headers.code)
            && same(&self.stage, &headers.stage)
            && (self.host.is_none() || self.host == host())
    }
}

/// A dead letter as it stands in DEAD.
#[derive(Debug, Clone)]
pub struct FiledLetter {
    /// Its sequence in DEAD.
    pub sequence: u64,
    /// When the broker stored it.
    pub filed_at: OffsetDateTime,
    /// The letter.
    pub letter: DeadLetter,
}

impl Broker {
    /// The dead letters that a filter holds for, oldest first, `limit` at most.
    pub async fn dead_letters(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<FiledLetter>, BrokerError> {
        let mut found = Vec::new();
        if self.find_stream(DEAD).await?.is_none() {
            return Ok(found);
        }
        let stage = filter.stage.as_deref().unwrap_or("*");
        let id = filter.id.as_deref().unwrap_or("*");
        let pattern = DeadLetter::subject_of(stage, id);
        let mut walk = self.walk(DEAD.name, &pattern);
        while found.len() < limit
            && let Some(message) = walk.next().await?
        {
            let headers = message.headers.iter().filter_map(|(name, values)| {
                Some((name.to_string(), values.first()?.as_str().to_owned()))
            });
            // Whatever else somebody published there is not ours to show or to replay.
            let Ok(letter) = DeadLetter::read(&message.subject, headers, message.payload.to_vec())
            else {
                continue;
            };
            if filter.holds(&letter) {
                found.push(FiledLetter {
                    filed_at: message.time,
                    sequence: message.sequence,
                    letter,
                });
            }
        }
        Ok(found)
    }

    /// Sends a dead letter on its way again, and drops it once that is acknowledged. Done twice within
    /// the broker's window for duplicates, it is one message.
    pub async fn replay(&self, filed: &FiledLetter) -> Result<(), BrokerError> {
        let letter = &filed.letter;
        let headers = &letter.headers;
        let (subject, payload) = match (headers.stage.as_str(), headers.url.as_deref()) {
            ("crawler", Some(url)) => {
                let entry = Entry {
                    refetch: true,
                    ..Entry::of(url)
                };
                let submission = Submission {
                    entries: vec![entry],
                };
                (submission.subject(), submission.encode())
            }
            ("extractor", Some(url)) => {
                let url: CanonicalUrl = url.parse().map_err(|source| foreign(filed, source))?;
                let again = PageAgain {
                    url_id: messages::UrlId::of(&url),
                };
                (again.subject(), again.encode())
            }
            _ => (headers.subject.clone(), letter.payload.clone()),
        };
        let mut carried = HeaderMap::new();
        carried.insert(REPLAYS_HEADER, (headers.replays + 1).to_string());
        carried.insert("Nats-Msg-Id", format!("{}:{}", DEAD.name, filed.sequence));
        // A speech that changed since must not be put back: its letter is out of date.
        let expected = (headers.stage == "indexer").then_some(headers.sequence);
        match self
            .publish_once(&subject, &payload, carried, expected)
            .await
        {
            Ok(_) | Err(NotPublished::Conflict) => self.drop_dead(filed.sequence).await.map(|_| ()),
            Err(NotPublished::Failed(error)) => Err(error),
        }
    }

    /// Drops a dead letter for good. Answers whether it was there.
    pub async fn drop_dead(&self, sequence: u64) -> Result<bool, BrokerError> {
        self.delete(DEAD, sequence).await
    }
}

fn foreign(filed: &FiledLetter, source: messages::UrlError) -> BrokerError {
    BrokerError::Foreign {
        place: filed.letter.subject(),
        source: source.into(),
    }
}
