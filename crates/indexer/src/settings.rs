//! The settings of the index, as code.
//!
//! In: an index, or none yet. Out: an index with primary key `id` and these settings, applied only
//! where they differ, and before any document: a change afterwards indexes everything again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use meilisearch_sdk::settings::{
    FacetSortValue, FacetingSettings, LocalizedAttributes, MinWordSizeForTypos, PaginationSetting,
    Settings, TypoToleranceSettings,
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use words::{dictionary, lists};

use crate::document::{MAX_PARTS, searched, text_field};
use crate::meili::TaskStatus;
use crate::{IndexError, Meili};

/// Each costs indexing time, so few; in order of their weight.
const SEARCHABLE_FIRST: [&str; 5] = [
    "title",
    searched::TITLE,
    "occasion",
    "speaker",
    "sections.heading",
];

const SEARCHABLE_LAST: [&str; 5] = [
    searched::WORDS,
    searched::YEAR,
    searched::PINYIN,
    "speaker_role",
    "site_name",
];

const FILTERABLE: [&str; 13] = [
    "cluster",
    "completeness.state",
    "date_timestamp",
    "flags",
    "kind",
    "num_chars",
    "partial",
    "profile",
    "script",
    "site",
    "speaker",
    "version",
    "year",
];

const SORTABLE: [&str; 4] = [
    "date_timestamp",
    "num_chars",
    "published_timestamp",
    "views",
];

/// The last ones decide between equals: what is whole first, then the newer speech.
const RANKING: [&str; 8] = [
    "words",
    "typo",
    "proximity",
    "attribute",
    "sort",
    "exactness",
    "fullness:desc",
    "date_timestamp:desc",
];

/// Lists whose order means nothing: Meilisearch gives them back sorted.
const SETS: [&str; 4] = [
    "filterableAttributes",
    "sortableAttributes",
    "stopWords",
    "dictionary",
];

/// How long the settings of another process are waited for, which may just have created the index.
const OTHERS_PATIENCE: Duration = Duration::from_millis(300);
const OTHERS_PAUSE: Duration = Duration::from_millis(10);

/// What [`Meili::apply_settings`] had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Nothing.
    Unchanged,
    /// One settings task.
    Changed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexInfo {
    primary_key: Option<String>,
}

/// The settings as they should be.
pub fn wanted() -> Settings {
    let mut searchable: Vec<String> = SEARCHABLE_FIRST.map(ToOwned::to_owned).into();
    searchable.extend((0..MAX_PARTS).map(text_field));
    searchable.extend(SEARCHABLE_LAST.map(ToOwned::to_owned));
    let mut settings = Settings::new()
        .with_searchable_attributes(searchable)
        .with_filterable_attributes(FILTERABLE)
        .with_sortable_attributes(SORTABLE)
        .with_displayed_attributes(["*"])
        .with_ranking_rules(RANKING)
        .with_proximity_precision("byAttribute")
        .with_stop_words(lists().stop())
        .with_synonyms(synonyms())
        .with_dictionary(dictionary())
        .with_localized_attributes([LocalizedAttributes {
            locales: vec!["cmn".to_owned()],
            attribute_patterns: vec!["*".to_owned()],
        }])
        // Chinese words are shorter than this and are never taken for misspelt ones; Latin names may be.
        .with_typo_tolerance(TypoToleranceSettings {
            enabled: Some(true),
            disable_on_attributes: Some(vec![searched::PINYIN.to_owned()]),
            disable_on_words: Some(Vec::new()),
            min_word_size_for_typos: Some(MinWordSizeForTypos {
                one_typo: Some(5),
                two_typos: Some(9),
            }),
            disable_on_numbers: Some(true),
        })
        .with_faceting(FacetingSettings {
            max_values_per_facet: 200,
            // Of more values than that, the most frequent are counted.
            sort_facet_values_by: Some([("*".to_owned(), FacetSortValue::Count)].into()),
        })
        .with_pagination(PaginationSetting {
            max_total_hits: 1_000,
        });
    settings.distinct_attribute = Some(None);
    settings
}

fn synonyms() -> HashMap<String, Vec<String>> {
    let lists = lists().synonyms().iter();
    lists
        .map(|(word, others)| (word.clone(), others.iter().cloned().collect()))
        .collect()
}

impl Meili {
    /// Makes the index and its settings what they should be. Idempotent.
    ///
    /// Errors: Stop, when Meilisearch refuses them or the index is somebody else's.
    pub async fn apply_settings(&self) -> Result<Applied, IndexError> {
        let Some(task) = self.send_settings().await? else {
            return Ok(Applied::Unchanged);
        };
        self.settings_applied(task).await?;
        Ok(Applied::Changed)
    }

    /// Sends the settings if they differ. Output: the task; what is sent after it is done after it.
    ///
    /// Errors: Stop, when the index is somebody else's.
    pub(crate) async fn send_settings(&self) -> Result<Option<u32>, IndexError> {
        let is_new = self.ensure_index().await?;
        let wanted = wanted();
        let is_held = self.holds_settings(&wanted).await?
            || !is_new && self.await_others().await? && self.holds_settings(&wanted).await?;
        if is_held {
            return Ok(None);
        }
        tracing::info!(
            index = self.index_name(),
            "the settings of {} differ and are applied",
            self.index_name()
        );
        let sent = self.sdk_index().set_settings(&wanted).await?;
        Ok(Some(sent.task_uid))
    }

    /// Waits for the settings that were sent.
    ///
    /// Errors: Stop, when Meilisearch refuses them.
    pub(crate) async fn settings_applied(&self, task: u32) -> Result<(), IndexError> {
        self.is_done(task, "").await.map(drop)
    }

    /// Whether the index is there, with its settings as they should be. Changes nothing.
    pub async fn has_wanted_settings(&self) -> Result<bool, IndexError> {
        if self.index_info().await?.is_none() {
            return Ok(false);
        }
        self.holds_settings(&wanted()).await
    }

    async fn holds_settings(&self, wanted: &Settings) -> Result<bool, IndexError> {
        let settings = self.sdk_index().get_settings().await?;
        Ok(holds(&to_json(&settings), &to_json(wanted)))
    }

    /// Creates the index if it is absent, and makes sure that it is ours. Output: whether it was this
    /// process that created it.
    async fn ensure_index(&self) -> Result<bool, IndexError> {
        let mut info = self.index_info().await?;
        let mut is_new = false;
        if info.is_none() {
            let sdk = self.sdk();
            let created = sdk.create_index(self.index_name(), Some("id")).await?;
            is_new = self
                .is_done(created.task_uid, "index_already_exists")
                .await?;
            // Whoever created it may have thought of another key.
            info = self.index_info().await?;
        }
        match info.and_then(|info| info.primary_key).as_deref() {
            None | Some("id") => Ok(is_new),
            Some(other) => Err(IndexError::Config(format!(
                "the index {} has the primary key {other} and is not ours: give SPEECHMILL_INDEX another name",
                self.index_name()
            ))),
        }
    }

    /// `None`: there is no such index.
    async fn index_info(&self) -> Result<Option<IndexInfo>, IndexError> {
        let path = format!("/indexes/{}", self.index_name());
        let request = self.http().request(Method::GET, &path);
        match self.http().json(request).await {
            Ok(info) => Ok(Some(info)),
            Err(IndexError::Refused { code, .. }) if code == "index_not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Of processes that start together one creates the index. Its settings follow at once, and are
    /// the same as ours: a second task of them would cost Meilisearch as much as the first. Output:
    /// whether somebody's settings were on their way; they are applied then.
    async fn await_others(&self) -> Result<bool, IndexError> {
        let until = Instant::now() + OTHERS_PATIENCE;
        while Instant::now() < until {
            let sent = self.unfinished_settings().await?;
            // Of two, the one that was sent last ends last.
            if let Some(last) = sent.into_iter().max() {
                self.wait_for_index(last).await?;
                return Ok(true);
            }
            tokio::time::sleep(OTHERS_PAUSE).await;
        }
        Ok(false)
    }

    /// Waits for a task over the index itself. Output: whether it was done; it was not, harmlessly, if
    /// it failed with this code.
    async fn is_done(&self, uid: u32, harmless: &str) -> Result<bool, IndexError> {
        let task = self.wait_for_index(uid).await?;
        if task.status == TaskStatus::Failed && task.code() == harmless {
            return Ok(false);
        }
        match task.result(uid) {
            Err(IndexError::Document { code, message }) => {
                Err(IndexError::Settings { code, message })
            }
            result => result.map(|()| true),
        }
    }
}

fn to_json(settings: &Settings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}

/// Whether the settings that are in force hold all that we want.
fn holds(current: &Value, wanted: &Value) -> bool {
    let Value::Object(wanted) = wanted else {
        return false;
    };
    wanted.iter().all(|(name, value)| {
        let have = current.get(name).unwrap_or(&Value::Null);
        if SETS.contains(&name.as_str()) {
            sorted(have) == sorted(value)
        } else {
            covers(have, value)
        }
    })
}

/// Objects may hold more than we ask for; all else must be equal.
fn covers(current: &Value, wanted: &Value) -> bool {
    match (current, wanted) {
        (Value::Object(have), Value::Object(fields)) => fields
            .iter()
            .all(|(name, value)| covers(have.get(name).unwrap_or(&Value::Null), value)),
        _ => current == wanted,
    }
}

fn sorted(list: &Value) -> Vec<String> {
    let mut items: Vec<String> = list
        .as_array()
        .map(|items| items.iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    items.sort();
    items
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_a_set_and_what_we_do_not_ask_for_make_no_difference() {
        let current = json!({
            "sortableAttributes": ["a", "b"],
            "typoTolerance": {"enabled": true, "other": 1},
            "prefixSearch": "indexingTime",
        });
        let wanted = json!({"sortableAttributes": ["b", "a"], "typoTolerance": {"enabled": true}});
        assert!(holds(&current, &wanted));
    }

    #[test]
    fn the_order_of_ranking_rules_makes_a_difference() {
        let current = json!({"rankingRules": ["words", "typo"]});
        assert!(!holds(
            &current,
            &json!({"rankingRules": ["typo", "words"]})
        ));
    }

    #[test]
    fn every_part_of_a_long_text_is_searchable() {
        let searchable = wanted().searchable_attributes.unwrap();
        assert!(searchable.contains(&"text".to_owned()));
        assert!(searchable.contains(&text_field(MAX_PARTS - 1)));
    }
}
