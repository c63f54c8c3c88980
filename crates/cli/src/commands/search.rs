//! `speechmill search`: what readers find.

use std::io::IsTerminal;

use indexer::{IndexError, MeiliConfig, SearchOptions, Searcher};

use crate::exit::{self, End, Usage};
use crate::output;

/// Stand around what was found until it is shown; no text holds them (private use).
const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';

/// Search the speeches.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill search 城市工作
  speechmill search 乡村振兴 --kind 讲话 --year 2024 --limit 5
  speechmill search '\"优化营商环境\"' --filter 'site = www.example.com' --json")]
pub(crate) struct Args {
    /// What to look for; \"in quotes\" as it stands
    query: String,

    /// Hits to show
    #[arg(long, default_value_t = 10)]
    limit: usize,

    /// Hits to pass over
    #[arg(long, default_value_t = 0)]
    offset: usize,

    /// Only this kind: 讲话, 致辞, 党课 …
    #[arg(long)]
    kind: Option<String>,

    /// Only this year
    #[arg(long)]
    year: Option<u16>,

    /// Only this site
    #[arg(long)]
    site: Option<String>,

    /// A filter in Meilisearch's own syntax
    #[arg(long)]
    filter: Option<String>,

    /// Newest first, not best match first
    #[arg(long)]
    newest: bool,

    /// Print Meilisearch's answer as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    meili: MeiliConfig,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    let searcher = Searcher::new(&args.meili)?;
    let options = SearchOptions {
        limit: args.limit,
        offset: args.offset,
        filter: filter(&args),
        sort: if args.newest {
            vec!["date_timestamp:desc".to_owned()]
        } else {
            Vec::new()
        },
        highlight: if args.json {
            ("<em>".to_owned(), "</em>".to_owned())
        } else {
            (BEGIN.to_string(), END.to_string())
        },
        full_text: args.json,
        ..SearchOptions::default()
    };
    let page = match searcher.search(&args.query, &options).await {
        Ok(page) => page,
        Err(IndexError::Refused { code, message }) if code == "invalid_search_filter" => {
            return Err(Usage(format!("--filter: {message}")).into());
        }
        Err(IndexError::Refused { code, .. }) if code == "index_not_found" => {
            let name = &args.meili.index;
            exit::complain(format!(
                "there is no index {name} yet: an indexer sets it up"
            ));
            return Ok(End::Nothing);
        }
        Err(error) => return Err(error.into()),
    };
    if args.json {
        output::json(&page)?;
    } else {
        for hit in &page.hits {
            let date = hit.date.as_deref().unwrap_or("no date");
            let title = marked(&hit.title_highlighted);
            output::line(format!("{title}  [{date}, {}]", hit.kind))?;
            output::line(format!("  {}", hit.url))?;
            output::line(format!("  {}\n", marked(&hit.snippet)))?;
        }
        output::line(format!(
            "{} of about {} in {} ms",
            page.hits.len(),
            page.estimated_total,
            page.took_ms
        ))?;
    }
    Ok(if page.hits.is_empty() {
        End::Nothing
    } else {
        End::Done
    })
}

/// A text from the web for a terminal: no control characters but our own marks.
fn marked(text: &str) -> String {
    let (begin, end) = if std::io::stdout().is_terminal() {
        ("\u{1b}[1;31m", "\u{1b}[0m")
    } else {
        ("【", "】")
    };
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.replace(BEGIN, begin).replace(END, end)
}

/// All conditions hold at once.
fn filter(args: &Args) -> Option<String> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut parts = Vec::new();
    parts.extend(
        args.kind
            .as_deref()
            .map(|kind| format!("kind = {}", quoted(kind))),
    );
    parts.extend(args.year.map(|year| format!("year = {year}")));
    parts.extend(
        args.site
            .as_deref()
            .map(|site| format!("site = {}", quoted(site))),
    );
    parts.extend(args.filter.as_deref().map(|own| format!("({own})")));
    (!parts.is_empty()).then(|| parts.join(" AND "))
}
