//! Site profiles: what is known of a site, as data (TOML), and which of its pages are in scope.
//!
//! In: the built-in profiles and the operator's folder. Out: [`Sites`], asked by host. No page is
//! read here and nothing is fetched.

mod config;
mod error;
mod profile;
mod sites;

pub use config::SitesConfig;
pub use error::SiteError;
pub use profile::{Check, Profile, Selectors};
pub use sites::{Scope, Sites};
