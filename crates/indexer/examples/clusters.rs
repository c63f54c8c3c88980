//! The table of copies alone: what `cargo xtask bench clusters` measures.
//!
//! In: speeches on standard input, one a line, as id and text, parted by a tab. Out: a line for each, as
//! id and cluster, then one of seconds and bytes of memory. Speeches go in by batches, as the indexer's do.

use std::io::{BufRead, BufWriter, Write};
use std::time::{Duration, Instant};

use indexer::{Clusters, Sketch};
use messages::SpeechId;

/// Speeches of a batch.
const BATCH: usize = 200;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let mut table = Clusters::default();
    let mut ids: Vec<SpeechId> = Vec::new();
    let mut taken = Duration::ZERO;
    let mut batch = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (id, text) = line.split_once('\t').ok_or("a line has two fields")?;
        let id: SpeechId = id.parse()?;
        let started = Instant::now();
        batch.push((id.clone(), Some(Sketch::of(text))));
        if batch.len() == BATCH {
            table.apply(batch.drain(..));
        }
        taken += started.elapsed();
        ids.push(id);
    }
    let started = Instant::now();
    table.apply(batch);
    taken += started.elapsed();
    let mut out = BufWriter::new(std::io::stdout().lock());
    for id in ids {
        let cluster = table.cluster_of(&id).ok_or("a speech has a cluster")?;
        writeln!(out, "{}\t{}", id.as_str(), cluster.as_str())?;
    }
    writeln!(out, "{}\t{}", taken.as_secs_f64(), table.num_bytes())?;
    Ok(out.flush()?)
}
