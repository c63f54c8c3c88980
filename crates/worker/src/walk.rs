//! One walk over what a stream holds of some subjects, oldest first.
//!
//! In: a stream and subjects, `*` and `>` allowed. Out: message after message, each by a read of its
//! own: a walk is no consumer, takes nothing, and sees what comes while it walks.

use async_nats::jetstream::message::StreamMessage;

use crate::read::Wanted;
use crate::topology::StreamSpec;
use crate::{BatchLimits, Broker, BrokerError, Stored};

/// Messages that stand one after the other in a stream.
pub struct Run {
    /// The messages.
    pub messages: Vec<Stored>,
    /// The sequence of the last one looked at.
    pub last: u64,
    /// Nothing stood behind them when they were read.
    pub is_end: bool,
}

/// Where a walk has come to.
pub(crate) struct Walk {
    broker: Broker,
    stream: String,
    subjects: String,
    from: u64,
}

impl Walk {
    /// The next message; `None` at the end of what is there now.
    pub(crate) async fn next(&mut self) -> Result<Option<StreamMessage>, BrokerError> {
        let wanted = Wanted::Next(&self.subjects, self.from);
        let found = self.broker.read(&self.stream, wanted).await?;
        if let Some(found) = &found {
            self.from = found.sequence + 1;
        }
        Ok(found)
    }
}

impl Broker {
    /// The first messages after a sequence, as many as make a batch.
    pub async fn messages_after(
        &self,
        stream: StreamSpec,
        after: u64,
        limits: BatchLimits,
    ) -> Result<Run, BrokerError> {
        let mut walk = self.walk(stream.name, stream.subjects[0]);
        walk.from = after + 1;
        let mut run = Run {
            messages: Vec::new(),
            last: after,
            is_end: false,
        };
        let mut num_bytes = 0;
        while run.messages.len() < limits.max_messages && num_bytes < limits.max_bytes {
            let Some(found) = walk.next().await? else {
                run.is_end = true;
                break;
            };
            run.last = found.sequence;
            num_bytes += found.payload.len();
            run.messages.push(Stored::read(
                found.subject.to_string(),
                found.sequence,
                found.time,
                found.payload,
            ));
        }
        Ok(run)
    }

    /// A walk over a stream, from its beginning.
    pub(crate) fn walk(&self, stream: &str, subjects: &str) -> Walk {
        Walk {
            broker: self.clone(),
            stream: stream.to_owned(),
            subjects: subjects.to_owned(),
            from: 1,
        }
    }
}
