//! `speechmill check --documents`: what an audit found, and what its repair came to, as findings.

use indexer::{Audit, Differences, MeiliConfig, Repaired};
use worker::Broker;
use worker::topology::SPEECHES;

use super::Finding;

const WHAT: &str = "documents";

/// Reasons of refusals that are printed.
const MAX_REASONS: usize = 5;

/// What is newer than SPEECHES is no one's to put right.
const AHEAD: &str = "documents ahead";

/// Whether documents are looked at, and more than that.
#[derive(clap::Args)]
pub(super) struct Documents {
    /// Compare the index with SPEECHES too, document by document: a minute for 100,000 speeches
    #[arg(long)]
    documents: bool,

    /// Write the documents that are missing or stale, take out those of no speech
    #[arg(long, requires = "documents")]
    repair: bool,
}

pub(super) async fn check(
    broker: Broker,
    config: &MeiliConfig,
    args: &Documents,
) -> anyhow::Result<Vec<Finding>> {
    if !args.documents {
        return Ok(Vec::new());
    }
    if broker.stream_state(SPEECHES).await?.is_none() {
        let note = "can't be compared: there is no stream SPEECHES yet";
        return Ok(vec![Finding::bad(WHAT, note)]);
    }
    let audit = Audit::new(config, broker)?;
    let found = audit.compare().await?;
    let mut findings = differences(&found);
    if args.repair && !found.is_empty() {
        let repaired = audit.repair(&found).await?;
        // What was put right is no fault any more.
        for finding in &mut findings {
            finding.ok |= finding.what != AHEAD;
        }
        findings.extend(outcome(&repaired));
    }
    Ok(findings)
}

fn differences(found: &Differences) -> Vec<Finding> {
    if found.is_empty() {
        let note = format!("{} speeches, each as SPEECHES has it", found.num_speeches);
        return vec![Finding::good(WHAT, note)];
    }
    let waiting = match found.num_waiting {
        0 => String::new(),
        number => format!("; {number} messages still wait for an indexer"),
    };
    let sorts = [
        (
            "documents missing",
            &found.missing,
            format!("speeches are not in the index{waiting}"),
        ),
        (
            "documents stale",
            &found.stale,
            format!("documents are older than their speech{waiting}"),
        ),
        (
            "documents surplus",
            &found.surplus,
            format!("documents are of no speech, or of one that is withdrawn{waiting}"),
        ),
        (
            AHEAD,
            &found.ahead,
            "documents are newer than SPEECHES and left alone: was the stream replaced?".to_owned(),
        ),
    ];
    let different = sorts.into_iter().filter(|(_, ids, _)| !ids.is_empty());
    different
        .map(|(what, ids, note)| Finding {
            ids: ids.clone(),
            ..Finding::bad(what, format!("{} {note}", ids.len()))
        })
        .collect()
}

fn outcome(repaired: &Repaired) -> Vec<Finding> {
    let what = "documents repaired";
    let mut findings = vec![Finding::good(what, repaired.num_done.to_string())];
    if !repaired.refused.is_empty() {
        let reasons: Vec<String> = repaired
            .refused
            .iter()
            .take(MAX_REASONS)
            .map(|(id, error)| format!("{id}: {}", worker::chain(error)))
            .collect();
        let number = repaired.refused.len();
        findings.push(Finding {
            ids: repaired.refused.iter().map(|(id, _)| id.clone()).collect(),
            ..Finding::bad(
                "documents refused",
                format!("{number} can't be repaired ({})", reasons.join("; ")),
            )
        });
    }
    findings
}
