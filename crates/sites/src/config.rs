//! Where profiles come from.

use std::path::PathBuf;

use clap::Args;

use crate::{SiteError, Sites};

/// Which site profiles are known.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sites")]
pub struct SitesConfig {
    /// A folder of site profiles (*.toml), on top of those that come with the program.
    #[arg(long, env = "SPEECHMILL_SITES")]
    pub sites: Option<PathBuf>,
}

impl SitesConfig {
    /// Reads the profiles. A folder that can't be used is a matter of configuration.
    pub fn load(&self) -> Result<Sites, SiteError> {
        self.sites
            .as_deref()
            .map_or_else(|| Ok(Sites::builtin()), Sites::load)
    }
}
