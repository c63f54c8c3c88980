//! URL → page: what may be crawled, when, and what came of it.
//!
//! [`Admission`] turns submissions and found links into crawl requests ([`AdmitSubmitted`],
//! [`AdmitFound`]); [`Crawler`] turns a crawl request into a page. [`Guard`] keeps both away from
//! addresses that are not public, `Pace` keeps hosts from being asked too often.

mod admission;
mod config;
mod error;
mod fetch;
mod guard;
mod metrics;
mod pace;
mod resolver;
mod retry_after;
mod stage;

pub use admission::{Admission, AdmitFound, AdmitSubmitted};
pub use config::CrawlerConfig;
pub use error::{AdmissionError, CrawlError, FetchError, LineError, SetupError};
pub use guard::{AllowedAddress, Guard, NotPublic};
pub use stage::Crawler;
