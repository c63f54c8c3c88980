//! `speechmill submit`: URLs from arguments or standard input onto `crawl.submit`.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::time::{Duration, Instant};

use anyhow::Context;
use indexer::{MeiliConfig, Searcher};
use messages::{CanonicalUrl, Entry, Interval, Message, Submission, UrlError};
use worker::topology::SUBMIT;
use worker::{Broker, BrokerConfig, Failure, Verdict, parse_duration};

use crate::exit::{self, End, Usage};
use crate::fate::{Fate, Places};
use crate::output;

/// Lines in one message.
const LINES: usize = 500;

/// Between two looks at what is waited for.
const PAUSE: Duration = Duration::from_millis(100);

/// Publish URLs to crawl.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill submit https://www.example.com/speech/1.html
  speechmill submit --wait --every 7d https://www.example.com/list.html
  speechmill submit --sitemap --every 1d https://www.example.com/
  cat urls.txt | speechmill submit -")]
pub(crate) struct Args {
    /// URLs; `-` reads them from standard input, one a line, `#` begins a comment
    #[arg(required_unless_present = "file")]
    urls: Vec<String>,

    /// Read URLs from a file, one a line
    #[arg(long)]
    file: Option<std::path::PathBuf>,

    #[command(flatten)]
    wish: Wish,

    /// Wait until each is searchable, skipped or dead
    #[arg(long)]
    wait: bool,

    /// With --wait: give up after this long
    #[arg(long, default_value = "10m", value_parser = parse_duration)]
    timeout: Duration,

    /// Print JSON, one object a URL
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    broker: BrokerConfig,

    #[command(flatten)]
    meili: MeiliConfig,
}

/// What the URLs are, and how they are to be crawled.
#[derive(clap::Args)]
struct Wish {
    /// They are sitemaps, feeds or robots.txt files, whose pages are crawled; a bare site stands for
    /// its robots.txt, which names its sitemaps
    #[arg(long)]
    sitemap: bool,

    /// Crawl them again at this interval: 30m, 12h, 7d
    #[arg(long)]
    every: Option<Interval>,

    /// Fetch them even if the site says that they have not changed
    #[arg(long)]
    refetch: bool,
}

/// A URL that was accepted, with the receipt of the message that carries it.
type Accepted = Vec<(CanonicalUrl, u64)>;

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    let (urls, bad) = parse(&lines(&args)?, args.wish.sitemap);
    for line in &bad {
        exit::complain(format!("not submitted: {line}"));
    }
    if urls.is_empty() {
        if !bad.is_empty() {
            return Ok(End::Misused);
        }
        let why = "there is no URL: give one as an argument, or one a line on standard input";
        return Err(Usage(why.to_owned()).into());
    }
    // Everything is checked before anything is sent.
    let searcher = Searcher::new(&args.meili)?;
    if args.wait
        && let Err(error) = searcher.num_documents().await
        && matches!(error.verdict(), Verdict::Stop(_))
    {
        return Err(error.into());
    }
    let broker = Broker::connect(&args.broker, "submit").await?;
    // Whoever may only submit may not ask for more than this stream.
    if broker.stream_state(SUBMIT).await?.is_none() {
        broker.create_absent().await?;
    }
    let number = urls.len();
    let mut accepted = Vec::new();
    let published = publish(&broker, &args, urls, &mut accepted).await;
    published.with_context(|| format!("submitted {} of {number} URLs", accepted.len()))?;
    if args.wait {
        let places = Places { broker, searcher };
        return wait(&places, accepted, &args)
            .await
            .map(|end| worst(end, &bad));
    }
    if !args.json {
        output::line(format!(
            "{number} URL{} submitted",
            if number == 1 { "" } else { "s" }
        ))?;
    }
    Ok(worst(End::Done, &bad))
}

/// Bad lines spoil an otherwise good end: a script must notice them.
fn worst(end: End, bad: &[String]) -> End {
    if end == End::Done && !bad.is_empty() {
        End::Nothing
    } else {
        end
    }
}

fn lines(args: &Args) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for url in &args.urls {
        if url == "-" {
            if std::io::stdin().is_terminal() {
                eprintln!("Type URLs, one a line; end with Ctrl-D.");
            }
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes)?;
            texts.extend(of_text(bytes, "standard input")?);
        } else {
            texts.push(url.clone());
        }
    }
    if let Some(path) = &args.file {
        let bytes = std::fs::read(path)
            .map_err(|error| Usage(format!("{} can't be read: {error}", path.display())))?;
        texts.extend(of_text(bytes, &path.display().to_string())?);
    }
    Ok(texts)
}

fn of_text(bytes: Vec<u8>, whose: &str) -> Result<Vec<String>, Usage> {
    let text = String::from_utf8(bytes).map_err(|_| {
        Usage(format!(
            "{whose} is not UTF-8 text: give URLs as UTF-8, one a line"
        ))
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().map(str::trim);
    Ok(lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(ToOwned::to_owned)
        .collect())
}

/// Good URLs, each once, in order; and a line on each bad one.
fn parse(lines: &[String], sitemap: bool) -> (Vec<CanonicalUrl>, Vec<String>) {
    let mut urls: Vec<CanonicalUrl> = Vec::new();
    let mut bad = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for line in lines {
        let parsed = line.parse::<CanonicalUrl>();
        match parsed.and_then(|url| if sitemap { sitemap_of(url) } else { Ok(url) }) {
            Ok(url) => {
                if seen.insert(url.clone()) {
                    urls.push(url);
                }
            }
            Err(error) => bad.push(error.to_string()),
        }
    }
    (urls, bad)
}

/// Where to begin on a site that is given as nothing but its host; other URLs stay.
fn sitemap_of(url: CanonicalUrl) -> Result<CanonicalUrl, UrlError> {
    let is_bare = url.as_url().path() == "/" && url.as_url().query().is_none();
    if is_bare {
        url.join("/robots.txt")
    } else {
        Ok(url)
    }
}

async fn publish(
    broker: &Broker,
    args: &Args,
    urls: Vec<CanonicalUrl>,
    accepted: &mut Accepted,
) -> anyhow::Result<()> {
    let is_plain = args.wish.every.is_none() && !args.wish.refetch;
    for chunk in urls.chunks(if is_plain { LINES } else { 1 }) {
        let entries = chunk.iter().map(|url| Entry {
            every: args.wish.every.map(|every| every.to_string()),
            refetch: args.wish.refetch,
            ..Entry::of(url.as_str())
        });
        let submission = Submission {
            entries: entries.collect(),
        };
        let receipt = broker.submit(&submission.encode()).await?;
        for url in chunk {
            if args.json && !args.wait {
                let url_id = messages::UrlId::of(url);
                output::json(
                    &serde_json::json!({"url": url, "url_id": url_id, "receipt": receipt}),
                )?;
            }
            accepted.push((url.clone(), receipt));
        }
    }
    Ok(())
}

async fn wait(places: &Places, accepted: Accepted, args: &Args) -> anyhow::Result<End> {
    let until = Instant::now() + args.timeout;
    let mut open: BTreeMap<CanonicalUrl, u64> = accepted.into_iter().collect();
    let mut is_good = true;
    while !open.is_empty() {
        for (url, receipt) in open.clone() {
            let is_late = Instant::now() >= until;
            let fate = match places.fate(url.as_str(), Some(receipt)).await {
                // A broker that is away for a moment comes back.
                Err(error) if error.verdict() == Verdict::Wait && !is_late => continue,
                fate => fate?,
            };
            if fate.state.is_final() || is_late {
                is_good &= fate.state.is_good();
                print(&fate, args.json)?;
                open.remove(&url);
            }
        }
        if !open.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(if is_good { End::Done } else { End::Nothing })
}

fn print(fate: &Fate, json: bool) -> std::io::Result<()> {
    if json {
        output::json(fate)
    } else {
        output::line(fate)
    }
}
