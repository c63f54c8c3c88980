//! Searching: what `speechmill search`, `speechmill status` and the web ask of the index.
//!
//! In: a query in Chinese. Out: hits with a snippet around the words that were found. Never writes.

mod ask;
mod fuse;
mod hit;
mod section;
mod strength;

use std::collections::BTreeMap;

use messages::SpeechId;
use serde::Serialize;
use serde_json::{Map, Value};

use self::ask::Ranked;
use self::strength::Strength;
use crate::query::{self, Asked, Form};
use crate::{IndexError, Meili, MeiliConfig};

/// How often a page is ranked whose speeches change meanwhile; what still does is left out of it.
const MAX_RANKINGS: usize = 4;

/// Speeches that are read to learn how a reading is written.
const READ: usize = 5;

/// Filterable fields, their values, and how many documents have each.
pub type Facets = BTreeMap<String, BTreeMap<String, usize>>;

/// What to search for, besides the words.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// Hits on a page.
    pub limit: usize,
    /// Hits before this page.
    pub offset: usize,
    /// A filter in Meilisearch's own words: `kind = 讲话 AND year >= 2020`.
    pub filter: Option<String>,
    /// `date_timestamp:desc` …
    pub sort: Vec<String>,
    /// Fields whose values are counted over all hits.
    pub facets: Vec<&'static str>,
    /// What goes before and after each word that was found. The snippet is not escaped otherwise.
    pub highlight: (String, String),
    /// Words in a snippet.
    pub snippet_words: usize,
    /// Whether all copies of a speech are hits, and not only one of them.
    pub all_versions: bool,
    /// Whether [`Hit::document`] holds the whole text too.
    pub full_text: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            limit: 10,
            offset: 0,
            filter: None,
            sort: Vec::new(),
            facets: Vec::new(),
            highlight: ("<em>".to_owned(), "</em>".to_owned()),
            snippet_words: 40,
            all_versions: false,
            full_text: false,
        }
    }
}

/// A speech that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Hit {
    /// Its id.
    pub id: String,
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its title, highlighted.
    pub title_highlighted: String,
    /// Its date, `2024-03-05`.
    pub date: Option<String>,
    /// What sort of text it is.
    pub kind: String,
    /// Its host.
    pub site: String,
    /// Who spoke.
    pub speaker: Option<String>,
    /// The part of its text that was found, highlighted.
    pub snippet: String,
    /// The heading of the section that this part stands in.
    pub section: Option<String>,
    #[serde(skip)]
    strength: Strength,
    /// The document.
    pub document: Map<String, Value>,
}

/// A page of hits.
#[derive(Debug, Clone, Serialize)]
pub struct SearchPage {
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Hits in all, roughly.
    pub estimated_total: usize,
    /// How long Meilisearch took, in milliseconds.
    pub took_ms: usize,
    /// What was asked for in [`SearchOptions::facets`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facets: Option<Facets>,
}

/// The reading side of the index. A search-only key is enough for [`Self::search`].
#[derive(Clone)]
pub struct Searcher {
    pub(crate) meili: Meili,
}

impl Searcher {
    /// Checks the configuration; nothing is sent.
    pub fn new(config: &MeiliConfig) -> Result<Self, IndexError> {
        Ok(Self {
            meili: Meili::new(config)?,
        })
    }

    /// Searches. What no speech holds as it was typed is looked for by its reading: the speeches
    /// found so say which characters are meant.
    pub async fn search(
        &self,
        query: &str,
        options: &SearchOptions,
    ) -> Result<SearchPage, IndexError> {
        let asked = Asked::of(query);
        if !options.sort.is_empty() || query.trim().is_empty() {
            return self.ask(&asked.plain, options).await;
        }
        let ranked = self.rank(&asked, options).await?;
        if !asked.is_pinyin && ranked.has_all_words {
            return self.show_whole(ranked, &asked, options).await;
        }
        if let Some(syllables) = &asked.read {
            let (found, written) = self.written(syllables).await?;
            if let Some(words) = written {
                let asked = Asked::of(&words);
                let ranked = self.rank(&asked, options).await?;
                return self.show_whole(ranked, &asked, options).await;
            }
            if let Some(form) = found
                && asked.is_pinyin
            {
                return self.ask(&form, options).await;
            }
        }
        self.show_whole(ranked, &asked, options).await
    }

    /// Shows what was ranked. Where a speech of it has changed since, all is ranked anew.
    async fn show_whole(
        &self,
        mut ranked: Ranked,
        asked: &Asked,
        options: &SearchOptions,
    ) -> Result<SearchPage, IndexError> {
        for _ in 1..MAX_RANKINGS {
            let num_ranked = ranked.num_shown();
            let page = self.show(ranked, options).await?;
            if page.hits.len() == num_ranked {
                return Ok(page);
            }
            ranked = self.rank(asked, options).await?;
        }
        self.show(ranked, options).await
    }

    /// How a reading is found, and the characters that have it there.
    async fn written(
        &self,
        syllables: &[String],
    ) -> Result<(Option<Form>, Option<String>), IndexError> {
        let options = SearchOptions {
            limit: READ,
            full_text: true,
            ..SearchOptions::default()
        };
        let forms = Form::read(syllables);
        let asked: Vec<_> = forms.iter().map(|form| (form, options.clone())).collect();
        let pages = self.ask_all(&asked).await?;
        let first = pages.iter().position(|page| !page.hits.is_empty());
        let hits = pages.iter().flat_map(|page| &page.hits);
        let texts = hits.flat_map(|hit| {
            let text = hit.document.get("text").and_then(Value::as_str);
            [Some(hit.title.as_str()), text].into_iter().flatten()
        });
        let texts = texts.collect::<Vec<_>>().join("\n");
        let found = first.and_then(|at| forms.into_iter().nth(at));
        Ok((found, query::written(&texts, syllables)))
    }

    /// The version of a document: its sequence in SPEECHES. `None`: it is not in the index.
    pub async fn document_version(&self, id: &SpeechId) -> Result<Option<u64>, IndexError> {
        self.meili.version_of(id.as_str()).await
    }

    /// How many documents the index holds. `None`: there is no index.
    pub async fn num_documents(&self) -> Result<Option<usize>, IndexError> {
        let stats = self.meili.sdk_index().get_stats().await;
        match stats.map_err(IndexError::from) {
            Ok(stats) => Ok(Some(stats.number_of_documents)),
            Err(IndexError::Refused { code, .. }) if code == "index_not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether Meilisearch is well. Needs no key.
    pub async fn health(&self) -> Result<(), IndexError> {
        let health = self.meili.sdk().health().await?;
        if health.status == "available" {
            return Ok(());
        }
        Err(IndexError::Unavailable {
            url: self.meili.url().to_owned(),
            status: 200,
            message: health.status,
        })
    }

    /// Meilisearch's version, `1.21.0`.
    pub async fn version(&self) -> Result<String, IndexError> {
        Ok(self.meili.sdk().get_version().await?.pkg_version)
    }
}
