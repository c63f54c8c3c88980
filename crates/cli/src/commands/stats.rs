//! `speechmill stats`: what is in the index. Where work stands is told by `status`.

use indexer::{MeiliConfig, Searcher};

use crate::commands::search;
use crate::exit::End;
use crate::output;

/// What is printed, in this order; JSON holds more.
const SHOWN: [(&str, &str); 5] = [
    ("kind", "KIND"),
    ("year", "YEAR"),
    ("site", "SITE"),
    ("completeness.state", "COMPLETENESS"),
    ("flags", "FLAG"),
];

/// Tell what is in the index: kinds, years, sites, and what is not whole.
#[derive(clap::Args)]
#[command(
    after_help = "A search-only key is enough; the sizes are shown to a key that may ask for them. Examples:
  speechmill stats
  speechmill stats --json | jq '.facets.year'"
)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    meili: MeiliConfig,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    let stats = match Searcher::new(&args.meili)?.stats().await {
        Err(error) => return search::without_index(error, &args.meili.index),
        Ok(stats) => stats,
    };
    if args.json {
        output::json(&stats)?;
        return Ok(End::Done);
    }
    let partial = stats.facets.get("partial").and_then(|is| is.get("true"));
    output::line(format!(
        "index {}: {} documents, {} of them partial",
        args.meili.index,
        stats.num_documents,
        partial.unwrap_or(&0)
    ))?;
    if let Some(sizes) = stats.sizes {
        output::line(format!(
            "{} of documents; Meilisearch's whole database has {}",
            output::bytes(sizes.documents_bytes),
            output::bytes(sizes.database_bytes)
        ))?;
    }
    search::print_facets(&stats.facets, &SHOWN, "DOCUMENTS")?;
    Ok(End::Done)
}
