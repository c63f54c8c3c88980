//! One saved page, sent on its way as if the crawler had fetched it from its address.
//!
//! In: a file and a URL. Out: the speech that came of it. The page is published where the crawler
//! publishes, and nothing is fetched: neither it nor what it links to.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use messages::{Body, CanonicalUrl, ContentHash, Page, Response, timestamp};
use serde_json::Value;

use super::ending::text;
use super::{ending, hits, timing};
use crate::http;
use crate::mill::Mill;

/// A page and where it came from.
pub(crate) struct SavedPage {
    url: CanonicalUrl,
    bytes: Vec<u8>,
}

impl SavedPage {
    pub(crate) fn read(file: &Path, url: &str) -> anyhow::Result<Self> {
        let url: CanonicalUrl = url.parse()?;
        let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        Ok(Self { url, bytes })
    }

    pub(crate) fn url(&self) -> &CanonicalUrl {
        &self.url
    }

    fn message(&self) -> Page {
        Page::Response(Response {
            url: self.url.clone(),
            final_url: self.url.clone(),
            status: 200,
            content_type: Some("text/html".to_owned()),
            robots_tags: Vec::new(),
            agent: None,
            fetched_at: timestamp::now(),
            // As far down as can be: its links are not followed.
            depth: u32::MAX,
            content_hash: ContentHash::of(&self.bytes),
            body: Body::compress(&self.bytes),
            parts: Vec::new(),
            lost_part: None,
        })
    }
}

/// Publishes the page, waits for its speeches and shows them.
pub(crate) async fn show(
    mill: &mut Mill,
    page: &SavedPage,
    query: Option<&str>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let subject = publish(mill, &page.message()).await?;
    println!("\npublished on {subject}, as if it had been fetched from");
    println!("  {}", page.url);
    println!("  nothing was fetched: the page is the saved file, and its links are not followed");
    let url = page.url.to_string();
    let endings = ending::wait(mill, std::slice::from_ref(&url)).await?;
    let took = start.elapsed();
    let ending = endings
        .into_values()
        .next()
        .context("a page without an ending")?;
    if ending.state != "indexed" {
        bail!("no speech came of {url}: {ending}");
    }
    for id in &ending.speech_ids {
        let place = format!("{}/indexes/speeches/documents/{id}", mill.meili.url());
        let document: Value = serde_json::from_str(&http::get(&place).await?)?;
        print(&document);
        let query = query.unwrap_or(text(&document["title"]));
        search(mill, &document, query).await?;
    }
    let whole = "from publishing until Meilisearch had it, as seen from outside";
    timing::print(mill, whole, took).await
}

async fn publish(mill: &Mill, page: &Page) -> anyhow::Result<String> {
    let broker = mill.connect("demo").await?;
    broker.publish(page).await?;
    broker.close(Duration::from_secs(2)).await;
    Ok(Page::subject_of(&page.url_id()))
}

fn print(document: &Value) {
    println!("\nthe speech in Meilisearch:");
    let fields = [
        ("id", &document["id"]),
        ("url", &document["url"]),
        ("title", &document["title"]),
        ("kind", &document["kind"]),
        ("date", &document["date"]),
        ("complete", &document["completeness"]["state"]),
        ("length", &document["num_chars"]),
        ("profile", &document["profile"]),
    ];
    for (name, value) in fields {
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        println!("  {name:<9} {shown}");
    }
    println!(
        "  {:<9} {}…",
        "text",
        hits::beginning(text(&document["text"]))
    );
}

async fn search(mill: &Mill, document: &Value, query: &str) -> anyhow::Result<()> {
    println!("\nsearch {query}");
    let hits = hits::search(mill, query, text(&document["site"]), 3).await?;
    let hit = hits
        .iter()
        .find(|hit| hit["id"] == document["id"])
        .with_context(|| format!("the speech is not found by {query}"))?;
    hits::print(1, hit);
    Ok(())
}
