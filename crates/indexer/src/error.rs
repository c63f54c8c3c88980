//! How indexing and searching fail, and what is to be done about it.
//!
//! In: what Meilisearch or the broker said. Out: a verdict and a stable code. Keys never get in here.

use std::borrow::Cow;
use std::sync::Arc;

use messages::DecodeError;
use serde::Deserialize;
use worker::{BrokerError, Failure, Stop, Verdict};

/// Codes by which Meilisearch says that it has no room; a full task queue answers with the code of
/// a full disk.
const NO_ROOM: [&str; 4] = [
    "no_space_left_on_device",
    "database_size_limit_reached",
    "too_many_open_files",
    "io_error",
];

/// Codes that are about the documents of a request and not about the request.
const ABOUT_DOCUMENTS: [&str; 4] = [
    "payload_too_large",
    "malformed_payload",
    "bad_request",
    "missing_payload",
];

/// Longest message of Meilisearch that we repeat, in characters: some hold the document.
const MAX_MESSAGE_CHARS: usize = 400;

/// A failure between us and Meilisearch. Cheap to clone: one failed batch is many verdicts.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IndexError {
    /// The configuration can't be right.
    #[error("{0}")]
    Config(String),
    /// A message is none of ours.
    #[error("not a speech change")]
    Undecodable(#[source] Arc<DecodeError>),
    /// No answer: refused, timed out, cut off.
    #[error("Meilisearch at {url} does not answer")]
    Unreachable {
        /// Where we looked.
        url: String,
        /// What the client said.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// An answer that says: not now.
    #[error("Meilisearch at {url} answers {status}: {message}")]
    Unavailable {
        /// Where we looked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The disk or the task queue is full.
    #[error("Meilisearch has no room: {message}")]
    NoRoom {
        /// What it said.
        message: String,
    },
    /// The key is missing, wrong, or may not do this.
    #[error("Meilisearch at {url} refuses our key ({message}): check SPEECHMILL_MEILI_KEY")]
    KeyRefused {
        /// Where we looked.
        url: String,
        /// What it said.
        message: String,
    },
    /// The key that is to make keys is missing, wrong, or may not.
    #[error("Meilisearch at {url} refuses the master key ({message}): check MEILI_MASTER_KEY")]
    MasterKeyRefused {
        /// Where we looked.
        url: String,
        /// What it said.
        message: String,
    },
    /// The request is refused.
    #[error("Meilisearch refuses the request: {message}")]
    Refused {
        /// Meilisearch's code.
        code: String,
        /// What it said.
        message: String,
    },
    /// What answers does not talk like Meilisearch.
    #[error(
        "{url} answers {status}, but not as Meilisearch does: is SPEECHMILL_MEILI_URL right, and is Meilisearch up?"
    )]
    Foreign {
        /// Where we looked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A task over documents has failed because of a document.
    #[error("Meilisearch refuses the document: {message}")]
    Document {
        /// Meilisearch's code.
        code: String,
        /// What it said.
        message: String,
    },
    /// A task has failed inside Meilisearch.
    #[error("Meilisearch failed at its task: {message}")]
    Internal {
        /// Meilisearch's code.
        code: String,
        /// What it said.
        message: String,
    },
    /// Somebody canceled the task.
    #[error("task {uid} of Meilisearch was canceled")]
    TaskCanceled {
        /// Its number.
        uid: u32,
    },
    /// Meilisearch knows nothing of a task it has accepted.
    #[error("Meilisearch has no task {uid} any more: was its database replaced?")]
    TaskLost {
        /// Its number.
        uid: u32,
    },
    /// The settings are refused.
    #[error("Meilisearch refuses the settings of the index: {message}")]
    Settings {
        /// Meilisearch's code.
        code: String,
        /// What it said.
        message: String,
    },
    /// A reindex puts its second index in the place of the first, in this process or another.
    #[error("a reindex is about to switch to its new index")]
    Switching,
    /// The broker failed us.
    #[error(transparent)]
    Broker(Arc<BrokerError>),
}

/// How Meilisearch words a failure.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Complaint {
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) code: String,
    #[serde(default, rename = "type")]
    pub(crate) class: String,
}

impl IndexError {
    /// What an answer other than 2xx means.
    pub(crate) fn of_answer(url: &str, status: u16, body: &[u8]) -> Self {
        let url = url.to_owned();
        let complaint = serde_json::from_slice::<Complaint>(body).ok();
        let message = complaint.as_ref().map_or_else(
            || "no reason given".to_owned(),
            |said| shorten(&said.message),
        );
        match (status, complaint) {
            (401 | 403, _) => Self::KeyRefused { url, message },
            (_, Some(said)) if NO_ROOM.contains(&said.code.as_str()) => Self::NoRoom { message },
            (408 | 429 | 500.., _) => Self::Unavailable {
                url,
                status,
                message,
            },
            (_, Some(said)) => Self::Refused {
                code: said.code,
                message,
            },
            // A proxy that refuses a large body says so in its own words.
            (413, None) => Self::Refused {
                code: "payload_too_large".to_owned(),
                message: "the payload is too large".to_owned(),
            },
            (_, None) => Self::Foreign { url, status },
        }
    }

    /// What a failed task over documents means.
    pub(crate) fn of_task(said: Option<&Complaint>) -> Self {
        let Some(said) = said else {
            return Self::Internal {
                code: "internal".to_owned(),
                message: "no reason given".to_owned(),
            };
        };
        let (code, message) = (said.code.clone(), shorten(&said.message));
        match said.class.as_str() {
            _ if NO_ROOM.contains(&code.as_str()) => Self::NoRoom { message },
            _ if code.starts_with("index_primary_key") => Self::Config(format!(
                "the index has another primary key than id: give SPEECHMILL_INDEX another name ({message})"
            )),
            "invalid_request" => Self::Document { code, message },
            "system" => Self::NoRoom { message },
            _ => Self::Internal { code, message },
        }
    }

    /// Whether smaller batches can tell whose fault it is.
    pub(crate) fn is_about_documents(&self) -> bool {
        match self {
            Self::Document { .. } | Self::Internal { .. } => true,
            Self::Refused { code, .. } => ABOUT_DOCUMENTS.contains(&code.as_str()),
            _ => false,
        }
    }
}

impl Failure for IndexError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::KeyRefused { .. } | Self::MasterKeyRefused { .. } => Verdict::Stop(Stop::Refused),
            Self::Unreachable { .. }
            | Self::Unavailable { .. }
            | Self::Foreign { .. }
            | Self::NoRoom { .. }
            | Self::TaskCanceled { .. }
            | Self::TaskLost { .. }
            | Self::Switching => Verdict::Wait,
            // Whatever ends Meilisearch's own work may pass: but not for ever.
            Self::Internal { .. } => Verdict::Retry { after: None },
            Self::Undecodable(_) => Verdict::Reject,
            _ if self.is_about_documents() => Verdict::Reject,
            Self::Config(_)
            | Self::Settings { .. }
            | Self::Refused { .. }
            | Self::Document { .. } => Verdict::Stop(Stop::Config),
            Self::Broker(error) => error.verdict(),
        }
    }

    fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Config(_) => "meilisearch_config",
            Self::Undecodable(_) => "undecodable",
            Self::Unreachable { .. } | Self::Unavailable { .. } => "meilisearch_unavailable",
            Self::NoRoom { .. } => "meilisearch_full",
            Self::KeyRefused { .. } | Self::MasterKeyRefused { .. } => "meilisearch_key_refused",
            Self::Foreign { .. } => "meilisearch_foreign",
            Self::TaskCanceled { .. } => "task_canceled",
            Self::TaskLost { .. } => "task_lost",
            Self::Settings { .. } => "meilisearch_settings",
            Self::Switching => "reindex_switching",
            Self::Refused { code, .. }
            | Self::Document { code, .. }
            | Self::Internal { code, .. } => return Cow::Owned(code.clone()),
            Self::Broker(error) => return error.code(),
        })
    }
}

impl From<DecodeError> for IndexError {
    fn from(error: DecodeError) -> Self {
        Self::Undecodable(Arc::new(error))
    }
}

impl From<BrokerError> for IndexError {
    fn from(error: BrokerError) -> Self {
        Self::Broker(Arc::new(error))
    }
}

/// Meilisearch's SDK speaks through our own client, whose errors come back out of it untouched.
impl From<meilisearch_sdk::errors::Error> for IndexError {
    fn from(error: meilisearch_sdk::errors::Error) -> Self {
        let said = error.to_string();
        let meilisearch_sdk::errors::Error::Other(inner) = error else {
            return Self::Config(format!("the request can't be made: {said}"));
        };
        match inner.downcast::<Self>() {
            Ok(ours) => *ours,
            Err(_) => Self::Config(format!("the request can't be made: {said}")),
        }
    }
}

fn shorten(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
