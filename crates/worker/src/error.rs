//! Errors and what the loop does about them: four verdicts, decided by the error's type.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may work later: try this message again, at the earliest after this time.
    Retry {
        /// What the other side asked for, where it did.
        after: Option<Duration>,
    },
    /// A dependency is down or full: hold everything; no attempt is used.
    Wait,
    /// It can never work: dead letter.
    Reject,
    /// We are set up wrongly: end the process, touch no message.
    Stop(Stop),
}

/// Why a process must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its configuration is wrong.
    Config,
    /// A server that it can't do without doesn't answer.
    Unreachable,
    /// Its key or its permissions are refused.
    Refused,
}

impl Stop {
    /// The exit code of the public contract.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Config => 64,
            Self::Unreachable => 69,
            Self::Refused => 77,
        }
    }
}

/// A failure of a stage or a sink.
pub trait Failure: Error + Send + Sync + 'static {
    /// What is to be done.
    fn verdict(&self) -> Verdict;

    /// The stable code: log field, metric label and dead-letter reason.
    fn code(&self) -> Cow<'static, str>;
}

/// The error and its causes, outermost first, joined by `: `; a text that its parent already says
/// is not said again.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            let _ = write!(text, ": {next}");
        }
        cause = error.source();
    }
    text
}

/// The broker failed us.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The URL or the credentials file is unusable.
    #[error("{0}")]
    Config(String),
    /// Nothing answers.
    #[error("NATS at {url} can't be reached: is it running, and is SPEECHMILL_NATS_URL right?")]
    Unreachable {
        /// Where we looked, without credentials.
        url: String,
        /// What the client said.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The credentials are refused.
    #[error("NATS at {url} refuses our credentials: check SPEECHMILL_NATS_CREDS")]
    Refused {
        /// Where we looked, without credentials.
        url: String,
    },
    /// The server can't do what we need.
    #[error("{0}")]
    Unsupported(String),
    /// A stream, a consumer or a bucket is configured in another way than ours.
    #[error("{0}")]
    Different(String),
    /// A stream, a consumer or a bucket is absent, and we could not create it.
    #[error(
        "{what} is absent and can't be created: run `speechmill check --apply` with credentials that may"
    )]
    Absent {
        /// Which.
        what: String,
        /// What the server said.
        #[source]
        source: async_nats::Error,
    },
    /// A request went wrong or was not answered in time.
    #[error("NATS did not {what}")]
    Request {
        /// What was asked of it.
        what: &'static str,
        /// What the client said.
        #[source]
        source: async_nats::Error,
    },
    /// The stream is full.
    #[error("{subject}: the stream has no room")]
    Full {
        /// Where we wanted to publish.
        subject: String,
    },
    /// All that NATS may store is full, whatever room the stream has left.
    #[error("{subject}: the store of NATS has no room: raise its max_file_store")]
    StoreFull {
        /// Where we wanted to publish.
        subject: String,
    },
    /// More bytes than a message may have.
    #[error("{subject}: {num_bytes} bytes are more than a message may have")]
    TooLarge {
        /// Where we wanted to publish.
        subject: String,
        /// Payload bytes.
        num_bytes: usize,
    },
    /// What is stored is not what we store there.
    #[error("{place} holds something else than we write there")]
    Foreign {
        /// The subject or the key.
        place: String,
        /// What the parser said.
        #[source]
        source: async_nats::Error,
    },
}

impl BrokerError {
    pub(crate) fn request(what: &'static str, source: impl Into<async_nats::Error>) -> Self {
        Self::Request {
            what,
            source: source.into(),
        }
    }
}

impl Failure for BrokerError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Config(_) | Self::Unsupported(_) | Self::Different(_) => {
                Verdict::Stop(Stop::Config)
            }
            Self::Unreachable { .. } | Self::Absent { .. } => Verdict::Stop(Stop::Unreachable),
            Self::Refused { .. } => Verdict::Stop(Stop::Refused),
            Self::Request { .. } | Self::Full { .. } | Self::StoreFull { .. } => Verdict::Wait,
            Self::TooLarge { .. } | Self::Foreign { .. } => Verdict::Reject,
        }
    }

    fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Config(_) => "nats_config",
            Self::Unreachable { .. } => "nats_unreachable",
            Self::Refused { .. } => "nats_refused",
            Self::Unsupported(_) => "nats_unsupported",
            Self::Different(_) => "nats_different",
            Self::Absent { .. } => "nats_absent",
            Self::Request { .. } => "nats_unavailable",
            Self::Full { .. } => "stream_full",
            Self::StoreFull { .. } => "store_full",
            Self::TooLarge { .. } => "message_too_large",
            Self::Foreign { .. } => "foreign_content",
        })
    }
}

/// Why a worker ended other than by being asked to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct WorkerError {
    /// What kind of end.
    pub stop: Stop,
    /// The stable code.
    pub code: String,
    /// The error and its causes, in one line.
    pub message: String,
}

impl WorkerError {
    /// The end that a failure with the verdict Stop calls for.
    pub fn of(failure: &impl Failure) -> Self {
        let stop = match failure.verdict() {
            Verdict::Stop(stop) => stop,
            _ => Stop::Unreachable,
        };
        Self {
            stop,
            code: failure.code().into_owned(),
            message: chain(failure),
        }
    }
}

impl From<BrokerError> for WorkerError {
    fn from(error: BrokerError) -> Self {
        Self::of(&error)
    }
}
