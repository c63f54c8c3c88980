//! One walk over what a stream holds of some subjects, oldest first.
//!
//! In: a stream and subjects, `*` and `>` allowed. Out: message after message, each by a direct get
//! of its own: a walk is no consumer, takes nothing, and sees what comes while it walks.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};

use crate::{Broker, BrokerError};

/// Where a walk has come to.
pub(crate) struct Walk {
    stream: Stream<()>,
    subjects: String,
    from: u64,
}

impl Walk {
    /// The next message; `None` at the end of what is there now.
    pub(crate) async fn next(&mut self) -> Result<Option<StreamMessage>, BrokerError> {
        let next = self
            .stream
            .direct_get_next_for_subject(self.subjects.as_str(), Some(self.from));
        match next.await {
            Ok(found) => {
                self.from = found.sequence + 1;
                Ok(Some(found))
            }
            Err(e) if e.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(e) => Err(BrokerError::request("read a message", e)),
        }
    }
}

impl Broker {
    /// A walk over a stream that is there.
    pub(crate) async fn walk(
        &self,
        stream: &str,
        subjects: impl Into<String>,
    ) -> Result<Walk, BrokerError> {
        Ok(Walk {
            stream: self.stream(stream).await?,
            subjects: subjects.into(),
            from: 1,
        })
    }
}
