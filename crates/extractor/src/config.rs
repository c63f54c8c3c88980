//! Configuration of the role `extractor`.

use std::num::NonZeroUsize;

use clap::Args;

/// How pages are extracted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Extractor")]
pub struct ExtractorConfig {
    /// Pages extracted at once; if absent, one for each core.
    #[arg(long, env = "SPEECHMILL_EXTRACT_CONCURRENCY")]
    pub extract_concurrency: Option<NonZeroUsize>,

    /// Pages of one host that may vanish within an hour; when more do, their speeches stay until
    /// `speechmill host release`.
    #[arg(long, env = "SPEECHMILL_MAX_VANISHED", default_value_t = 20)]
    pub max_vanished: u64,

    /// As many may vanish in any case, in hundredths of the host's pages; 100 withdraws always.
    #[arg(long, env = "SPEECHMILL_MAX_VANISHED_SHARE", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=100))]
    pub max_vanished_share: u64,
}

impl ExtractorConfig {
    /// Pages extracted at once.
    pub fn concurrency(&self) -> usize {
        self.extract_concurrency
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
    }
}
