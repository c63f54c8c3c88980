//! What a fetch brought: a response with its body, or the certainty that the page is gone.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;

use crate::message::{from_json, to_json};
use crate::{CanonicalUrl, ContentHash, DecodeError, Message, UrlId};

/// The name by which sites address us, unless the operator chose another user agent.
pub const PRODUCT_TOKEN: &str = "speechmill";

/// The newest that is known of a URL, on `page.fetched.<url_id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "page", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are responses, and a body is far larger"
)]
pub enum Page {
    /// The site answered with a page.
    Response(Response),
    /// The site says that there is no such page any more.
    Gone(Gone),
}

/// A page as the site sent it, content codings undone, charset not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// What was requested.
    pub url: CanonicalUrl,
    /// What answered, after redirects.
    pub final_url: CanonicalUrl,
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// The `Content-Type` header, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The `X-Robots-Tag` headers, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub robots_tags: Vec<String>,
    /// The product token under which we asked, where it is not [`PRODUCT_TOKEN`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<str>>,
    /// When it was asked for; the version of this page.
    #[serde(with = "time::serde::rfc3339")]
    pub fetched_at: OffsetDateTime,
    /// Links followed since the submitted URL.
    #[serde(default)]
    pub depth: u32,
    /// Of the body.
    pub content_hash: ContentHash,
    /// The bytes.
    pub body: Body,
    /// The further pages of an article that goes on over several, in their order; 29 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PagePart>,
    /// The stable code of what kept the next part away, where there is one that did not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_part: Option<String>,
}

/// A further page of an article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagePart {
    /// What answered.
    pub url: CanonicalUrl,
    /// The `Content-Type` header, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Of the body.
    pub content_hash: ContentHash,
    /// The bytes.
    pub body: Body,
}

/// A page that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// What was requested.
    pub url: CanonicalUrl,
    /// HTTP status: 404 or 410, or what came again and again instead of the page; 0 for redirects
    /// that lead nowhere.
    pub status: u16,
    /// When it was found gone; the version of this page.
    #[serde(with = "time::serde::rfc3339")]
    pub fetched_at: OffsetDateTime,
}

impl Page {
    /// The subject of the pages of a URL.
    pub fn subject_of(id: &UrlId) -> String {
        format!("page.fetched.{id}")
    }

    /// What was requested.
    pub fn requested(&self) -> &CanonicalUrl {
        match self {
            Self::Response(response) => &response.url,
            Self::Gone(gone) => &gone.url,
        }
    }

    /// The version: the newest one is kept.
    pub fn fetched_at(&self) -> OffsetDateTime {
        match self {
            Self::Response(response) => response.fetched_at,
            Self::Gone(gone) => gone.fetched_at,
        }
    }

    /// The id of the requested URL.
    pub fn url_id(&self) -> UrlId {
        UrlId::of(self.requested())
    }
}

impl Message for Page {
    const NAME: &'static str = "page";

    fn subject(&self) -> String {
        Self::subject_of(&self.url_id())
    }

    fn id(&self) -> String {
        self.url_id().to_string()
    }

    fn url(&self) -> Option<&CanonicalUrl> {
        Some(self.requested())
    }

    fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    fn decode(_subject: &str, payload: &[u8]) -> Result<Self, DecodeError> {
        from_json(Self::NAME, payload)
    }
}

/// The compressed body is broken or larger than the reader allows. Verdict: Reject.
#[derive(Debug, thiserror::Error)]
#[error("the page's body can't be decompressed")]
pub struct BodyError(#[source] std::io::Error);

/// A response body, zstd-compressed; in JSON, the compressed bytes in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Vec<u8>);

impl Body {
    /// The default level: a quarter of the size at a few percent of a page's cost.
    const LEVEL: i32 = 3;

    /// Compresses a body.
    pub fn compress(bytes: &[u8]) -> Self {
        Self(zstd::bulk::compress(bytes, Self::LEVEL).expect("compressing into memory can't fail"))
    }

    /// The body, `limit` bytes at most.
    pub fn decompress(&self, limit: usize) -> Result<Vec<u8>, BodyError> {
        zstd::bulk::decompress(&self.0, limit).map_err(BodyError)
    }

    /// Bytes that travel.
    pub fn num_compressed_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine;
        serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine;
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        base64::engine::general_purpose::STANDARD
            .decode(text.as_bytes())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_as_it_went() {
        let bytes = "同志们:".repeat(1000).into_bytes();
        let body = Body::compress(&bytes);
        assert!(body.num_compressed_bytes() < bytes.len() / 4);
        assert_eq!(body.decompress(bytes.len()).unwrap(), bytes);
    }

    #[test]
    fn a_body_larger_than_the_limit_is_refused() {
        let body = Body::compress(&vec![0; 1_000_000]);
        assert!(body.decompress(999_999).is_err());
    }
}
