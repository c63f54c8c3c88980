//! `speechmill up`: everything on one machine, in one process and two servers of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use crawler::CrawlerConfig;
use extractor::ExtractorConfig;
use indexer::{IndexerConfig, Secret};
use servers::{MeiliOptions, MeiliServer, NatsOptions, NatsServer, port};
use sites::{Sites, SitesConfig};

use crate::commands::roles::{crawler_loops, extractor_loops, indexer_loops};
use crate::exit::{End, Unreachable};
use crate::output;
use crate::role::{Role, RoleConfig, init_logs};
use crate::signals::Signals;

const NATS_PORT: u16 = 4222;
const MEILI_PORT: u16 = 7700;

/// Said of a server whose URL was given: it may hold a password.
const GIVEN: &str = "the one that was given";

/// Run everything on this machine.
#[derive(clap::Args)]
#[command(
    after_help = "A server whose URL is given is used; otherwise `up` starts its own, on the default port or a free
one, and keeps its data in SPEECHMILL_DATA.

Examples:
  speechmill up
  SPEECHMILL_NATS_URL=nats://127.0.0.1:4222 speechmill up"
)]
pub(crate) struct Args {
    /// Where the servers that it starts keep their data
    #[arg(long, env = "SPEECHMILL_DATA", default_value = "./data")]
    data: PathBuf,

    #[command(flatten)]
    crawler: CrawlerConfig,

    #[command(flatten)]
    extractor: ExtractorConfig,

    #[command(flatten)]
    indexer: IndexerConfig,

    #[command(flatten)]
    sites: SitesConfig,

    #[command(flatten)]
    role: RoleConfig,
}

/// The servers that we started, stopped in reverse when all else has ended.
#[derive(Default)]
struct Own {
    nats: Option<NatsServer>,
    meili: Option<MeiliServer>,
}

pub(crate) async fn run(mut args: Args, matches: Option<&ArgMatches>) -> anyhow::Result<End> {
    init_logs(&args.role.telemetry);
    let sites = Arc::new(args.sites.load()?);
    args.crawler.validate()?;
    args.indexer.validate()?;
    let signals = Signals::watch_with_children()?;
    let mut own = Own::default();
    let ended = tokio::select! {
        ended = work(&mut args, matches, &sites, &signals, &mut own) => ended,
        () = signals.at_once.cancelled() => Ok(signals.end()),
    };
    own.stop().await;
    ended
}

async fn work(
    args: &mut Args,
    matches: Option<&ArgMatches>,
    sites: &Arc<Sites>,
    signals: &Signals,
    own: &mut Own,
) -> anyhow::Result<End> {
    let is_given = |id: &str| {
        matches.and_then(|matches| matches.value_source(id)) != Some(ValueSource::DefaultValue)
    };
    let started = tokio::select! {
        started = own.start(args, !is_given("nats_url"), !is_given("meili_url")) => started,
        () = signals.shutdown.cancelled() => return Ok(signals.end()),
    };
    started?;
    output::line(format!("NATS          {}", own.nats_url()))?;
    output::line(format!("Meilisearch   {}", own.meili_url()))?;
    run_roles(args, sites, signals.clone(), own).await
}

async fn run_roles(
    args: &Args,
    sites: &Arc<Sites>,
    signals: Signals,
    own: &mut Own,
) -> anyhow::Result<End> {
    let shutdown = signals.shutdown.clone();
    let role = Role::set_up("up", &worker::topology::CONSUMERS, &args.role, signals).await?;
    let mut loops = crawler_loops(&role.process, &args.crawler, args.role.worker, sites)?;
    loops.extend(extractor_loops(&role.process, &args.extractor, sites));
    loops.extend(indexer_loops(&role.process, &args.indexer).await?);
    output::line("ready         publish URLs with `speechmill submit URL`, end with Ctrl-C")?;
    let running = role.run(loops);
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => ended,
        dead = own.died() => {
            shutdown.cancel();
            let _ = running.await;
            Err(dead.into())
        }
    }
}

/// Our servers belong to a group of their own: Ctrl-C is for us, and they end after the roles have.
async fn start_nats(args: &Args) -> anyhow::Result<NatsServer> {
    let options = NatsOptions {
        port: Some(NATS_PORT).filter(|&number| port::is_free(number)),
        own_group: true,
        ..NatsOptions::new(args.data.join("nats"))
    };
    Ok(NatsServer::start(options).await?)
}

async fn start_meili(args: &Args) -> anyhow::Result<MeiliServer> {
    let options = MeiliOptions {
        port: Some(MEILI_PORT).filter(|&number| port::is_free(number)),
        master_key: args
            .indexer
            .meili
            .meili_key
            .as_ref()
            .map(Secret::expose)
            .filter(|key| !key.is_empty())
            .map(ToOwned::to_owned),
        own_group: true,
        ..MeiliOptions::new(args.data.join("meilisearch"))
    };
    Ok(MeiliServer::start(options).await?)
}

impl Own {
    async fn start(&mut self, args: &mut Args, nats: bool, meili: bool) -> anyhow::Result<()> {
        if nats {
            let server = start_nats(args).await?;
            args.role.broker.nats_url = server.url();
            self.nats = Some(server);
        }
        if meili {
            let server = start_meili(args).await?;
            args.indexer.meili.meili_url = server.url();
            self.meili = Some(server);
        }
        Ok(())
    }

    fn nats_url(&self) -> String {
        let url = self.nats.as_ref().map(NatsServer::url);
        url.unwrap_or_else(|| GIVEN.to_owned())
    }

    fn meili_url(&self) -> String {
        let url = self.meili.as_ref().map(MeiliServer::url);
        url.unwrap_or_else(|| GIVEN.to_owned())
    }

    /// Ends when one of our servers does.
    async fn died(&mut self) -> Unreachable {
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        loop {
            ticks.tick().await;
            let nats = self.nats.as_mut().and_then(NatsServer::exited);
            let meili = self.meili.as_mut().and_then(MeiliServer::exited);
            let name = match (nats, meili) {
                (Some(_), _) => "nats-server",
                (_, Some(_)) => "Meilisearch",
                _ => continue,
            };
            return Unreachable(format!(
                "{name} ended by itself: see its log in SPEECHMILL_DATA"
            ));
        }
    }

    async fn stop(&mut self) {
        if let Some(meili) = &mut self.meili
            && let Err(error) = meili.stop().await
        {
            tracing::warn!("Meilisearch did not end: {error}");
        }
        if let Some(nats) = &mut self.nats
            && let Err(error) = nats.stop().await
        {
            tracing::warn!("nats-server did not end: {error}");
        }
    }
}
