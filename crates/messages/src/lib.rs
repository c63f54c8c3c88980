//! The contract between the roles: every message that travels over NATS, with its subject and its ids.
//!
//! In the order data flows: [`Submission`] and [`FoundLink`] → [`CrawlRequest`] → [`Page`] →
//! [`SpeechChange`]; what can never work becomes a [`DeadLetter`]. No I/O happens here, and nothing
//! here knows a broker.

mod block_record;
mod canonical_url;
mod crawl_request;
mod dead_letter;
mod derived;
mod found_link;
mod host;
mod host_records;
mod ids;
mod memory_record;
mod message;
mod page;
mod page_again;
mod profile_record;
mod records;
mod robots_record;
mod speech;
mod speech_change;
mod submission;
pub mod timestamp;
mod vanished;

pub use block_record::{BlockRecord, Blocked};
pub use canonical_url::{CanonicalUrl, UrlError};
pub use crawl_request::{CrawlRequest, Why};
pub use dead_letter::{
    DeadLetter, DeadLetterHeaders, HeaderError, MAX_HEADER_BYTES, REPLAYS_HEADER,
};
pub use derived::Derived;
pub use found_link::FoundLink;
pub use host::Host;
pub use host_records::{ClockRecord, ControlRecord, DelayFrom};
pub use ids::{ContentHash, IdError, SpeechId, UrlId, id_of_bytes};
pub use memory_record::{AgainRecord, Hashes, HashesError, MemoryRecord};
pub use message::{DecodeError, Message};
pub use page::{Body, BodyError, Gone, PRODUCT_TOKEN, Page, PagePart, Response};
pub use page_again::PageAgain;
pub use profile_record::ProfileRecord;
pub use records::{AdmissionRecord, AdmissionState, CrawlRecord, ExtractRecord};
pub use robots_record::RobotsRecord;
pub use speech::{
    Completeness, CompletenessState, DateFrom, Fingerprints, Kind, Method, Placeholders, Removed,
    Script, Section, Speech,
};
pub use speech_change::{SpeechChange, Upsert, Version, Withdrawal};
pub use submission::{Entry, Interval, Submission, SubmissionError};
pub use vanished::{ReleaseRecord, VanishedRecord};
