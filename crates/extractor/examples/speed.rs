//! Extraction and parsing by command: what `cargo xtask bench extract` takes the CPU time of.
//!
//! In: a list of pages, one a line, as address, content type and file, parted by tabs; then on standard
//! input `extract N` or `parse N`, for N passes over all pages, or `asked`. Out: a line when it is
//! done; for `asked` how many pages were worth a second opinion.

use std::hint::black_box;
use std::io::{BufRead, Write};

use extractor::{Explanation, HostMemory, PageView, explain, extract};
use messages::CanonicalUrl;
use scraper::Html;
use sites::{Sites, charset};

type Failed = Box<dyn std::error::Error>;

struct Page {
    url: CanonicalUrl,
    content_type: String,
    body: Vec<u8>,
    /// The body, decoded.
    text: String,
}

impl Page {
    fn read(line: &str) -> Result<Self, Failed> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [url, content_type, file] = fields[..] else {
            return Err("a line has three fields".into());
        };
        let body = std::fs::read(file)?;
        let decoded = charset::decode(&body, Some(content_type));
        Ok(Self {
            url: url.parse()?,
            content_type: content_type.to_owned(),
            text: decoded.map_or_else(|_| String::new(), |decoded| decoded.text),
            body,
        })
    }

    fn view(&self) -> PageView<'_> {
        let content_type = Some(self.content_type.as_str());
        PageView {
            url: &self.url,
            final_url: &self.url,
            content_type: content_type.filter(|it| !it.is_empty()),
            robots_tags: &[],
            agent: "speechmill",
            body: &self.body,
            parts: &[],
            lost_part: None,
        }
    }
}

fn main() -> Result<(), Failed> {
    let list = std::env::args().nth(1).ok_or("usage: speed LIST")?;
    let list = std::fs::read_to_string(list)?;
    let pages: Vec<Page> = list.lines().map(Page::read).collect::<Result<_, _>>()?;
    let (sites, memory) = (Sites::builtin(), HostMemory::empty());
    let each = |passes: &str, work: &dyn Fn(&Page)| -> Result<String, Failed> {
        (0..passes.parse()?).for_each(|_: u32| pages.iter().for_each(work));
        Ok("done".to_owned())
    };
    for command in std::io::stdin().lock().lines() {
        let command = command?;
        let answer = match command.split_once(' ') {
            Some(("extract", passes)) => each(passes, &|page| {
                // A page that is refused is an answer too.
                let _ = black_box(extract(&page.view(), &sites, &memory));
            })?,
            Some(("parse", passes)) => each(passes, &|page| {
                black_box(Html::parse_document(&page.text));
            })?,
            _ => {
                let explained = |page: &Page| explain(&page.view(), &sites, &memory);
                let explained = pages.iter().flat_map(explained);
                explained.filter(was_asked).count().to_string()
            }
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// Whether the first opinion was not sure enough.
fn was_asked(page: &Explanation) -> bool {
    match &page.first {
        Some(first) => !first.is_sure,
        None => page.second.is_some() || !page.blocks.is_empty(),
    }
}
