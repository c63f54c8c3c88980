//! Site profiles: what is known of a site, as data (TOML), and which of its pages are in scope; and
//! what the crawler and the extractor must agree on about any site: how its bytes become text, and
//! which pages are parts of one article.
//!
//! In: the built-in profiles and the operator's folder. Out: [`Sites`], asked by host. Nothing is
//! fetched here.

mod attributes;
pub mod charset;
mod config;
mod error;
mod lists;
mod outline;
mod parts;
mod profile;
mod scope;
mod sites;

pub use attributes::bound_attributes;
pub use config::SitesConfig;
pub use error::SiteError;
pub use lists::next_page_of_list;
pub use parts::{Part, Parts};
pub use profile::{Check, Profile, Selectors};
pub use scope::Scope;
pub use sites::Sites;
