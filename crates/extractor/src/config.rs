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
}

impl ExtractorConfig {
    /// Pages extracted at once.
    pub fn concurrency(&self) -> usize {
        self.extract_concurrency
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
    }
}
