//! How good the answers to Chinese queries are: speeches and graded answers of our own.
//!
//! In: `corpus.jsonl` and `queries.jsonl` of the indexer. The corpus is published as the extractor
//! publishes, the indexer puts it into an index with its own settings, and every query goes through
//! `speechmill search`. Out: the usual measures, by kind of query and in total.

mod measures;
mod set;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use messages::SpeechChange;
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::sleep;
use worker::{Broker, BrokerConfig};

use crate::http;
use crate::interrupt::{Interrupted, unless_interrupted};
use crate::mill::{Mill, Options, binary};
use measures::{HITS, Measures, Scores};
use set::{Query, Set};

const STEP: Duration = Duration::from_millis(50);
const INDEX_LIMIT: Duration = Duration::from_secs(120);
const SETTLING: Duration = Duration::from_secs(30);

/// Arguments of `cargo xtask bench relevance`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Queries to list, the worst first.
    #[arg(long, default_value_t = 25)]
    worst: usize,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    documents: usize,
    #[serde(flatten)]
    total: Measures,
    kinds: BTreeMap<String, Measures>,
    #[serde(skip)]
    answered: Vec<Answered>,
}

/// A query, and what came of it.
#[derive(Debug)]
struct Answered {
    query: Query,
    /// Our own names of the hits, best first.
    hits: Vec<String>,
    scores: Scores,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let set = Set::read()?;
    // Nothing here depends on the clock, so a build for speed would only take longer.
    let program = binary::build(false)?;
    let folder = TempDir::with_prefix("speechmill-bench-")?;
    let options = Options {
        program,
        folder: folder.path().to_owned(),
        default_ports: false,
        roles: vec![vec!["indexer".to_owned()]],
    };
    let mut mill = unless_interrupted(Mill::start(&options)).await?;
    let measured = unless_interrupted(measure(&mut mill, set)).await;
    if let Err(error) = &measured
        && !error.is::<Interrupted>()
    {
        eprint!("{}", mill.tails());
    }
    mill.stop().await?;
    let report = measured?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report, args.worst);
    }
    Ok(())
}

async fn measure(mill: &mut Mill, set: Set) -> anyhow::Result<Report> {
    let mut ids = HashMap::new();
    let mut changes = Vec::new();
    for document in &set.documents {
        let change = document.change()?;
        ids.insert(change.speech_id().to_string(), document.id.clone());
        changes.push(change);
    }
    publish(mill, &changes).await?;
    wait(mill, changes.len() as u64).await?;
    let mut answered = Vec::new();
    for query in set.queries {
        let hits = search(mill, &query.words, &ids).await?;
        let scores = Scores::of(&hits, &query.answers);
        answered.push(Answered {
            query,
            hits,
            scores,
        });
    }
    let mut by_kind: BTreeMap<String, Vec<Scores>> = BTreeMap::new();
    for one in &answered {
        let of_kind = by_kind.entry(one.query.kind.clone()).or_default();
        of_kind.push(one.scores);
    }
    let all: Vec<Scores> = answered.iter().map(|it| it.scores).collect();
    Ok(Report {
        bench: "relevance",
        documents: changes.len(),
        total: Measures::of(&all),
        kinds: by_kind
            .into_iter()
            .map(|(kind, scores)| (kind, Measures::of(&scores)))
            .collect(),
        answered,
    })
}

async fn publish(mill: &Mill, changes: &[SpeechChange]) -> anyhow::Result<()> {
    let config = BrokerConfig {
        nats_url: mill.nats.url(),
        nats_creds: None,
        nats_ca: None,
        nats_timeout: Duration::from_secs(5),
        replicas: 1,
        pages_max_mib: 1024,
        ack_wait: Duration::from_secs(30),
    };
    let broker = Broker::connect(&config, "bench").await?;
    for change in changes {
        broker.publish(change).await?;
    }
    broker.close(Duration::from_secs(2)).await;
    Ok(())
}

/// Until Meilisearch holds all: a document that it holds is searchable.
async fn wait(mill: &mut Mill, num_documents: u64) -> anyhow::Result<()> {
    let url = format!("{}/indexes/speeches/stats", mill.meili.url());
    let start = Instant::now();
    loop {
        // There is no index before the first document: none, then.
        let stats = http::get(&url).await.unwrap_or_default();
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap_or_default();
        let found = stats["numberOfDocuments"].as_u64().unwrap_or_default();
        if found >= num_documents {
            return mill.wait_idle(SETTLING).await;
        }
        mill.check()?;
        if start.elapsed() >= INDEX_LIMIT {
            bail!("{found} of {num_documents} speeches within {INDEX_LIMIT:?}");
        }
        sleep(STEP).await;
    }
}

async fn search(
    mill: &Mill,
    query: &str,
    ids: &HashMap<String, String>,
) -> anyhow::Result<Vec<String>> {
    let limit = HITS.to_string();
    let args = ["search", "--json", "--limit", &limit, "--", query];
    let pages = mill.run_json(&args).await?;
    let hits = pages.first().and_then(|page| page["hits"].as_array());
    let hits = hits.with_context(|| format!("no hits in the answer to {query}"))?;
    let names: Vec<String> = hits
        .iter()
        .filter_map(|hit| ids.get(hit["id"].as_str()?).cloned())
        .collect();
    ensure!(
        names.len() == hits.len(),
        "a hit for {query} that was never published"
    );
    Ok(names)
}

fn print(report: &Report, num_worst: usize) {
    println!("kind           queries  nDCG@10  recall@10    MRR  none found");
    let total = [("total", &report.total)];
    let kinds = report.kinds.iter().map(|(kind, it)| (kind.as_str(), it));
    for (kind, it) in kinds.chain(total) {
        println!(
            "{kind:<13}  {:>7}  {:>7.3}  {:>9.3}  {:>5.3}  {:>10.3}",
            it.queries, it.ndcg_at_10, it.recall_at_10, it.mrr, it.none_found
        );
    }
    let mut worst: Vec<&Answered> = report.answered.iter().collect();
    worst.sort_by(|a, b| a.scores.ndcg.total_cmp(&b.scores.ndcg));
    println!("\nnDCG@10  query, and its hits with their grades");
    for it in worst.into_iter().take(num_worst) {
        let graded: Vec<String> = it
            .hits
            .iter()
            .map(|id| match it.query.answers.get(id) {
                Some(grade) => format!("{id}={grade}"),
                None => id.clone(),
            })
            .collect();
        println!(
            "{:>7.3}  {} ({}): {}",
            it.scores.ndcg,
            it.query.words,
            it.query.kind,
            graded.join(" ")
        );
    }
}
