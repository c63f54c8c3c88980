//! `speechmill check`: compares NATS, Meilisearch and the profiles with what this version needs.

mod documents;

use indexer::{Meili, MeiliConfig, Searcher};
use serde::Serialize;
use sites::SitesConfig;
use worker::topology::STREAMS;
use worker::{Broker, BrokerConfig};

use crate::exit::End;
use crate::output;

/// The part of the store that streams may claim; the rest is for KV buckets and for NATS itself.
const STORE_SHARE: f64 = 0.8;

/// Compare NATS and Meilisearch with what this version needs.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill check
  speechmill check --apply                 create what is absent, alter what is different
  speechmill check --documents             compare every document with SPEECHES
  speechmill check --documents --repair    and put right what differs, beside the indexer")]
pub(crate) struct Args {
    /// Create what is absent and alter what is different, in NATS and in Meilisearch
    #[arg(long)]
    apply: bool,

    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,

    /// Size that the frontier may reach, in MiB: as the crawlers are told
    #[arg(long, env = "SPEECHMILL_FRONTIER_MAX_MIB", default_value_t = 512)]
    frontier_max_mib: u64,

    #[command(flatten)]
    documents: documents::Documents,

    #[command(flatten)]
    broker: BrokerConfig,

    #[command(flatten)]
    meili: MeiliConfig,

    #[command(flatten)]
    sites: SitesConfig,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: String,
    ok: bool,
    note: String,
    /// The speeches that it is about; only in JSON.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
}

impl Finding {
    fn good(what: &str, note: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            ok: true,
            note: note.into(),
            ids: Vec::new(),
        }
    }

    fn bad(what: &str, note: impl Into<String>) -> Self {
        Self {
            ok: false,
            ..Self::good(what, note)
        }
    }

    fn print(&self, json: bool) -> std::io::Result<()> {
        if json {
            return output::json(self);
        }
        let mark = if self.ok { "ok " } else { "BAD" };
        output::line(format!("{mark}  {}: {}", self.what, self.note))
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    args.sites.load()?;
    let searcher = Searcher::new(&args.meili)?;
    let mut is_good = true;
    // Printed as they come: what stops one part must not hide what was found before.
    let mut print = |findings: Vec<Finding>| {
        is_good &= findings.iter().all(|finding| finding.ok);
        findings
            .iter()
            .try_for_each(|finding| finding.print(args.json))
    };
    print(vec![Finding::good("profiles", "can be read")])?;
    let broker = Broker::connect(&args.broker, "check").await?;
    print(nats(&broker, args.apply).await?)?;
    print(vec![store(&broker, args.frontier_max_mib).await?])?;
    print(meilisearch(&searcher, &args).await?)?;
    print(documents::check(broker, &args.meili, &args.documents).await?)?;
    Ok(if is_good { End::Done } else { End::Nothing })
}

async fn nats(broker: &Broker, apply: bool) -> anyhow::Result<Vec<Finding>> {
    let mut findings = vec![Finding::good("nats-server", broker.server_version())];
    if apply {
        for difference in broker.apply_topology().await? {
            findings.push(Finding::good(&difference.what, "altered"));
        }
    }
    let absent = broker.absent().await?;
    for what in &absent {
        findings.push(Finding::bad(
            what,
            "is absent: `speechmill check --apply` creates it",
        ));
    }
    let differences = broker.differences().await?;
    for difference in &differences {
        findings.push(Finding::bad(&difference.what, difference.how.join(", ")));
    }
    if absent.is_empty() && differences.is_empty() {
        findings.push(Finding::good(
            "streams, consumers and buckets",
            "as declared",
        ));
    }
    Ok(findings)
}

async fn store(broker: &Broker, frontier_max_mib: u64) -> anyhow::Result<Finding> {
    let frontier = frontier_max_mib.saturating_mul(1024 * 1024);
    // The one stream without a limit is the frontier, which admission keeps in bounds.
    let limits = STREAMS.map(|stream| stream.max_bytes(broker.config()).unwrap_or(frontier));
    let claimed = limits.into_iter().fold(0, u64::saturating_add);
    let what = "store";
    let claimed_text = output::bytes(claimed);
    Ok(match broker.store_limit().await? {
        None => Finding::good(
            what,
            format!("streams may fill {claimed_text}; the account has no limit"),
        ),
        Some(limit) => {
            let limit_text = output::bytes(limit);
            let fits = claimed as f64 <= limit as f64 * STORE_SHARE;
            if fits {
                Finding::good(
                    what,
                    format!("streams may fill {claimed_text} of {limit_text}"),
                )
            } else {
                Finding::bad(
                    what,
                    format!(
                        "streams may fill {claimed_text}, more than 80 % of the account's {limit_text}: \
                     raise that limit or lower SPEECHMILL_PAGES_MAX_MIB or SPEECHMILL_FRONTIER_MAX_MIB"
                    ),
                )
            }
        }
    })
}

async fn meilisearch(searcher: &Searcher, args: &Args) -> anyhow::Result<Vec<Finding>> {
    let version = searcher.version().await?;
    let meili = Meili::new(&args.meili)?;
    let mut findings = vec![Finding::good("Meilisearch", version)];
    let what = format!("index {}", args.meili.index);
    if args.apply {
        meili.apply_settings().await?;
    }
    findings.push(if meili.has_wanted_settings().await? {
        Finding::good(&what, "settings as declared")
    } else {
        Finding::bad(
            &what,
            "absent, or with other settings: an indexer sets it up, or `check --apply`",
        )
    });
    Ok(findings)
}
