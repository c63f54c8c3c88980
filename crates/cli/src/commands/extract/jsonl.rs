//! Many pages: one JSON object a line in, one answer a line out, in the same order, on all cores.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use extractor::{HostMemory, PageView};
use messages::{CanonicalUrl, Host};
use serde::Deserialize;
use serde_json::Value;
use sites::Sites;

use super::{answer, failed, page_view};
use crate::exit::{End, Usage};

/// Lines worked on at once; the answers of all of them are kept until they can be written in order.
const BATCH_LINES: usize = 512;

/// Bytes of lines worked on at once.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Lines read ahead of the work.
const LINES_AHEAD: usize = 64;

/// Answers every line of standard input.
pub(super) fn run(sites: &Sites) -> anyhow::Result<End> {
    let nothing = Arc::new(HostMemory::empty());
    answer_all(io::stdin(), sites, |_| nothing.clone())
}

/// Answers every line of an input, each page with what is known of its host.
pub(super) fn answer_all(
    input: impl Read + Send + 'static,
    sites: &Sites,
    memory_of: impl Fn(&Host) -> Arc<HostMemory> + Sync,
) -> anyhow::Result<End> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut num_pages = 0;
    let answer = |line: &Vec<u8>| answer_surely(line, sites, &memory_of).to_string();
    each_batch(input, |batch| {
        num_pages += batch.len();
        for text in work(batch, answer) {
            out.write_all(text.as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.flush()
    })?;
    if num_pages == 0 {
        return Err(
            Usage("standard input holds no page: give one JSON object a line".to_owned()).into(),
        );
    }
    Ok(End::Done)
}

/// Shows the lines of an input to `look`, in batches.
pub(super) fn each_batch(
    input: impl Read + Send + 'static,
    mut look: impl FnMut(&[Vec<u8>]) -> io::Result<()>,
) -> io::Result<()> {
    let (sender, lines) = mpsc::sync_channel(LINES_AHEAD);
    // It ends with the process: nothing can wake a thread that waits for standard input.
    std::thread::spawn(move || read_lines(input, &sender));
    while let Some(batch) = next_batch(&lines)? {
        look(&batch)?;
    }
    Ok(())
}

fn read_lines(input: impl Read, lines: &SyncSender<io::Result<Vec<u8>>>) {
    let mut input = BufReader::with_capacity(1024 * 1024, input);
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
pub(super) fn work<T: Send + Default>(
    batch: &[Vec<u8>],
    answer: impl Fn(&Vec<u8>) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<T>> = batch.iter().map(|_| Mutex::default()).collect();
    let num_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..num_threads.min(batch.len()) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(line) = batch.get(number) else { break };
                    let answer = answer(line);
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
fn answer_surely(
    line: &[u8],
    sites: &Sites,
    memory_of: &impl Fn(&Host) -> Arc<HostMemory>,
) -> Value {
    let answer_line = || match Saved::read(line) {
        Ok(saved) => {
            let memory = memory_of(&saved.url.host());
            let mut answer = answer(&saved.view(), sites, &memory);
            // Lines are matched by the address as it was given.
            answer["url"] = Value::String(saved.given_url);
            answer
        }
        Err(failed) => failed,
    };
    catch_unwind(AssertUnwindSafe(answer_line)).unwrap_or_else(|_| {
        let url = serde_json::from_slice::<Line>(line).map_or_else(|_| String::new(), |l| l.url);
        failed(&url, "panic", "the extraction panicked")
    })
}

#[derive(Deserialize)]
struct Line {
    url: String,
    html: Option<String>,
    html_base64: Option<String>,
    content_type: Option<String>,
}

/// A page that was saved in a line.
pub(super) struct Saved {
    pub(super) url: CanonicalUrl,
    given_url: String,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl Saved {
    /// The page, or the answer that says why there is none.
    pub(super) fn read(line: &[u8]) -> Result<Self, Value> {
        let line: Line = serde_json::from_slice(line)
            .map_err(|error| failed("", "undecodable", &format!("not a page: {error}")))?;
        let url: CanonicalUrl = line.url.parse().map_err(|error| {
            let code = messages::UrlError::code(&error);
            failed(&line.url, code, &error.to_string())
        })?;
        // Text that came as JSON has been decoded already, whatever the page says of itself.
        let decoded = || Some("text/html; charset=utf-8".to_owned());
        let undecodable = |message| Err(failed(&line.url, "undecodable", message));
        let (body, content_type) = match (line.html, line.html_base64) {
            (Some(html), None) => (html.into_bytes(), decoded()),
            (None, Some(text)) => match base64(&text) {
                Some(body) => (body, line.content_type),
                None => return undecodable("html_base64 is not base64"),
            },
            _ => return undecodable("give html or html_base64"),
        };
        Ok(Self {
            url,
            given_url: line.url,
            content_type,
            body,
        })
    }

    /// As the extractor sees it.
    pub(super) fn view(&self) -> PageView<'_> {
        page_view(&self.url, self.content_type.as_deref(), &self.body)
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD
        .decode(text.trim())
        .ok()
}
