//! What is in the index, counted by Meilisearch itself.
//!
//! In: an index. Out: numbers of documents by what they say, and how much room they take. Reads no
//! document.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::search::Facets;
use crate::{IndexError, SearchOptions, Searcher};

/// What documents are counted by.
const FACETS: [&str; 7] = [
    "completeness.state",
    "flags",
    "kind",
    "partial",
    "script",
    "site",
    "year",
];

/// What is in the index.
#[derive(Debug, Clone, Serialize)]
pub struct Stats {
    /// Documents in it.
    pub num_documents: usize,
    /// How much room they take; `None`: our key may not ask.
    pub sizes: Option<Sizes>,
    /// The 200 most frequent values of each field.
    pub facets: Facets,
}

/// Room on Meilisearch's disk.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sizes {
    /// The documents of this index, in bytes.
    pub documents_bytes: u64,
    /// All of Meilisearch's database, whatever it holds, in bytes.
    pub database_bytes: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    database_size: u64,
    indexes: BTreeMap<String, OfIndex>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfIndex {
    #[serde(default)]
    raw_document_db_size: u64,
}

impl Searcher {
    /// Counts. A search-only key is enough for all but the sizes.
    pub async fn stats(&self) -> Result<Stats, IndexError> {
        let options = SearchOptions {
            limit: 0,
            facets: FACETS.into(),
            all_versions: true,
            ..SearchOptions::default()
        };
        let facets = self.search("", &options).await?.facets.unwrap_or_default();
        // Every document is either partial or not.
        let num_documents = facets.get("partial").map_or(0, |is| is.values().sum());
        let sizes = match self.sizes().await {
            Err(IndexError::KeyRefused { .. }) => None,
            sizes => Some(sizes?),
        };
        Ok(Stats {
            num_documents,
            sizes,
            facets,
        })
    }

    async fn sizes(&self) -> Result<Sizes, IndexError> {
        let http = self.meili.http();
        let answer: Answer = http.json(http.request(Method::GET, "/stats")).await?;
        let ours = answer.indexes.get(self.meili.index_name());
        Ok(Sizes {
            documents_bytes: ours.map_or(0, |index| index.raw_document_db_size),
            database_bytes: answer.database_size,
        })
    }
}
