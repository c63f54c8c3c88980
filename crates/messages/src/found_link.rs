//! A link that the extractor found in scope, on its way to admission.

use serde::{Deserialize, Serialize};

use crate::message::{from_json, to_json};
use crate::{CanonicalUrl, DecodeError, Message, UrlId};

/// A link in scope, on `crawl.found`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundLink {
    /// Where it leads.
    pub url: CanonicalUrl,
    /// Links followed since the submitted URL, this one included.
    pub depth: u32,
    /// The page it stands on.
    pub found_on: UrlId,
}

impl FoundLink {
    /// The subject of every found link.
    pub const SUBJECT: &'static str = "crawl.found";
}

impl Message for FoundLink {
    const NAME: &'static str = "found link";

    fn subject(&self) -> String {
        Self::SUBJECT.to_owned()
    }

    fn id(&self) -> String {
        UrlId::of(&self.url).to_string()
    }

    fn url(&self) -> Option<&CanonicalUrl> {
        Some(&self.url)
    }

    fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    fn decode(_subject: &str, payload: &[u8]) -> Result<Self, DecodeError> {
        from_json(Self::NAME, payload)
    }
}
