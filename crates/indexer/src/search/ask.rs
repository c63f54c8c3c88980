//! What is sent to Meilisearch.
//!
//! A query costs two requests: one asks in all its forms for the order alone, the second one shows
//! what has a place on the page. Where speeches change meanwhile, both are asked again.

use std::collections::{HashMap, HashSet};

use meilisearch_sdk::request::HttpClient;
use meilisearch_sdk::search::{MultiSearchQuery, SearchQuery, SearchResults, Selectors};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fuse::{self, List};
use super::hit::FIELDS;
use super::{Facets, Hit, SearchOptions, SearchPage, Searcher};
use crate::IndexError;
use crate::document::{MAX_PARTS, text_field};
use crate::query::{Asked, Form};

/// Chinese, for the words of the query as for those of the documents.
const LOCALES: [&str; 1] = ["cmn"];

/// A document by its version, which no other one has and which can be filtered by.
#[derive(Debug, Clone, Deserialize)]
struct Found {
    version: u64,
    #[serde(default)]
    cluster: String,
}

/// The order of what was found, without what is shown of it.
pub(super) struct Ranked {
    /// Whether a speech has all the words.
    pub(super) has_all_words: bool,
    /// Bytes of the words.
    num_asked: usize,
    /// Of the page, best first: a version and the form that found it.
    page: Vec<(u64, Form)>,
    estimated_total: usize,
    took_ms: usize,
    facets: Option<Facets>,
}

impl Ranked {
    /// Hits of the page.
    pub(super) fn num_shown(&self) -> usize {
        self.page.len()
    }
}

impl Searcher {
    /// Asks in all forms at once, and makes one list of what they find.
    pub(super) async fn rank(
        &self,
        asked: &Asked,
        options: &SearchOptions,
    ) -> Result<Ranked, IndexError> {
        let (index, sdk) = (self.meili.sdk_index(), self.meili.sdk());
        let forms = asked.forms();
        let mut all = MultiSearchQuery::new(&sdk);
        for form in &forms {
            let mut request = SearchQuery::new(&index);
            form.put_into(&mut request, options);
            request
                .with_limit(options.offset + options.limit)
                .with_attributes_to_retrieve(Selectors::Some(&["version", "cluster"]));
            if form.weight > 0.0 && !options.facets.is_empty() {
                request.with_facets(Selectors::Some(&options.facets));
            }
            all.with_search_query(request);
        }
        let results = all.execute::<Found>().await?.results;
        let has_all_words = forms
            .iter()
            .zip(&results)
            .any(|(form, found)| form.is_strict() && !found.hits.is_empty());
        let took_ms = results.iter().map(|it| it.processing_time_ms).sum();
        let lists = forms.iter().zip(&results).map(|(form, found)| List {
            weight: form.weight,
            versions: found.hits.iter().map(|hit| hit.result.version).collect(),
        });
        let mut best = fuse::lists(&lists.collect::<Vec<_>>());
        if !options.all_versions {
            let found = results.iter().flat_map(|found| &found.hits);
            let clusters: HashMap<u64, &str> = found
                .map(|hit| (hit.result.version, hit.result.cluster.as_str()))
                .collect();
            // Each form shows one of a cluster, and not always the same one.
            let mut seen = HashSet::new();
            best.retain(|(version, _)| {
                let cluster = clusters.get(version).copied().unwrap_or_default();
                cluster.is_empty() || seen.insert(cluster)
            });
        }
        let page = best.into_iter().skip(options.offset).take(options.limit);
        let page = page
            .map(|(version, list)| (version, forms[list].clone()))
            .collect();
        // What counts all hits is taken from the form that has most.
        let most = results.into_iter().max_by_key(total);
        Ok(Ranked {
            has_all_words,
            num_asked: asked.num_bytes(),
            page,
            estimated_total: most.as_ref().map_or(0, total),
            took_ms,
            facets: most.and_then(facets),
        })
    }

    /// The page, in which what says it strongly goes some places up, but what lacks a word never before
    /// what has all. A speech that changed since it was ranked is left out.
    pub(super) async fn show(
        &self,
        ranked: Ranked,
        options: &SearchOptions,
    ) -> Result<SearchPage, IndexError> {
        let mut by_form: Vec<(&Form, SearchOptions)> = Vec::new();
        for (version, form) in &ranked.page {
            let filter = format!("version = {version}");
            match by_form.iter_mut().find(|(it, _)| *it == form) {
                Some((
                    _,
                    SearchOptions {
                        filter: Some(it), ..
                    },
                )) => {
                    it.push_str(" OR ");
                    it.push_str(&filter);
                }
                _ => by_form.push((
                    form,
                    SearchOptions {
                        filter: Some(filter),
                        offset: 0,
                        facets: Vec::new(),
                        ..options.clone()
                    },
                )),
            }
        }
        let mut page = SearchPage {
            hits: Vec::new(),
            estimated_total: ranked.estimated_total,
            took_ms: ranked.took_ms,
            facets: ranked.facets,
        };
        if by_form.is_empty() {
            return Ok(page);
        }
        for shown in self.ask_all(&by_form).await? {
            page.hits.extend(shown.hits);
            page.took_ms += shown.took_ms;
        }
        let placed = |hit: &Hit| {
            let version = hit.document.get("version").and_then(Value::as_u64)?;
            let place = ranked.page.iter().position(|(it, _)| *it == version)?;
            let gained = hit.strength.places(ranked.num_asked);
            Some((!ranked.page[place].1.is_strict(), place as f64 - gained))
        };
        let hits = std::mem::take(&mut page.hits).into_iter();
        let mut hits: Vec<_> = hits.filter_map(|hit| Some((placed(&hit)?, hit))).collect();
        hits.sort_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        page.hits = hits.into_iter().map(|(_, hit)| hit).collect();
        Ok(page)
    }

    pub(super) async fn ask(
        &self,
        form: &Form,
        options: &SearchOptions,
    ) -> Result<SearchPage, IndexError> {
        let mut pages = self.ask_all(&[(form, options.clone())]).await?;
        Ok(pages.remove(0))
    }

    /// A page for each form, in one request.
    pub(super) async fn ask_all(
        &self,
        asked: &[(&Form, SearchOptions)],
    ) -> Result<Vec<SearchPage>, IndexError> {
        let (index, sdk) = (self.meili.sdk_index(), self.meili.sdk());
        let text_fields: Vec<String> = (0..MAX_PARTS).map(text_field).collect();
        let names: Vec<&str> = text_fields.iter().map(String::as_str).collect();
        let crop: Vec<(&str, Option<usize>)> = names.iter().map(|name| (*name, None)).collect();
        let highlight = [&["title"], names.as_slice()].concat();
        let with_text = [&FIELDS, names.as_slice()].concat();
        let sorts: Vec<Vec<&str>> = asked
            .iter()
            .map(|(_, options)| options.sort.iter().map(String::as_str).collect())
            .collect();
        let mut all = MultiSearchQuery::new(&sdk);
        for ((form, options), sort) in asked.iter().zip(&sorts) {
            let fields = if options.full_text {
                &with_text[..]
            } else {
                &FIELDS
            };
            let mut request = SearchQuery::new(&index);
            form.put_into(&mut request, options);
            request
                .with_limit(options.limit)
                .with_offset(options.offset)
                .with_attributes_to_retrieve(Selectors::Some(fields))
                .with_attributes_to_crop(Selectors::Some(&crop))
                .with_crop_length(options.snippet_words)
                .with_crop_marker("…")
                .with_attributes_to_highlight(Selectors::Some(&highlight))
                .with_highlight_pre_tag(&options.highlight.0)
                .with_highlight_post_tag(&options.highlight.1)
                .with_show_matches_position(true);
            if !sort.is_empty() {
                request.with_sort(sort);
            }
            if !options.facets.is_empty() {
                request.with_facets(Selectors::Some(&options.facets));
            }
            all.with_search_query(request);
        }
        let results = all.execute::<Map<String, Value>>().await?.results;
        let pages = results
            .into_iter()
            .zip(asked)
            .map(|(mut found, (_, options))| {
                let hits = std::mem::take(&mut found.hits).into_iter();
                SearchPage {
                    hits: hits
                        .map(|hit| Hit::new(hit, &text_fields, options))
                        .collect(),
                    estimated_total: total(&found),
                    took_ms: found.processing_time_ms,
                    facets: facets(found),
                }
            });
        Ok(pages.collect())
    }
}

impl Form {
    fn put_into<'a, H: HttpClient>(
        &'a self,
        request: &mut SearchQuery<'a, H>,
        options: &'a SearchOptions,
    ) {
        request
            .with_query(&self.words)
            .with_locales(&LOCALES)
            .with_matching_strategy(self.drop.strategy());
        if let Some(attributes) = &self.attributes {
            request.with_attributes_to_search_on(attributes);
        }
        if let Some(filter) = &options.filter {
            request.with_filter(filter);
        }
        if !options.all_versions {
            request.with_distinct("cluster");
        }
    }
}

fn total<T>(found: &SearchResults<T>) -> usize {
    found.estimated_total_hits.unwrap_or_default()
}

fn facets<T>(found: SearchResults<T>) -> Option<Facets> {
    let sorted = |(name, values): (_, HashMap<_, _>)| (name, values.into_iter().collect());
    let fields = found.facet_distribution?;
    Some(fields.into_iter().map(sorted).collect())
}
