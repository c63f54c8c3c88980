//! URL → page: what may be crawled, when, and what came of it.
//!
//! [`Admission`] turns submissions and found links into crawl requests ([`AdmitSubmitted`],
//! [`AdmitFound`]); [`Crawler`] turns a crawl request into a page. [`Guard`] keeps both away from
//! addresses that are not public, a clock for each host, shared by all crawlers,
//! keeps it from being asked too often.

mod admission;
mod clock;
mod config;
mod error;
mod fetch;
mod guard;
mod metrics;
mod overdue;
mod proxy;
mod resolver;
mod retry_after;
mod robots;
mod sessions;
mod stage;
mod standing;

pub use admission::{Admission, AdmitFound, AdmitSubmitted};
pub use config::{CaFile, CrawlerConfig};
pub use error::{AdmissionError, CrawlError, FetchError, LineError, SetupError};
pub use guard::{AllowedAddress, Guard, NotPublic};
pub use overdue::{keep_recrawled, request_overdue};
pub use proxy::ProxyUrl;
pub use resolver::Unresolved;
pub use robots::Robots;
pub use sessions::{Sessions, SessionsError};
pub use stage::Crawler;
