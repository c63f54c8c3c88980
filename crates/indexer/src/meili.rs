//! Meilisearch over HTTP: one client for all that we ask of it.
//!
//! The hot path (documents, tasks) is spoken here, gzip and time-outs included; settings, index and
//! search go through the SDK, whose requests leave through the same client.

mod documents;
mod http;
mod indexes;
mod sdk;
mod tasks;

use std::sync::Arc;

use meilisearch_sdk::client::Client;
use meilisearch_sdk::indexes::Index;

pub(crate) use documents::Standing;
pub(crate) use http::Http;
pub(crate) use tasks::{Task, TaskStatus};

use crate::{IndexError, MeiliConfig};

/// One index of one Meilisearch. Cheap to clone.
#[derive(Clone)]
pub struct Meili {
    http: Arc<Http>,
    index: String,
}

impl Meili {
    /// Checks the configuration; nothing is sent.
    ///
    /// Errors: Stop.
    pub fn new(config: &MeiliConfig) -> Result<Self, IndexError> {
        Ok(Self {
            http: Arc::new(Http::new(config)?),
            index: config.index.clone(),
        })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        self.http.url()
    }

    /// The name of the index.
    pub fn index_name(&self) -> &str {
        &self.index
    }

    /// The index that a reindex fills: its name is covered by the key of the first.
    pub(crate) fn second(&self) -> Self {
        Self {
            http: self.http.clone(),
            index: format!("{}-rebuild", self.index),
        }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// The SDK's client, over ours.
    pub(crate) fn sdk(&self) -> Client<sdk::SdkHttp> {
        Client::new_with_client(
            self.http.url(),
            None::<String>,
            sdk::SdkHttp(self.http.clone()),
        )
    }

    /// The SDK's view of the index.
    pub(crate) fn sdk_index(&self) -> Index<sdk::SdkHttp> {
        self.sdk().index(self.index.clone())
    }
}
