//! `speechmill reindex`: asks the indexer role to build the index anew from SPEECHES, and shows how
//! far it is. Searches are answered all the while. Ended early, it leaves the reindex going on.

use std::time::{Duration, Instant};

use indexer::{ReindexJob, ReindexStage};
use serde_json::json;
use worker::topology::SPEECHES;
use worker::{Broker, BrokerConfig};

use crate::exit::{self, End};
use crate::output;

/// Between two looks at the job.
const STEP: Duration = Duration::from_millis(200);

/// How long an indexer may take to begin before we say that there may be none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Build the index anew from what NATS holds, while it is searched
#[derive(clap::Args)]
#[command(
    after_help = "An indexer must run: it builds a second index beside the first, with the settings of \
its own version, and swaps the two. An indexer that is started again goes on where the last one \
ended. While a reindex is under way, this command waits for it and asks for no second one.

Examples:
  speechmill reindex
  speechmill reindex --no-wait --json"
)]
pub(crate) struct Args {
    /// Ask for it, and do not wait for its end
    #[arg(long)]
    no_wait: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    broker: BrokerConfig,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    let broker = Broker::connect(&args.broker, "reindex").await?;
    broker.create_absent().await?;
    let mut job = ReindexJob::ask(&broker).await?;
    let started = Instant::now();
    let (mut shown, mut has_complained) = (None, false);
    while !args.no_wait && job.stage != ReindexStage::Done {
        if job.by.is_none() && !has_complained && started.elapsed() > PATIENCE {
            exit::complain("no indexer has begun yet: is one running?");
            has_complained = true;
        }
        if shown != Some((job.stage, job.num_taken)) {
            shown = Some((job.stage, job.num_taken));
            progress(&broker, &job).await?;
        }
        tokio::time::sleep(STEP).await;
        let asked_at = job.asked_at;
        match ReindexJob::last(&broker).await? {
            Some(last) if last.asked_at == asked_at => job = last,
            // Ours has ended, and somebody has asked for the next.
            _ => job.stage = ReindexStage::Done,
        }
    }
    if args.json {
        output::json(&json!({
            "stage": job.stage, "num_taken": job.num_taken, "num_refused": job.num_refused,
        }))?;
    } else if args.no_wait {
        output::line("asked for")?;
    } else {
        output::line(format!(
            "the index is new: {} messages taken, {} documents refused",
            job.num_taken, job.num_refused
        ))?;
    }
    Ok(End::Done)
}

async fn progress(broker: &Broker, job: &ReindexJob) -> anyhow::Result<()> {
    let what = match job.stage {
        ReindexStage::Building => {
            let stream = broker.stream_state(SPEECHES).await?;
            let all = stream.map_or(0, |stream| stream.num_messages);
            format!("{} of about {all} speeches", job.num_taken)
        }
        ReindexStage::Asked => "waiting for an indexer".to_owned(),
        ReindexStage::Switching => "switching".to_owned(),
        ReindexStage::Swapped | ReindexStage::Done => "switched".to_owned(),
    };
    exit::complain(what);
    Ok(())
}
