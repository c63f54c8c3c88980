//! The pages that the extraction is measured with: the golden ones, or a file of them.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

/// A saved page.
pub(super) struct Page {
    url: String,
    content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

/// The same as in a line of JSON.
#[derive(Deserialize)]
struct Line {
    url: String,
    html: Option<String>,
    html_base64: Option<String>,
    content_type: Option<String>,
}

impl Page {
    /// As `speechmill extract --jsonl` reads it.
    pub(super) fn to_line(&self) -> String {
        let body = STANDARD.encode(&self.body);
        let line = json!({"url": self.url, "content_type": self.content_type, "html_base64": body});
        format!("{line}\n")
    }
}

impl TryFrom<Line> for Page {
    type Error = anyhow::Error;

    fn try_from(line: Line) -> anyhow::Result<Self> {
        let decoded = || Some("text/html; charset=utf-8".to_owned());
        let (body, content_type) = match (line.html, line.html_base64) {
            (Some(html), _) => (html.into_bytes(), decoded()),
            (None, Some(text)) => (STANDARD.decode(text)?, line.content_type),
            (None, None) => anyhow::bail!("{}: neither html nor html_base64", line.url),
        };
        Ok(Self {
            url: line.url,
            content_type,
            body,
        })
    }
}

pub(super) fn of_file(file: &Path) -> anyhow::Result<Vec<Page>> {
    let name = file.display();
    let opened = fs::File::open(file).with_context(|| format!("opening {name}"))?;
    let is_packed = file.extension().is_some_and(|it| it == "gz");
    let input: Box<dyn Read> = if is_packed {
        Box::new(flate2::read::MultiGzDecoder::new(opened))
    } else {
        Box::new(opened)
    };
    let lines = BufReader::new(input).lines();
    let page = |line: std::io::Result<String>| {
        let line: Line = serde_json::from_str(&line?)?;
        Page::try_from(line)
    };
    let pages: anyhow::Result<Vec<Page>> = lines.map(page).collect();
    pages.with_context(|| format!("reading {name}"))
}

/// The first pages of all cases, in the order of their folders.
pub(super) fn golden() -> anyhow::Result<Vec<Page>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../extractor/golden");
    let mut pages = Vec::new();
    for site in folders(&root)? {
        for case in folders(&site)? {
            let address = fs::read_to_string(case.join("url.txt"))?;
            let mut lines = address.lines();
            pages.push(Page {
                url: lines.next().unwrap_or_default().to_owned(),
                content_type: lines.next().map(ToOwned::to_owned),
                body: fs::read(case.join("page.html"))?,
            });
        }
    }
    Ok(pages)
}

fn folders(of: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(of).with_context(|| format!("reading {}", of.display()))?;
    let paths: std::io::Result<Vec<PathBuf>> =
        entries.map(|entry| entry.map(|it| it.path())).collect();
    let mut folders: Vec<PathBuf> = paths?.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// Writes the pages, and the list of them that the example reads.
pub(super) fn list(pages: &[Page], folder: &Path) -> anyhow::Result<PathBuf> {
    let mut list = String::new();
    for (number, page) in pages.iter().enumerate() {
        let file = folder.join(format!("{number}.html"));
        fs::write(&file, &page.body)?;
        let content_type = page.content_type.as_deref().unwrap_or_default();
        let _ = writeln!(list, "{}\t{content_type}\t{}", page.url, file.display());
    }
    let file = folder.join("pages");
    fs::write(&file, list)?;
    Ok(file)
}
