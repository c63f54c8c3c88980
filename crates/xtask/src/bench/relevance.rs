//! How good the answers to Chinese queries are: speeches and graded answers of our own.
//!
//! In: `corpus.jsonl` and `queries.jsonl` of the indexer. The corpus is published as the extractor
//! publishes, the indexer puts it into an index with its own settings, and every query goes through
//! `speechmill search`. Out: the usual measures, by kind of query and in total, beside those of
//! Meilisearch's defaults and of the plain query over our index.

mod direct;
mod measures;
mod set;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use messages::SpeechChange;
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::http;
use crate::interrupt::{Interrupted, unless_interrupted};
use crate::mill::{Mill, Options, binary};
use measures::{HITS, Measures, Scores};
use set::{Query, Set};

/// The index that the indexer fills.
const OURS: &str = "speeches";
const STEP: Duration = Duration::from_millis(50);
const INDEX_LIMIT: Duration = Duration::from_secs(300);
const SETTLING: Duration = Duration::from_secs(30);

/// Arguments of `cargo xtask bench relevance`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A folder with a corpus.jsonl and a queries.jsonl of its own.
    #[arg(long, value_name = "DIR")]
    set: Option<PathBuf>,
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
    total: Row,
    kinds: BTreeMap<String, Row>,
    #[serde(skip)]
    answered: Vec<Answered>,
}

/// The measures of some queries, asked in three ways.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    ours: Measures,
    default_ndcg: f64,
    default_recall: f64,
    plain_ndcg: f64,
    plain_recall: f64,
}

/// A query, and what came of it.
#[derive(Debug)]
struct Answered {
    query: Query,
    /// Our own names of the hits, best first.
    hits: Vec<String>,
    scores: Scores,
    /// Of Meilisearch's defaults.
    defaults: Scores,
    /// Of our index without our searcher.
    plain: Scores,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let set = Set::read(args.set.as_deref())?;
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
    let mut records = Vec::new();
    for document in &set.documents {
        let change = document.change()?;
        ids.insert(change.speech_id().to_string(), document.id.clone());
        changes.push(change);
        records.push(document.record()?);
    }
    publish(mill, &changes).await?;
    wait(mill, changes.len() as u64).await?;
    let meili = mill.meili.url();
    direct::fill(&meili, &records).await?;
    let mut answered = Vec::new();
    for query in set.queries {
        let hits = search(mill, &query.words, &ids).await?;
        let defaults = direct::search(&meili, direct::DEFAULTS, &query.words).await?;
        let plain: Vec<String> = direct::search(&meili, OURS, &query.words).await?;
        let plain: Vec<String> = plain.iter().filter_map(|id| ids.get(id).cloned()).collect();
        answered.push(Answered {
            scores: Scores::of(&hits, &query.answers),
            defaults: Scores::of(&defaults, &query.answers),
            plain: Scores::of(&plain, &query.answers),
            query,
            hits,
        });
    }
    let mut by_kind: BTreeMap<String, Vec<&Answered>> = BTreeMap::new();
    for one in &answered {
        by_kind.entry(one.query.kind.clone()).or_default().push(one);
    }
    Ok(Report {
        bench: "relevance",
        documents: changes.len(),
        total: Row::of(&answered.iter().collect::<Vec<_>>()),
        kinds: by_kind
            .into_iter()
            .map(|(kind, of_kind)| (kind, Row::of(&of_kind)))
            .collect(),
        answered,
    })
}

impl Row {
    fn of(answered: &[&Answered]) -> Self {
        let of = |scores: fn(&Answered) -> Scores| {
            Measures::of(&answered.iter().map(|it| scores(it)).collect::<Vec<_>>())
        };
        let (defaults, plain) = (of(|it| it.defaults), of(|it| it.plain));
        Self {
            ours: of(|it| it.scores),
            default_ndcg: defaults.ndcg,
            default_recall: defaults.recall,
            plain_ndcg: plain.ndcg,
            plain_recall: plain.recall,
        }
    }
}

async fn publish(mill: &Mill, changes: &[SpeechChange]) -> anyhow::Result<()> {
    let broker = mill.connect("bench").await?;
    for change in changes {
        broker.publish(change).await?;
    }
    broker.close(Duration::from_secs(2)).await;
    Ok(())
}

/// Until Meilisearch holds all: a document that it holds is searchable.
async fn wait(mill: &mut Mill, num_documents: u64) -> anyhow::Result<()> {
    let url = format!("{}/indexes/{OURS}/stats", mill.meili.url());
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
    println!("at 10          queries   nDCG  recall    MRR  none found  plain  defaults  recall");
    let total = [("total", &report.total)];
    let kinds = report.kinds.iter().map(|(kind, it)| (kind.as_str(), it));
    for (kind, row) in kinds.chain(total) {
        let it = &row.ours;
        println!(
            "{kind:<13}  {:>7}  {:>5.3}   {:>5.3}  {:>5.3}  {:>10.3}  {:>5.3}  {:>8.3}   {:>5.3}",
            it.queries,
            it.ndcg,
            it.recall,
            it.mrr,
            it.none_found,
            row.plain_ndcg,
            row.default_ndcg,
            row.default_recall
        );
    }
    let mut worst: Vec<&Answered> = report.answered.iter().collect();
    worst.sort_by(|a, b| a.scores.ndcg.total_cmp(&b.scores.ndcg));
    println!("\nnDCG@10  plain  query, and its hits with their grades");
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
            "{:>7.3}  {:.3}  {} ({}): {}",
            it.scores.ndcg,
            it.plain.ndcg,
            it.query.words,
            it.query.kind,
            graded.join(" ")
        );
    }
}
