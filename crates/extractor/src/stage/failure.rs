//! How the stages fail.

use std::borrow::Cow;

use messages::BodyError;
use worker::{BrokerError, Failure, Verdict};

use crate::ExtractError;

/// A page that did not become an extraction.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// It can't be processed. Verdict: Reject.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// Its body can't be decompressed. Verdict: Reject.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The broker failed us. The verdict is the broker's.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Failure for StageError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Extract(_) | Self::Body(_) => Verdict::Reject,
            Self::Broker(error) => error.verdict(),
        }
    }

    fn code(&self) -> Cow<'static, str> {
        match self {
            Self::Extract(error) => error.code().into(),
            Self::Body(_) => "body_broken".into(),
            Self::Broker(error) => error.code(),
        }
    }
}
