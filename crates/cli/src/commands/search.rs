//! `speechmill search`: what readers find.

mod conditions;

use std::io::IsTerminal;

use indexer::{Facets, IndexError, MeiliConfig, SearchOptions, Searcher};

use crate::exit::{self, End, Usage};
use crate::output;
use conditions::Conditions;

/// Stand around what was found until it is shown; no text holds them (private use).
const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';

/// What hits are counted by.
const FACETS: [(&str, &str); 4] = [
    ("kind", "KIND"),
    ("year", "YEAR"),
    ("site", "SITE"),
    ("speaker", "SPEAKER"),
];

/// Rows of a facet that are printed.
const MAX_ROWS: usize = 20;

/// Search the speeches.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill search 城市工作
  speechmill search 乡村振兴 --kind 讲话 --kind 党课 --year 2020..2024 --limit 5
  speechmill search 营商环境 --from 2023-03-01 --whole --sort date
  speechmill search '' --site www.example.com --sort views --facets
  speechmill search '\"优化营商环境\"' --filter 'num_chars > 3000 AND script = hans' --json")]
pub(crate) struct Args {
    /// What to look for; "in quotes" as it stands; '' for everything
    query: String,

    /// Hits to show
    #[arg(long, default_value_t = 10)]
    limit: usize,

    /// Hits to pass over
    #[arg(long, default_value_t = 0)]
    offset: usize,

    /// What comes first; what has no date or no views comes last
    #[arg(long, value_enum, default_value_t = Sort::Relevance)]
    sort: Sort,

    /// Count all hits by kind, year, site and speaker too
    #[arg(long)]
    facets: bool,

    /// Show all copies of a speech, not only the fullest one
    #[arg(long)]
    all_versions: bool,

    /// Print Meilisearch's answer as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    conditions: Conditions,

    #[command(flatten)]
    meili: MeiliConfig,
}

/// What comes first.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Sort {
    /// The best match, and of equal ones the newest
    Relevance,
    /// The newest
    Date,
    /// The most viewed
    Views,
}

impl Sort {
    fn rules(self) -> Vec<String> {
        match self {
            Self::Relevance => Vec::new(),
            Self::Date => vec!["date_timestamp:desc".to_owned()],
            Self::Views => vec!["views:desc".to_owned()],
        }
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    if let Some(why) = args.conditions.contradiction() {
        return Err(Usage(why).into());
    }
    let searcher = Searcher::new(&args.meili)?;
    let page = match searcher.search(&args.query, &options(&args)).await {
        Ok(page) => page,
        Err(IndexError::Refused { code, message }) if code == "invalid_search_filter" => {
            return Err(Usage(format!("--filter: {message}")).into());
        }
        Err(error) => return without_index(error, &args.meili.index),
    };
    if args.json {
        output::json(&page)?;
    } else {
        for hit in &page.hits {
            let date = hit.date.as_deref().unwrap_or("no date");
            let title = marked(&hit.title_highlighted);
            output::line(format!("{title}  [{date}, {}]", hit.kind))?;
            output::line(format!("  {}", hit.url))?;
            if let Some(section) = &hit.section {
                output::line(format!("  § {}", marked(section)))?;
            }
            output::line(format!("  {}\n", marked(&hit.snippet)))?;
        }
        output::line(format!(
            "{} of about {} in {} ms",
            page.hits.len(),
            page.estimated_total,
            page.took_ms
        ))?;
        if let Some(facets) = &page.facets {
            print_facets(facets, &FACETS, "HITS")?;
        }
    }
    // Without hits to show, counting was what was asked for.
    let is_found = !page.hits.is_empty() || (args.limit == 0 && page.estimated_total > 0);
    Ok(if is_found { End::Done } else { End::Nothing })
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

fn options(args: &Args) -> SearchOptions {
    let facets = FACETS.iter().filter(|_| args.facets);
    SearchOptions {
        limit: args.limit,
        offset: args.offset,
        filter: args.conditions.filter(),
        sort: args.sort.rules(),
        facets: facets.map(|(field, _)| *field).collect(),
        highlight: if args.json {
            ("<em>".to_owned(), "</em>".to_owned())
        } else {
            (BEGIN.to_string(), END.to_string())
        },
        all_versions: args.all_versions,
        full_text: args.json,
        ..SearchOptions::default()
    }
}

/// An index that is not there yet is no failure of anything: there is nothing in it.
pub(crate) fn without_index(error: IndexError, name: &str) -> anyhow::Result<End> {
    match error {
        IndexError::Refused { code, .. } if code == "index_not_found" => {
            exit::complain(format!(
                "there is no index {name} yet: an indexer sets it up"
            ));
            Ok(End::Nothing)
        }
        error => Err(error.into()),
    }
}

/// A table for each of these fields: numbers from the greatest, other values from the most frequent.
pub(crate) fn print_facets(
    facets: &Facets,
    fields: &[(&str, &str)],
    counted: &str,
) -> std::io::Result<()> {
    for (field, heading) in fields {
        let mut rows: Vec<(&String, usize)> = facets
            .get(*field)
            .into_iter()
            .flatten()
            .map(|(value, number)| (value, *number))
            .collect();
        if rows.is_empty() {
            continue;
        }
        rows.sort_by_key(|(value, number)| (value.parse::<i64>().ok(), *number));
        rows.reverse();
        let shown: Vec<[String; 2]> = rows
            .iter()
            .take(MAX_ROWS)
            .map(|(value, number)| [marked(value), number.to_string()])
            .collect();
        output::line("")?;
        output::table([heading, counted], &shown)?;
        if rows.len() > MAX_ROWS {
            output::line(format!("and more: {} in --json", rows.len() - MAX_ROWS))?;
        }
    }
    Ok(())
}
