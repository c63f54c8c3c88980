//! Page to speech: a page's bytes go in, the cleaned speech and the links in scope come out.
//!
//! The way of a page is in `extract.rs`; the other files stand for its stations. Apart from the stage,
//! nothing here knows a clock or a network, and nothing panics, whatever the bytes.

mod arbitration;
mod article;
mod blocks;
mod body;
mod collections;
mod completeness;
mod config;
mod dates;
mod directives;
mod discovery;
mod dom;
mod error;
mod explain;
mod extract;
mod fingerprints;
mod flags;
mod generic;
mod header;
mod kind;
mod links;
mod memory;
mod noise;
mod normalise;
mod page;
mod placeholders;
mod profile;
mod record;
mod script;
mod second_opinion;
mod skip;
mod speaker;
mod stage;
mod structure;
mod title;
mod walls;
mod webmeta;

pub use config::ExtractorConfig;
pub use dates::read as read_date;
pub use error::ExtractError;
pub use explain::{Explanation, Fate, FirstOpinion, SecondOpinion, explain};
pub use extract::{MAX_BYTES, REVISION, extract};
pub use memory::{HostMemory, MAX_LEARNED, Traits};
pub use page::{Extraction, PageView, PartView, Skip};
pub use stage::{Extractor, ExtractorAgain, stages};
