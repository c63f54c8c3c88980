//! The two keys that speechmill needs: one that writes, one that searches.
//!
//! In: a Meilisearch whose master key we hold, and a purpose. Out: the key for it, always the same
//! one. Never alters or lists a key of anybody else.

use messages::id_of_bytes;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Date, OffsetDateTime, Time};

use crate::{IndexError, Meili, Secret};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The indexer: documents and settings, and no more.
    Write,
    /// Readers: searching, and no more.
    Search,
}

/// A key as Meilisearch has it.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its number, which follows from its purpose and its index.
    pub uid: String,
    /// The key itself.
    pub secret: Secret,
    /// What it may do.
    pub actions: Vec<String>,
    /// With which indexes; `*` at the end of a name stands for any ending.
    pub indexes: Vec<String>,
    /// When it ends, where it does.
    pub expires_at: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    uid: String,
    key: String,
    actions: Vec<String>,
    indexes: Vec<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Write, Self::Search];

    fn name(self) -> &'static str {
        match self {
            Self::Write => "speechmill indexer",
            Self::Search => "speechmill readers",
        }
    }

    fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Write => &[
                "documents.*",
                "tasks.get",
                "indexes.*",
                "settings.*",
                "stats.get",
                "version",
            ],
            Self::Search => &["search"],
        }
    }

    fn indexes(self, index: &str) -> Vec<String> {
        match self {
            // A rebuilt index stands under a longer name until it is swapped in.
            Self::Write => vec![format!("{index}*")],
            Self::Search => vec![index.to_owned()],
        }
    }

    /// A UUID of version 8 (RFC 9562): a hash, so that a second run finds the key of the first.
    fn uid(self, index: &str) -> String {
        let hash = id_of_bytes(format!("{}/{index}", self.name()).as_bytes());
        format!(
            "{}-{}-8{}-8{}-{}",
            &hash[..8],
            &hash[8..12],
            &hash[13..16],
            &hash[17..20],
            &hash[20..]
        )
    }
}

impl Meili {
    /// The key for a purpose: the one that is there, or a new one. `expires`: the day, in UTC, on
    /// which it is no longer good; none: as it is, or never.
    ///
    /// Errors: Stop, also where our own key may not make keys.
    pub async fn key(&self, purpose: Purpose, expires: Option<Date>) -> Result<Key, IndexError> {
        let made = self.find_or_make(purpose, expires).await;
        made.map(Key::from).map_err(|error| match error {
            IndexError::KeyRefused { url, message } => {
                IndexError::MasterKeyRefused { url, message }
            }
            error => error,
        })
    }

    async fn find_or_make(
        &self,
        purpose: Purpose,
        expires: Option<Date>,
    ) -> Result<Answer, IndexError> {
        let http = self.http();
        let expires = expires.map(|day| day.with_time(Time::MIDNIGHT).assume_utc());
        let uid = purpose.uid(self.index_name());
        let path = format!("/keys/{uid}");
        match http.json::<Answer>(http.request(Method::GET, &path)).await {
            Ok(found) if found.serves(purpose, self.index_name(), expires) => return Ok(found),
            // What a key may do can't be altered. Made again under its uid it is the same key, as
            // Meilisearch derives it from the uid and the master key.
            Ok(_) => http
                .send(http.request(Method::DELETE, &path))
                .await
                .map(drop)?,
            Err(IndexError::Refused { code, .. }) if code == "api_key_not_found" => {}
            Err(error) => return Err(error),
        }
        let wanted = json!({
            "uid": uid,
            "name": purpose.name(),
            "description": format!("Made by `speechmill keys` for the index {}", self.index_name()),
            "actions": purpose.actions(),
            "indexes": purpose.indexes(self.index_name()),
            "expiresAt": expires.map(rfc3339),
        });
        http.json(http.request(Method::POST, "/keys").json(&wanted))
            .await
    }
}

impl Answer {
    fn serves(&self, purpose: Purpose, index: &str, expires: Option<OffsetDateTime>) -> bool {
        let is_in_time = match expires {
            Some(_) => self.expires_at == expires,
            None => self
                .expires_at
                .is_none_or(|end| end > OffsetDateTime::now_utc()),
        };
        let mut have = self.actions.clone();
        let mut wanted = purpose.actions().to_vec();
        have.sort_unstable();
        wanted.sort_unstable();
        is_in_time && have == wanted && self.indexes == purpose.indexes(index)
    }
}

impl From<Answer> for Key {
    fn from(answer: Answer) -> Self {
        Self {
            uid: answer.uid,
            secret: answer.key.into(),
            actions: answer.actions,
            indexes: answer.indexes,
            expires_at: answer.expires_at,
        }
    }
}

fn rfc3339(at: OffsetDateTime) -> String {
    let text = at.format(&time::format_description::well_known::Rfc3339);
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_and_index_has_a_uuid_of_its_own_that_never_changes() {
        let uid = Purpose::Search.uid("speeches");
        assert_eq!(uid, Purpose::Search.uid("speeches"));
        assert_ne!(uid, Purpose::Write.uid("speeches"));
        assert_ne!(uid, Purpose::Search.uid("others"));
        let groups: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{uid}");
        assert_eq!((&uid[14..15], &uid[19..20]), ("8", "8"), "{uid}");
    }
}
