//! `speechmill check`: compares NATS, Meilisearch and the profiles with what this version needs.

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
  speechmill check --apply      create what is absent, alter what is different")]
pub(crate) struct Args {
    /// Create what is absent and alter what is different, in NATS and in Meilisearch
    #[arg(long)]
    apply: bool,

    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,

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
}

impl Finding {
    fn good(what: &str, note: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            ok: true,
            note: note.into(),
        }
    }

    fn bad(what: &str, note: impl Into<String>) -> Self {
        Self {
            ok: false,
            ..Self::good(what, note)
        }
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    args.sites.load()?;
    let mut findings = vec![Finding::good("profiles", "can be read")];
    let broker = Broker::connect(&args.broker, "check").await?;
    findings.extend(nats(&broker, args.apply).await?);
    findings.push(store(&broker).await?);
    findings.extend(meilisearch(&args).await?);
    let mut is_good = true;
    for finding in &findings {
        is_good &= finding.ok;
        if args.json {
            output::json(finding)?;
        } else {
            let mark = if finding.ok { "ok " } else { "BAD" };
            output::line(format!("{mark}  {}: {}", finding.what, finding.note))?;
        }
    }
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

async fn store(broker: &Broker) -> anyhow::Result<Finding> {
    let claimed: u64 = STREAMS
        .iter()
        .filter_map(|stream| stream.max_bytes(broker.config()))
        .sum();
    let what = "store";
    let claimed_text = output::bytes(claimed);
    Ok(match broker.store_limit().await? {
        None => Finding::good(
            what,
            format!("streams may fill {claimed_text}; the account has no limit"),
        ),
        Some(limit) => {
            let limit_text = output::bytes(limit);
            #[allow(clippy::cast_precision_loss)]
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
                     raise that limit or lower SPEECHMILL_PAGES_MAX_MIB"
                    ),
                )
            }
        }
    })
}

async fn meilisearch(args: &Args) -> anyhow::Result<Vec<Finding>> {
    let version = Searcher::new(&args.meili)?.version().await?;
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
