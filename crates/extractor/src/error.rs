//! Why a page can't be processed at all, each reason with a stable code. A page without a text is no
//! error: that is a [`crate::Skip`].

use sites::charset::Undecodable;

/// A page that can't be processed. Verdict: Reject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// More bytes than are read.
    #[error("the page has {bytes} bytes: {limit} at most")]
    PageTooLarge {
        /// Of the body.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// Not HTML, by its content type or its first bytes.
    #[error("the page is {0} and not HTML")]
    NotHtml(String),
    /// No encoding makes text of the bytes.
    #[error("{replaced} of {chars} characters can't be decoded in any encoding")]
    CharsetUndecodable {
        /// Characters that had to be replaced in the best of the encodings.
        replaced: usize,
        /// Characters in all.
        chars: usize,
    },
    /// Nested so deeply that parsing would take unbounded time.
    #[error("the page is nested {depth} elements deep: {limit} at most")]
    TooDeep {
        /// Where parsing stopped.
        depth: usize,
        /// The bound.
        limit: usize,
    },
    /// More nodes than are kept.
    #[error("the page has more than {limit} nodes")]
    TooManyNodes {
        /// The bound.
        limit: usize,
    },
}

impl From<Undecodable> for ExtractError {
    fn from(bytes: Undecodable) -> Self {
        let Undecodable { replaced, chars } = bytes;
        Self::CharsetUndecodable { replaced, chars }
    }
}

impl ExtractError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PageTooLarge { .. } => "page_too_large",
            Self::NotHtml(_) => "not_html",
            Self::CharsetUndecodable { .. } => "charset_undecodable",
            Self::TooDeep { .. } => "too_deep",
            Self::TooManyNodes { .. } => "too_many_nodes",
        }
    }
}
