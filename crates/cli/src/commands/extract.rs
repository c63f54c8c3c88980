//! `speechmill extract`: saved pages into speeches, without any server; `--jsonl` for many pages.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};

use extractor::{ExtractError, Extraction, HostMemory, PageView, extract};
use messages::CanonicalUrl;
use serde::Deserialize;
use serde_json::{Value, json};
use sites::{Sites, SitesConfig};

use crate::exit::{End, Usage};
use crate::output;

/// Lines worked on at once; the answers of all of them are kept until they can be written in order.
const BATCH_LINES: usize = 512;

/// Bytes of lines worked on at once.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Lines read ahead of the work.
const LINES_AHEAD: usize = 64;

/// Turn saved pages into speeches, without any server.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill extract page.html --url https://www.example.com/speech/1.html
  speechmill extract --jsonl < pages.jsonl > speeches.jsonl

A line of pages.jsonl is {\"url\", \"html\" or \"html_base64\", \"content_type\"?}; the answers come in the
same order: {\"url\", \"speech\", \"links\"}, {\"url\", \"skip\", \"links\"} or {\"url\", \"error\"}.")]
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

    /// Print JSON on one line instead of indented
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    sites: SitesConfig,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<End> {
    let sites = args.sites.load()?;
    if args.jsonl {
        return jsonl(&sites);
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
    let answer = answer(&url, args.content_type.as_deref(), &body, &sites);
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

fn answer(url: &CanonicalUrl, content_type: Option<&str>, body: &[u8], sites: &Sites) -> Value {
    let page = PageView {
        url,
        final_url: url,
        content_type,
        robots_tags: &[],
        agent: "speechmill",
        body,
        parts: &[],
        lost_part: None,
    };
    of_extraction(url.as_str(), extract(&page, sites, &HostMemory::empty()))
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
        _ => json!({"url": url, "speech": &speeches[0], "speeches": speeches, "links": links}),
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD
        .decode(text.trim())
        .ok()
}

fn failed(url: &str, code: &str, message: &str) -> Value {
    json!({"url": url, "error": {"code": code, "message": message}})
}

#[derive(Deserialize)]
struct Line {
    url: String,
    html: Option<String>,
    html_base64: Option<String>,
    content_type: Option<String>,
}

fn jsonl(sites: &Sites) -> anyhow::Result<End> {
    let (sender, lines) = mpsc::sync_channel(LINES_AHEAD);
    // It ends with the process: nothing can wake a thread that waits for standard input.
    std::thread::spawn(move || read_lines(&sender));
    let mut out = BufWriter::new(io::stdout().lock());
    let mut num_pages = 0;
    while let Some(batch) = next_batch(&lines)? {
        num_pages += batch.len();
        for text in work(&batch, sites) {
            out.write_all(text.as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.flush()?;
    }
    if num_pages == 0 {
        return Err(
            Usage("standard input holds no page: give one JSON object a line".to_owned()).into(),
        );
    }
    Ok(End::Done)
}

fn read_lines(lines: &SyncSender<io::Result<Vec<u8>>>) {
    let mut input = BufReader::with_capacity(1024 * 1024, io::stdin().lock());
    loop {
        let mut line = Vec::new();
        let read = match input.read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) if line.trim_ascii().is_empty() => continue,
            Ok(_) => Ok(line),
            Err(error) => Err(error),
        };
        let is_over = read.is_err();
        if lines.send(read).is_err() || is_over {
            return;
        }
    }
}

/// The lines that are there, one at least: whoever sends a line and waits for its answer gets it.
fn next_batch(lines: &Receiver<io::Result<Vec<u8>>>) -> io::Result<Option<Vec<Vec<u8>>>> {
    let Ok(first) = lines.recv() else {
        return Ok(None);
    };
    let first = first?;
    let mut num_bytes = first.len();
    let mut batch = vec![first];
    while batch.len() < BATCH_LINES && num_bytes < BATCH_BYTES {
        let Ok(line) = lines.try_recv() else { break };
        let line = line?;
        num_bytes += line.len();
        batch.push(line);
    }
    Ok(Some(batch))
}

/// Works on a batch with all cores; the answers come in the batch's order.
fn work(batch: &[Vec<u8>], sites: &Sites) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<String>> = batch.iter().map(|_| Mutex::default()).collect();
    let num_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..num_threads.min(batch.len()) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(line) = batch.get(number) else { break };
                    let answer = answer_surely(line, sites).to_string();
                    *answers[number]
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = answer;
                }
            });
        }
    });
    answers
        .into_iter()
        .map(|answer| answer.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

/// No line is left without an answer.
fn answer_surely(line: &[u8], sites: &Sites) -> Value {
    catch_unwind(AssertUnwindSafe(|| answer_line(line, sites))).unwrap_or_else(|_| {
        let url = serde_json::from_slice::<Line>(line).map_or_else(|_| String::new(), |l| l.url);
        failed(&url, "panic", "the extraction panicked")
    })
}

fn answer_line(line: &[u8], sites: &Sites) -> Value {
    let line: Line = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => return failed("", "undecodable", &format!("not a page: {error}")),
    };
    let url: CanonicalUrl = match line.url.parse() {
        Ok(url) => url,
        Err(error) => {
            return failed(
                &line.url,
                messages::UrlError::code(&error),
                &error.to_string(),
            );
        }
    };
    // Text that came as JSON has been decoded already, whatever the page says of itself.
    let decoded = || Some("text/html; charset=utf-8".to_owned());
    let (body, content_type) = match (line.html, line.html_base64) {
        (Some(html), None) => (html.into_bytes(), decoded()),
        (None, Some(text)) => match base64(&text) {
            Some(body) => (body, line.content_type),
            None => return failed(&line.url, "undecodable", "html_base64 is not base64"),
        },
        _ => return failed(&line.url, "undecodable", "give html or html_base64"),
    };
    let mut answer = answer(&url, content_type.as_deref(), &body, sites);
    // Lines are matched by the address as it was given.
    answer["url"] = Value::String(line.url);
    answer
}
