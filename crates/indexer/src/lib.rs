//! Speeches into Meilisearch, and searches out of it; the only crate that writes there.
//!
//! In: speech changes, in batches, through [`Indexer`]. Out: documents of one index. [`Searcher`] is
//! the reading side. No text is cleaned or judged here. Why it is so: `design.md`.

mod audit;
mod clusters;
mod config;
mod document;
mod error;
mod keys;
mod meili;
mod metrics;
mod query;
mod reindex;
mod search;
mod settings;
mod sink;
mod stats;

pub use audit::{Audit, Differences, Repaired};
pub use clusters::Clusters;
pub use config::{IndexerConfig, MeiliConfig, Secret, parse_date};
pub use document::SpeechDocument;
pub use error::IndexError;
pub use keys::{Key, Purpose};
pub use meili::Meili;
pub use reindex::{Rebuild, ReindexJob, ReindexStage};
pub use search::{Facets, Hit, SearchOptions, SearchPage, Searcher};
pub use settings::{Applied, wanted as wanted_settings};
pub use sink::Indexer;
pub use stats::{Sizes, Stats};
/// What [`Clusters`] are made of.
pub use words::Sketch;
