//! What somebody does who has the documents in a file and no speechmill.
//!
//! In: documents and settings, as the indexer made them. Out: how long a bulk load of them takes,
//! into a Meilisearch of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use servers::{MeiliOptions, MeiliServer};
use tempfile::TempDir;
use tokio::time::sleep;

use super::warm::WarmMemory;
use super::{STEP, until_there};
use crate::http;

/// Documents in a payload, some 8 MB: Meilisearch takes many payloads at once, if they wait.
const PAYLOAD: usize = 1_000;
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

/// All that a load by hand needs.
#[derive(Default)]
pub(super) struct Documents {
    settings: String,
    /// One document each.
    lines: Vec<String>,
}

impl Documents {
    /// Those of an index.
    pub(super) async fn read(index: &str, number: usize) -> anyhow::Result<Self> {
        let settings = http::get(&format!("{index}/settings")).await?;
        let mut lines = Vec::new();
        while lines.len() < number {
            let url = format!("{index}/documents?offset={}&limit={PAYLOAD}", lines.len());
            let page: Value = serde_json::from_str(&http::get(&url).await?)?;
            let found = page["results"].as_array().context("no documents")?;
            if found.is_empty() {
                bail!("{} documents of {number}", lines.len());
            }
            lines.extend(found.iter().map(Value::to_string));
        }
        Ok(Self { settings, lines })
    }
}

/// Settings, all payloads one after the other, then the wait.
pub(super) async fn load(documents: &Documents) -> anyhow::Result<Duration> {
    let folder = TempDir::with_prefix("speechmill-bench-")?;
    let mut server = MeiliServer::start(MeiliOptions {
        own_group: true,
        ..MeiliOptions::new(folder.path().join("meilisearch"))
    })
    .await?;
    let payloads: Vec<String> = documents
        .lines
        .chunks(PAYLOAD)
        .map(|lines| lines.join("\n"))
        .collect();
    let index = format!("{}/indexes/speeches", server.url());
    let warm = WarmMemory::take();
    let start = Instant::now();
    let settings = format!("{index}/settings");
    http::send("PATCH", &settings, JSON, &documents.settings).await?;
    let mut last = 0;
    for payload in &payloads {
        last = post(&index, payload).await?;
    }
    let mut status = String::new();
    while status != "succeeded" {
        sleep(STEP).await;
        let url = format!("{}/tasks/{last}", server.url());
        let task: Value = serde_json::from_str(&http::get(&url).await?)?;
        task["status"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut status);
        if status == "failed" {
            bail!("the load by hand failed: {task}");
        }
    }
    let took = start.elapsed();
    drop(warm);
    server.stop().await?;
    Ok(took)
}

/// One document more, under a name of its own, until it is there.
pub(super) async fn single(
    index: &str,
    documents: &Documents,
    number: usize,
) -> anyhow::Result<Duration> {
    let mut document: Value =
        serde_json::from_str(&documents.lines[number % documents.lines.len()])?;
    let id = format!("by-hand-{number}");
    document["id"] = id.clone().into();
    let start = Instant::now();
    post(index, &document.to_string()).await?;
    until_there(index, &id).await?;
    Ok(start.elapsed())
}

/// The number of the task.
async fn post(index: &str, payload: &str) -> anyhow::Result<u64> {
    let url = format!("{index}/documents?primaryKey=id");
    let answer = http::send("POST", &url, NDJSON, payload).await?;
    let accepted: Value = serde_json::from_str(&answer)?;
    accepted["taskUid"].as_u64().context("no taskUid")
}
