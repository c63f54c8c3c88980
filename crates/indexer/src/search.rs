//! Searching: what `speechmill search`, `speechmill status` and the web ask of the index.
//!
//! In: a query in Chinese. Out: hits with a snippet around the words that were found. Never writes.

mod fuse;
mod section;

use std::collections::{BTreeMap, HashMap};

use meilisearch_sdk::request::HttpClient;
use meilisearch_sdk::search::{SearchQuery, SearchResult, Selectors};
use messages::SpeechId;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::document::{MAX_PARTS, text_field};
use crate::query::{self, Asked, Drop, Form};
use crate::{IndexError, Meili, MeiliConfig};

/// Chinese, for the words of the query as for those of the documents.
const LOCALES: [&str; 1] = ["cmn"];

/// Speeches that are read to learn how a reading is written.
const READ: usize = 5;

/// What is given back of a hit: everything but the text, which can be a book.
const FIELDS: [&str; 33] = [
    "id",
    "version",
    "url",
    "site",
    "site_name",
    "source_id",
    "title",
    "title_raw",
    "kind",
    "occasion",
    "speaker",
    "speaker_role",
    "delivered_on",
    "title_date",
    "published_at",
    "date",
    "date_from",
    "year",
    "views",
    "author",
    "source",
    "salutation",
    "closing",
    "sections",
    "completeness",
    "partial",
    "placeholders",
    "num_chars",
    "num_han",
    "script",
    "profile",
    "confidence",
    "flags",
];

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
        if !asked.is_pinyin && self.is_found(&asked.plain, options).await? {
            return self.ask_loosely(asked.plain, options).await;
        }
        if let Some(syllables) = &asked.read {
            let form = Form::read(syllables);
            let (is_found, written) = self.written(&form, syllables).await?;
            if let Some(words) = written {
                return self.ask_loosely(Form::plain(words), options).await;
            }
            if asked.is_pinyin && is_found {
                return self.ask(&form, options).await;
            }
        }
        self.ask_loosely(asked.plain, options).await
    }

    /// Whether a reading is found, and the characters that have it there.
    async fn written(
        &self,
        form: &Form,
        syllables: &[String],
    ) -> Result<(bool, Option<String>), IndexError> {
        let options = SearchOptions {
            limit: READ,
            full_text: true,
            ..SearchOptions::default()
        };
        let page = self.ask(form, &options).await?;
        let texts = page.hits.iter().flat_map(|hit| {
            let text = hit.document.get("text").and_then(Value::as_str);
            [Some(hit.title.as_str()), text].into_iter().flatten()
        });
        let texts = texts.collect::<Vec<_>>().join("\n");
        Ok((!page.hits.is_empty(), query::written(&texts, syllables)))
    }

    /// Speeches that have all words, then in one list those that lack the last ones and those that
    /// lack the most frequent ones.
    async fn ask_loosely(
        &self,
        plain: Form,
        options: &SearchOptions,
    ) -> Result<SearchPage, IndexError> {
        if !options.sort.is_empty() {
            return self.ask(&plain, options).await;
        }
        let wide = SearchOptions {
            limit: options.offset + options.limit,
            offset: 0,
            ..options.clone()
        };
        let frequent = Form {
            drop: Drop::Frequent,
            ..plain.clone()
        };
        let by_last = self.ask(&plain, &wide).await?;
        let by_frequency = self.ask(&frequent, &wide).await?;
        Ok(fuse::pages(by_last, by_frequency, options))
    }

    /// Whether a speech has all words of it.
    async fn is_found(&self, form: &Form, options: &SearchOptions) -> Result<bool, IndexError> {
        let index = self.meili.sdk_index();
        let mut request = SearchQuery::new(&index);
        form.put_into(&mut request);
        request
            .with_limit(1)
            .with_matching_strategy(Drop::None.strategy())
            .with_attributes_to_retrieve(Selectors::Some(&["id"]));
        if let Some(filter) = &options.filter {
            request.with_filter(filter);
        }
        let found = request.execute::<Map<String, Value>>().await?;
        Ok(!found.hits.is_empty())
    }

    async fn ask(&self, form: &Form, options: &SearchOptions) -> Result<SearchPage, IndexError> {
        let index = self.meili.sdk_index();
        let text_fields: Vec<String> = (0..MAX_PARTS).map(text_field).collect();
        let text_fields: Vec<&str> = text_fields.iter().map(String::as_str).collect();
        let crop: Vec<(&str, Option<usize>)> =
            text_fields.iter().map(|name| (*name, None)).collect();
        let highlight = [&["title"], text_fields.as_slice()].concat();
        // The text says in which section a snippet stands.
        let fields = [&FIELDS, text_fields.as_slice()].concat();
        let sort: Vec<&str> = options.sort.iter().map(String::as_str).collect();
        let mut request = SearchQuery::new(&index);
        form.put_into(&mut request);
        request
            .with_limit(options.limit)
            .with_offset(options.offset)
            .with_attributes_to_retrieve(Selectors::Some(&fields))
            .with_attributes_to_crop(Selectors::Some(&crop))
            .with_crop_length(options.snippet_words)
            .with_crop_marker("…")
            .with_attributes_to_highlight(Selectors::Some(&highlight))
            .with_highlight_pre_tag(&options.highlight.0)
            .with_highlight_post_tag(&options.highlight.1);
        if let Some(filter) = &options.filter {
            request.with_filter(filter);
        }
        if !sort.is_empty() {
            request.with_sort(&sort);
        }
        if !options.facets.is_empty() {
            request.with_facets(Selectors::Some(&options.facets));
        }
        let found = request.execute::<Map<String, Value>>().await?;
        Ok(SearchPage {
            hits: found
                .hits
                .into_iter()
                .map(|hit| Hit::new(hit, &text_fields, options))
                .collect(),
            estimated_total: found.estimated_total_hits.unwrap_or_default(),
            took_ms: found.processing_time_ms,
            facets: found.facet_distribution.map(|fields| {
                let sorted =
                    |(name, values): (_, HashMap<_, _>)| (name, values.into_iter().collect());
                fields.into_iter().map(sorted).collect()
            }),
        })
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

impl Form {
    fn put_into<'a, H: HttpClient>(&'a self, request: &mut SearchQuery<'a, H>) {
        request
            .with_query(&self.words)
            .with_locales(&LOCALES)
            .with_matching_strategy(self.drop.strategy());
        if let Some(attributes) = &self.attributes {
            request.with_attributes_to_search_on(attributes);
        }
    }
}

impl Hit {
    fn new(
        found: SearchResult<Map<String, Value>>,
        text_fields: &[&str],
        options: &SearchOptions,
    ) -> Self {
        let highlight = options.highlight.0.as_str();
        let mut document = found.result;
        let formatted = found.formatted_result.unwrap_or_default();
        let snippet = text_fields
            .iter()
            .filter_map(|name| formatted.get(*name)?.as_str())
            .find(|part| part.contains(highlight))
            .or_else(|| formatted.get("text")?.as_str())
            .unwrap_or_default()
            .to_owned();
        let section = section::of_snippet(&document, text_fields, &snippet, &options.highlight);
        if !options.full_text {
            document.retain(|name, _| !text_fields.contains(&name.as_str()));
        }
        let field = |name: &str| {
            let value = document.get(name).and_then(Value::as_str);
            value.map(ToOwned::to_owned)
        };
        let title = field("title").unwrap_or_default();
        Self {
            id: field("id").unwrap_or_default(),
            url: field("url").unwrap_or_default(),
            title_highlighted: formatted
                .get("title")
                .and_then(Value::as_str)
                .map_or_else(|| title.clone(), ToOwned::to_owned),
            title,
            date: field("date"),
            kind: field("kind").unwrap_or_default(),
            site: field("site").unwrap_or_default(),
            speaker: field("speaker"),
            snippet,
            section,
            document,
        }
    }
}
