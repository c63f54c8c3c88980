//! `--learn`: all pages are read twice, first to learn what their hosts have in common.
//!
//! Whatever their order is, the answers are the same: every page is answered with what all of them
//! taught. Standard input goes to a temporary file; of each host the traits of 500 pages are kept.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use extractor::{HostMemory, MAX_LEARNED, Traits};
use messages::{Host, UrlId};
use sites::Sites;

use super::jsonl::{self, Saved};
use crate::exit::End;

/// The pages that a host is learned from: those with the smallest ids, so that order decides nothing.
type Pages = BTreeMap<UrlId, Traits>;

pub(super) fn run(sites: &Sites) -> anyhow::Result<End> {
    let mut spool = BufWriter::new(tempfile::tempfile()?);
    let mut hosts: HashMap<Host, Pages> = HashMap::new();
    jsonl::each_batch(io::stdin(), |batch| {
        for line in batch {
            spool.write_all(line)?;
        }
        let learned = jsonl::work(batch, |line| traits_surely(line, sites));
        for (host, url_id, traits) in learned.into_iter().flatten() {
            add(hosts.entry(host).or_default(), url_id, traits);
        }
        Ok(())
    })?;
    let memories: HashMap<Host, Arc<HostMemory>> = hosts
        .into_iter()
        .map(|(host, pages)| (host, Arc::new(freeze(pages))))
        .collect();
    let mut spool: File = spool.into_inner()?;
    spool.rewind()?;
    let nothing = Arc::new(HostMemory::empty());
    jsonl::answer_all(spool, sites, |host| {
        memories.get(host).unwrap_or(&nothing).clone()
    })
}

/// One of two pages with the same address counts, whichever comes first.
fn add(pages: &mut Pages, url_id: UrlId, traits: Traits) {
    match pages.get(&url_id) {
        Some(known) if *known <= traits => {}
        _ => {
            pages.insert(url_id, traits);
        }
    }
    if pages.len() > MAX_LEARNED {
        pages.pop_last();
    }
}

fn freeze(pages: Pages) -> HostMemory {
    let traits: Vec<Traits> = pages.into_values().collect();
    HostMemory::freeze(1, &traits)
}

/// What a page teaches that yields a speech.
fn traits_surely(line: &[u8], sites: &Sites) -> Option<(Host, UrlId, Traits)> {
    let traits = || {
        let saved = Saved::read(line).ok()?;
        let traits = Traits::of(&saved.view(), sites)?;
        Some((saved.url.host(), UrlId::of(&saved.url), traits))
    };
    // The second pass says which line it was.
    catch_unwind(AssertUnwindSafe(traits)).ok().flatten()
}
