//! What every message can do: name its subject, and go to and from bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::CanonicalUrl;

/// A payload that is not the message its subject promises.
///
/// Verdict: Reject, code `undecodable`.
#[derive(Debug, thiserror::Error)]
#[error("the payload is not a {expected}")]
pub struct DecodeError {
    /// The message type that was expected.
    pub expected: &'static str,
    /// What the parser said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A message of the contract, JSON unless a type says otherwise.
pub trait Message: Sized + Send + Sync + 'static {
    /// The message's name in errors and logs.
    const NAME: &'static str;

    /// The subject it is published to.
    fn subject(&self) -> String;

    /// The id by which a dead letter of it is filed, and which logs carry.
    fn id(&self) -> String;

    /// The URL it is about, where it is about one.
    fn url(&self) -> Option<&CanonicalUrl>;

    /// Failed attempts that the message itself remembers (crawl requests do).
    fn attempt(&self) -> u32 {
        0
    }

    /// The payload.
    fn encode(&self) -> Vec<u8>;

    /// Reads a payload back. `subject` is where it was found: some messages keep their id there.
    fn decode(subject: &str, payload: &[u8]) -> Result<Self, DecodeError>;
}

/// JSON of a message whose serialisation can't fail.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("messages hold only what JSON can say")
}

/// A message from its JSON.
pub(crate) fn from_json<T: DeserializeOwned>(
    expected: &'static str,
    payload: &[u8],
) -> Result<T, DecodeError> {
    // UTF-8 is looked at as a whole, which is faster; where it is none, the parser says in which place.
    let read = match simdutf8::basic::from_utf8(payload) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(payload),
    };
    read.map_err(|source| DecodeError {
        expected,
        source: source.into(),
    })
}
