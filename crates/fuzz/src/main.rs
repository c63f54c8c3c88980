//! Runs one target: `fuzz TARGET EXECUTIONS SEED INPUT`, within 512 MB.
//!
//! Each input is in the file INPUT while it runs, so that whoever watches has the one that never ended
//! or ended the process. Out: nothing, and exit code 0.

use std::io::{Seek, Write};

use anyhow::Context;
use fuzz::{Mutator, find, seeds};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Bytes of memory that are reserved, at most.
const MAX_MEMORY: u64 = 512 * 1024 * 1024;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [target, executions, seed, input] = &args[..] else {
        anyhow::bail!("usage: fuzz TARGET EXECUTIONS SEED INPUT");
    };
    let target = find(target).context("there is no such target")?;
    let bound = Rlimit {
        current: Some(MAX_MEMORY),
        maximum: Some(MAX_MEMORY),
    };
    setrlimit(Resource::As, bound)?;
    let mut mutator = Mutator::new(seed.parse()?, seeds(target)?, target.words);
    let mut file = std::fs::File::create(input)?;
    for _ in 0..executions.parse::<u64>()? {
        let bytes = mutator.next_input();
        file.rewind()?;
        file.write_all(&bytes)?;
        file.set_len(bytes.len() as u64)?;
        (target.run)(&bytes);
    }
    Ok(())
}
