//! A page that is to be extracted again: the subject says which, the payload is empty.

use crate::{CanonicalUrl, DecodeError, Message, UrlId};

/// On `page.again.<url_id>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageAgain {
    /// The page.
    pub url_id: UrlId,
}

impl Message for PageAgain {
    const NAME: &'static str = "page to extract again";

    fn subject(&self) -> String {
        format!("page.again.{}", self.url_id)
    }

    fn id(&self) -> String {
        self.url_id.to_string()
    }

    fn url(&self) -> Option<&CanonicalUrl> {
        None
    }

    fn encode(&self) -> Vec<u8> {
        Vec::new()
    }

    fn decode(subject: &str, _payload: &[u8]) -> Result<Self, DecodeError> {
        let id = subject.strip_prefix("page.again.").unwrap_or_default();
        let url_id = id.parse().map_err(|source| DecodeError {
            expected: Self::NAME,
            source: Box::new(source),
        })?;
        Ok(Self { url_id })
    }
}
