//! `speechmill extract`: saved pages into speeches, without any server; `--jsonl` for many pages.

mod jsonl;
mod learning;

use std::io::{self, Read};
use std::path::PathBuf;

use extractor::{ExtractError, Extraction, HostMemory, PageView, extract};
use messages::CanonicalUrl;
use serde_json::{Value, json};
use sites::{Sites, SitesConfig};

use crate::commands::explain;
use crate::exit::{End, Usage};
use crate::output;

/// Turn saved pages into speeches, without any server.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill extract page.html --url https://www.example.com/speech/1.html
  speechmill extract --jsonl < pages.jsonl > speeches.jsonl

A line of pages.jsonl is {\"url\", \"html\" or \"html_base64\", \"content_type\"?}; the answers come in the
same order: {\"url\", \"speech\", \"links\"}, {\"url\", \"skip\", \"links\"} or {\"url\", \"error\"}. A page with
several speeches has them in \"speeches\", and its text as one in \"speech\".

With --learn all pages are read before the first is answered, and what the pages of a host have in
common is left out of their speeches.")]
#[expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
pub(crate) struct Args {
    /// A saved page; `-` reads it from standard input
    #[arg(required_unless_present = "jsonl")]
    file: Option<PathBuf>,

    /// The address that the page was fetched from
    #[arg(long, required_unless_present = "jsonl")]
    url: Option<String>,

    /// The Content-Type that it was served with
    #[arg(long)]
    content_type: Option<String>,

    /// Read pages from standard input, one JSON object a line
    #[arg(long, conflicts_with_all = ["file", "url", "content_type"])]
    jsonl: bool,

    /// Learn from all pages first what is the site's own, as the extractor does over time
    #[arg(long, requires = "jsonl")]
    learn: bool,

    /// Show block by block what was kept or dropped, and why
    #[arg(long, conflicts_with = "jsonl")]
    explain: bool,

    /// Print JSON on one line instead of indented
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    sites: SitesConfig,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<End> {
    let sites = args.sites.load()?;
    if args.jsonl {
        return if args.learn {
            learning::run(&sites)
        } else {
            jsonl::run(&sites)
        };
    }
    let (Some(file), Some(url)) = (&args.file, &args.url) else {
        return Err(Usage("give a file and the --url that it was fetched from".to_owned()).into());
    };
    // Not parsed by clap, which would repeat it with whatever password it holds.
    let url: CanonicalUrl = url
        .parse()
        .map_err(|error| Usage(format!("--url: {error}")))?;
    let mut body = Vec::new();
    if file.as_os_str() == "-" {
        io::stdin().read_to_end(&mut body)?;
    } else {
        body = std::fs::read(file)
            .map_err(|error| Usage(format!("{} can't be read: {error}", file.display())))?;
    }
    let page = page_view(&url, args.content_type.as_deref(), &body);
    if args.explain {
        return explain::run(&page, &sites, args.json);
    }
    let answer = answer(&page, &sites, &HostMemory::empty());
    if args.json {
        output::json(&answer)?;
    } else {
        output::line(format!("{answer:#}"))?;
    }
    Ok(if answer["speech"].is_null() {
        End::Nothing
    } else {
        End::Done
    })
}

fn page_view<'a>(
    url: &'a CanonicalUrl,
    content_type: Option<&'a str>,
    body: &'a [u8],
) -> PageView<'a> {
    PageView {
        url,
        final_url: url,
        content_type,
        robots_tags: &[],
        agent: "speechmill",
        body,
        parts: &[],
        lost_part: None,
    }
}

fn answer(page: &PageView<'_>, sites: &Sites, memory: &HostMemory) -> Value {
    of_extraction(page.url.as_str(), extract(page, sites, memory))
}

fn of_extraction(url: &str, extraction: Result<Extraction, ExtractError>) -> Value {
    let extraction = match extraction {
        Ok(extraction) => extraction,
        Err(error) => return failed(url, error.code(), &worker::chain(&error)),
    };
    let links = extraction.links;
    if let Some(skip) = extraction.skip {
        return json!({"url": url, "skip": skip.code(), "links": links});
    }
    let mut speeches = extraction.speeches;
    match speeches.len() {
        0 | 1 => json!({"url": url, "speech": speeches.pop(), "links": links}),
        _ => {
            json!({"url": url, "speech": extraction.whole, "speeches": speeches, "links": links})
        }
    }
}

fn failed(url: &str, code: &str, message: &str) -> Value {
    json!({"url": url, "error": {"code": code, "message": message}})
}
