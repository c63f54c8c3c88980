//! Waits until URLs have come to their ends, as `speechmill status` tells it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

use crate::mill::Mill;

const LIMIT: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(50);

/// Where a URL has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// `indexed`, `skipped`, `dead`, `withdrawn`.
    pub(crate) state: String,
    /// Why, where there is a reason.
    pub(crate) code: Option<String>,
    /// What is said about it, in words.
    pub(crate) error: Option<String>,
    /// The ids of its speeches.
    pub(crate) speech_ids: Vec<String>,
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.state)?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        if let Some(error) = &self.error {
            write!(f, ": {error}")?;
        }
        Ok(())
    }
}

/// The endings of all, by URL. An error, naming those that are on their way, when the time is over.
pub(crate) async fn wait(
    mill: &mut Mill,
    urls: &[String],
) -> anyhow::Result<BTreeMap<String, Ending>> {
    let until = Instant::now() + LIMIT;
    let mut args = vec!["status", "--json"];
    args.extend(urls.iter().map(String::as_str));
    let mut num_ended = 0;
    loop {
        let fates = mill.run_json(&args).await?;
        let endings: BTreeMap<_, _> = fates.iter().filter_map(ending).collect();
        if endings.len() != num_ended {
            num_ended = endings.len();
            eprintln!("{num_ended} of {} URLs have ended", urls.len());
        }
        if endings.len() == urls.len() {
            return Ok(endings);
        }
        mill.check()?;
        if Instant::now() >= until {
            let open = fates.iter().filter(|fate| ending(fate).is_none());
            let open: Vec<_> = open
                .map(|fate| format!("{} is {}", text(&fate["url"]), text(&fate["state"])))
                .collect();
            bail!("not within {LIMIT:?}: {}", open.join(", "));
        }
        sleep(STEP).await;
    }
}

fn ending(fate: &serde_json::Value) -> Option<(String, Ending)> {
    let state = fate["state"].as_str()?;
    let is_final = ["indexed", "skipped", "dead", "withdrawn"].contains(&state);
    let speeches = fate["speeches"].as_array();
    let ids = speeches
        .into_iter()
        .flatten()
        .map(|speech| text(&speech["speech_id"]).to_owned());
    let optional = |name: &str| fate[name].as_str().map(ToOwned::to_owned);
    is_final.then(|| {
        let ending = Ending {
            state: state.to_owned(),
            code: optional("code"),
            error: optional("error"),
            speech_ids: ids.collect(),
        };
        (text(&fate["url"]).to_owned(), ending)
    })
}

/// The text of a JSON string; of anything else, nothing.
pub(crate) fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}
