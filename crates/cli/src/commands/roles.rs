//! The roles `crawler`, `extractor` and `indexer`, each a process of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use crawler::{Admission, Crawler, CrawlerConfig};
use extractor::ExtractorConfig;
use indexer::{IndexError, Indexer, IndexerConfig, Rebuild};
use sites::{Sites, SitesConfig};
use worker::topology::{CRAWLER, CRAWLER_CONSUMES, EXTRACTOR_CONSUMES, INDEXER_CONSUMES};
use worker::{Failure, Process, Verdict, WorkerConfig};

use crate::exit::End;
use crate::role::{Loop, Role, RoleConfig, init_logs};
use crate::signals::Signals;

/// How long a starting indexer looks for Meilisearch.
const PATIENCE: Duration = Duration::from_secs(5);

/// Options of the role `crawler`.
#[derive(Args)]
#[command(after_help = "Examples:
  speechmill crawler --contact https://www.example.com/about-our-crawler
  SPEECHMILL_NATS_URL=nats://nats:4222 speechmill crawler --delay 5s --sites ./profiles")]
pub(crate) struct CrawlerArgs {
    #[command(flatten)]
    crawler: CrawlerConfig,
    #[command(flatten)]
    sites: SitesConfig,
    #[command(flatten)]
    role: RoleConfig,
}

/// Options of the role `extractor`.
#[derive(Args)]
#[command(after_help = "Examples:
  speechmill extractor
  SPEECHMILL_NATS_URL=nats://nats:4222 speechmill extractor --sites ./profiles")]
pub(crate) struct ExtractorArgs {
    #[command(flatten)]
    extractor: ExtractorConfig,
    #[command(flatten)]
    sites: SitesConfig,
    #[command(flatten)]
    role: RoleConfig,
}

/// Options of the role `indexer`.
#[derive(Args)]
#[command(after_help = "Examples:
  speechmill indexer
  SPEECHMILL_MEILI_URL=http://meilisearch:7700 SPEECHMILL_MEILI_KEY=... speechmill indexer")]
pub(crate) struct IndexerArgs {
    #[command(flatten)]
    indexer: IndexerConfig,
    #[command(flatten)]
    role: RoleConfig,
}

pub(crate) async fn crawler(args: CrawlerArgs) -> anyhow::Result<End> {
    init_logs(&args.role.telemetry);
    let sites = Arc::new(args.sites.load()?);
    args.crawler.validate()?;
    let role = Role::set_up("crawler", &CRAWLER_CONSUMES, &args.role, Signals::watch()?).await?;
    let loops = crawler_loops(&role.process, &args.crawler, args.role.worker, &sites)?;
    role.run(loops).await
}

pub(crate) async fn extractor(args: ExtractorArgs) -> anyhow::Result<End> {
    init_logs(&args.role.telemetry);
    let sites = Arc::new(args.sites.load()?);
    let role = Role::set_up(
        "extractor",
        &EXTRACTOR_CONSUMES,
        &args.role,
        Signals::watch()?,
    )
    .await?;
    let loops = extractor_loops(&role.process, &args.extractor, &sites);
    role.run(loops).await
}

pub(crate) async fn indexer(args: IndexerArgs) -> anyhow::Result<End> {
    init_logs(&args.role.telemetry);
    args.indexer.validate()?;
    let role = Role::set_up("indexer", &INDEXER_CONSUMES, &args.role, Signals::watch()?).await?;
    let loops = indexer_loops(&role.process, &args.indexer).await?;
    role.run(loops).await
}

pub(crate) fn crawler_loops(
    process: &Process,
    config: &CrawlerConfig,
    worker: WorkerConfig,
    sites: &Arc<Sites>,
) -> anyhow::Result<Vec<Loop>> {
    let (sweeping, recrawling) = (process.clone(), process.clone());
    let broker = process.broker();
    let admission = Admission::new(broker.clone(), config, sites.clone());
    let crawler = Crawler::new(broker.clone(), config, worker.retry, sites.clone())?;
    Ok(vec![
        stage_loop(process, admission.submitted()),
        stage_loop(process, admission.found()),
        stage_loop(process, crawler),
        Box::pin(async move { sweeping.keep_swept(CRAWLER, "crawl.later.*").await }),
        Box::pin(async move { crawler::keep_recrawled(&recrawling).await }),
    ])
}

pub(crate) fn extractor_loops(
    process: &Process,
    config: &ExtractorConfig,
    sites: &Arc<Sites>,
) -> Vec<Loop> {
    let (pages, again) = extractor::stages(process.broker().clone(), config, sites.clone());
    let trimming = process.clone();
    vec![
        stage_loop(process, pages),
        stage_loop(process, again),
        Box::pin(async move { trimming.keep_trimmed(worker::topology::EXTRACTOR).await }),
    ]
}

pub(crate) async fn indexer_loops(
    process: &Process,
    config: &IndexerConfig,
) -> anyhow::Result<Vec<Loop>> {
    let sink = Indexer::new(config, process.broker().clone())?;
    prepare(&sink).await?;
    let (rebuild, snapshots, settings) = (Rebuild::new(&sink), sink.clone(), sink.clone());
    let (rebuilding, keeping, watching) = (process.clone(), process.clone(), process.clone());
    let process = process.clone();
    Ok(vec![
        Box::pin(async move {
            let ended = process.run_sink(sink.clone()).await;
            sink.write_snapshot().await;
            ended
        }),
        Box::pin(async move { rebuild.keep(&rebuilding).await }),
        Box::pin(async move { snapshots.keep_snapshots(&keeping).await }),
        Box::pin(async move { settings.watch_settings(&watching).await }),
    ])
}

/// A role that starts beside Meilisearch may come first; one that finds nothing says so and ends.
async fn prepare(sink: &Indexer) -> Result<(), IndexError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match sink.prepare().await {
            Err(error) if error.verdict() == Verdict::Wait && Instant::now() < until => {
                tracing::warn!("waiting: {}", worker::chain(&error));
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            ended => return ended,
        }
    }
}

fn stage_loop(process: &Process, stage: impl worker::Stage) -> Loop {
    let process = process.clone();
    Box::pin(async move { process.run(stage).await })
}
