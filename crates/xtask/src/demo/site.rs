//! The demo's web site: served on this machine, crawled, and compared with what must come of it.
//!
//! In: `pages.txt` and the files it names, served byte for byte. Out: what was found. Only some
//! pages are submitted; to the others the list page must lead.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use messages::CanonicalUrl;
use servers::port;
use testkit::{FakeSite, Reply};

use super::ending::{Ending, text};
use super::{ending, hits, timing};
use crate::command;
use crate::mill::Mill;

/// The same from run to run, so that a page has the same address; if it is free.
const PORT: u16 = 8700;

const LIST: &str = "list.html";

/// The running site.
pub(crate) struct DemoSite {
    fake: FakeSite,
    pages: Vec<DemoPage>,
}

/// A line of `pages.txt`.
#[derive(Debug, PartialEq, Eq)]
struct DemoPage {
    is_submitted: bool,
    /// `speech`, `login_wall` (a speech too, cut off), or the code of the skip.
    ending: String,
    path: String,
    content_type: String,
}

impl DemoPage {
    fn is_speech(&self) -> bool {
        ["speech", "login_wall"].contains(&self.ending.as_str())
    }
}

impl DemoSite {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = command::root().join("crates/xtask/demo/site");
        let list = std::fs::read_to_string(folder.join("pages.txt"))
            .context("the demo's web site has no pages.txt")?;
        let pages = parse(&list)?;
        let port = if port::is_free(PORT) { PORT } else { 0 };
        let fake = FakeSite::start_on(&format!("127.0.0.1:{port}")).await;
        for page in &pages {
            let bytes = std::fs::read(folder.join(&page.path))
                .with_context(|| format!("the demo's page {}", page.path))?;
            let reply = Reply::bytes(&page.content_type, bytes);
            fake.page(&format!("/{}", page.path), reply);
        }
        Ok(Self { fake, pages })
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        self.fake.host()
    }

    /// The page that leads to the others.
    pub(crate) fn list_url(&self) -> String {
        self.url(LIST)
    }

    fn url(&self, path: &str) -> String {
        self.fake.url(&format!("/{path}"))
    }
}

/// Crawls the site and shows what was found.
pub(crate) async fn show(mill: &mut Mill, site: &DemoSite, query: &str) -> anyhow::Result<()> {
    println!(
        "web site      {} ({} pages)",
        site.list_url(),
        site.pages.len()
    );
    let submitted = site.pages.iter().filter(|page| page.is_submitted);
    let submitted: Vec<_> = submitted.map(|page| site.url(&page.path)).collect();
    let start = Instant::now();
    let mut args = vec!["submit", "--json"];
    args.extend(submitted.iter().map(String::as_str));
    let receipts = mill.run_json(&args).await?;
    ensure!(
        receipts.len() == submitted.len(),
        "{} of {} URLs were submitted",
        receipts.len(),
        submitted.len()
    );
    println!("\npublished on crawl.submit:");
    for receipt in &receipts {
        println!(
            "  {}  receipt {}",
            text(&receipt["url"]),
            receipt["receipt"]
        );
    }
    let urls: Vec<_> = site.pages.iter().map(|page| site.url(&page.path)).collect();
    let endings = ending::wait(mill, &urls).await?;
    let took = start.elapsed();
    compare(site, &endings)?;
    check_searchable(mill, site).await?;
    search(mill, site, query).await?;
    let whole = "from publishing until Meilisearch had all of them, as seen from outside";
    timing::print(mill, whole, took).await
}

/// Prints how each page ended; an error if one should have ended otherwise.
fn compare(site: &DemoSite, endings: &BTreeMap<String, Ending>) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    println!("\nhow each page ended:");
    for page in &site.pages {
        let url = site.url(&page.path);
        let ending = endings.get(&url).context("a page without an ending")?;
        let way = if page.is_submitted {
            "submitted"
        } else {
            "found"
        };
        let note = match page.ending.as_str() {
            "login_wall" => ", as cut off by a login wall",
            _ => "",
        };
        println!("  {way:<9}  {:<18}  {ending}{note}", page.path);
        let is_right = if page.is_speech() {
            ending.state == "indexed"
        } else {
            ending.state == "skipped" && ending.code.as_deref() == Some(&page.ending)
        };
        if !is_right {
            wrong.push(format!(
                "{url} should have ended as {}, and is {ending}",
                page.ending
            ));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("; "));
    }
    Ok(())
}

/// Every speech must come out of the index, the one that is cut off marked as such.
async fn check_searchable(mill: &Mill, site: &DemoSite) -> anyhow::Result<()> {
    let all = hits::search(mill, "", &site.host(), 1_000).await?;
    for page in site.pages.iter().filter(|page| page.is_speech()) {
        let url = CanonicalUrl::try_from(site.url(&page.path))?;
        let hit = all
            .iter()
            .find(|hit| text(&hit["url"]) == url.as_str())
            .with_context(|| format!("Meilisearch does not return {url}"))?;
        let state = text(&hit["document"]["completeness"]["state"]);
        let is_cut = page.ending == "login_wall";
        ensure!(
            (state == "login_wall") == is_cut,
            "{url} is said to be {state}"
        );
    }
    println!("\nMeilisearch returns all {} speeches", all.len());
    Ok(())
}

async fn search(mill: &Mill, site: &DemoSite, query: &str) -> anyhow::Result<()> {
    let hits = hits::search(mill, query, &site.host(), 3).await?;
    println!("\nsearch {query}");
    ensure!(!hits.is_empty(), "nothing was found for {query}");
    for (index, hit) in hits.iter().enumerate() {
        hits::print(index + 1, hit);
    }
    Ok(())
}

fn parse(list: &str) -> anyhow::Result<Vec<DemoPage>> {
    let lines = list.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<_> = line.split('|').map(str::trim).collect();
            let [way, ending, path, content_type] = fields[..] else {
                bail!("pages.txt: four fields are needed: {line}");
            };
            Ok(DemoPage {
                is_submitted: match way {
                    "submit" => true,
                    "found" => false,
                    _ => bail!("pages.txt: submit or found? {line}"),
                },
                ending: ending.to_owned(),
                path: path.to_owned(),
                content_type: content_type.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_of_the_demo_is_there_and_only_the_list_leads_to_most() {
        let folder = command::root().join("crates/xtask/demo/site");
        let pages = parse(&std::fs::read_to_string(folder.join("pages.txt")).unwrap()).unwrap();
        assert!(pages.iter().all(|page| folder.join(&page.path).is_file()));
        let found = pages.iter().filter(|page| !page.is_submitted);
        assert!(found.filter(|page| page.is_speech()).count() > 1);
        assert!(pages.iter().any(|page| page.path == LIST));
    }
}
