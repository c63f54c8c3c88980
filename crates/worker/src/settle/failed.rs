//! What a message failed of, and whom its dead letter is filed under.

use messages::{DecodeError, Message, id_of_bytes};

use crate::{Failure, Verdict, chain};

/// What is known of a failure once its type is forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) verdict: Verdict,
    pub(crate) code: String,
    pub(crate) error: String,
}

impl Failed {
    pub(crate) fn of(failure: &impl Failure) -> Self {
        Self {
            verdict: failure.verdict(),
            code: failure.code().into_owned(),
            error: chain(failure),
        }
    }

    pub(crate) fn panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let said = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Self {
            verdict: Verdict::Retry { after: None },
            code: "panic".to_owned(),
            error: format!("the handler panicked: {said}"),
        }
    }

    pub(super) fn undecodable(error: &DecodeError) -> Self {
        Self {
            verdict: Verdict::Reject,
            code: "undecodable".to_owned(),
            error: chain(error),
        }
    }

    pub(super) fn exhausted(attempts: u32) -> Self {
        Self {
            verdict: Verdict::Reject,
            code: "attempts_exhausted".to_owned(),
            error: format!("{attempts} attempts ended without an answer"),
        }
    }
}

/// Whom a dead letter is filed under.
pub(crate) struct Filing {
    pub(crate) id: String,
    pub(crate) url: Option<String>,
    pub(crate) attempt: u32,
}

impl Filing {
    pub(crate) fn of<M: Message>(message: &M) -> Self {
        Self {
            id: message.id(),
            url: message.url().map(ToString::to_string),
            attempt: message.attempt(),
        }
    }

    pub(super) fn of_bytes(payload: &[u8]) -> Self {
        Self {
            id: id_of_bytes(payload),
            url: None,
            attempt: 0,
        }
    }
}
