//! Meilisearch without us: its defaults, and our index asked with nothing but the query.
//!
//! In: the records as they are, with `id` as the primary key and no settings at all. Out: ids.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::measures::HITS;
use crate::http;

const STEP: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(300);

/// The index of the defaults.
pub(super) const DEFAULTS: &str = "defaults";

/// Puts the records into the index of the defaults.
pub(super) async fn fill(meili: &str, records: &[Value]) -> anyhow::Result<()> {
    let url = format!("{meili}/indexes/{DEFAULTS}/documents?primaryKey=id");
    let task = http::post(&url, &json!(records)).await?;
    let uid = task["taskUid"].as_u64().context("no task")?;
    let start = Instant::now();
    loop {
        let task = http::get(&format!("{meili}/tasks/{uid}")).await?;
        let task: Value = serde_json::from_str(&task)?;
        match task["status"].as_str() {
            Some("succeeded") => return Ok(()),
            Some("enqueued" | "processing") if start.elapsed() < LIMIT => sleep(STEP).await,
            _ => bail!("the task of the defaults: {task}"),
        }
    }
}

/// The ids that an index answers with to a plain query.
pub(super) async fn search(meili: &str, index: &str, query: &str) -> anyhow::Result<Vec<String>> {
    let url = format!("{meili}/indexes/{index}/search");
    let asked = json!({"q": query, "limit": HITS, "attributesToRetrieve": ["id"]});
    let page = http::post(&url, &asked).await?;
    let hits = page["hits"].as_array().context("no hits")?;
    let ids = hits.iter().filter_map(|hit| hit["id"].as_str());
    Ok(ids.map(ToOwned::to_owned).collect())
}
