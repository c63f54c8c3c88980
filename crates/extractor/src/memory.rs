//! What the pages of a host have in common: lines that stand on several of them are the site's own and
//! no part of a speech, and what several titles end with is no part of a title.
//!
//! In: the traits of a host's pages. Out: a memory that is frozen, and the marks that it sets on a
//! page's blocks. Neither depends on the order of the pages. It keeps hashes and never a text.

mod traits;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use messages::Hashes;

pub use traits::Traits;

use crate::blocks::Flat;
use crate::normalise::num_chars;

/// Pages of a host that are learned from, at most.
pub const MAX_LEARNED: usize = 500;

/// The code under which the site's own lines leave a text.
pub(crate) const RULE: &str = "boilerplate";

/// Blocks that are kept, at most; the most frequent win.
const MAX_BLOCKS: usize = 4_096;

/// The same of titles' tails.
const MAX_TAILS: usize = 32;

/// A block is the site's own if it stands with so many different texts, at least; with the square root
/// of their number where that is more: of many texts, two share a phrase by chance.
const MIN_TEXTS: usize = 2;

/// A tail is the site's own if so many texts' titles share it.
const MIN_TITLES: usize = 3;

/// Characters that are left of a title without its tail, at least.
const SHORTEST_TITLE: usize = 5;

/// What a host's pages taught, frozen in one generation; the empty one knows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostMemory {
    generation: u32,
    blocks: HashSet<u64>,
    tails: HashSet<u64>,
}

impl HostMemory {
    /// Nothing learned yet: generation 0.
    pub fn empty() -> Self {
        Self::default()
    }

    /// What these pages have in common. Copies of one text, under whatever addresses, count once, and
    /// so a page has nothing against itself.
    pub fn freeze(generation: u32, pages: &[Traits]) -> Self {
        let texts = texts(pages);
        let num_texts = texts.iter().map(|(text, _)| text + 1).max().unwrap_or(0);
        let blocks = seen(&texts, |page| &page.blocks);
        let tails = seen(&texts, |page| &page.tails);
        Self {
            generation,
            blocks: most_frequent(blocks, MIN_TEXTS.max(num_texts.isqrt()), MAX_BLOCKS),
            tails: most_frequent(tails, MIN_TITLES, MAX_TAILS),
        }
    }

    /// A memory as its record keeps it.
    pub fn of_hashes(generation: u32, blocks: &Hashes, tails: &Hashes) -> Self {
        Self {
            generation,
            blocks: blocks.iter().copied().collect(),
            tails: tails.iter().copied().collect(),
        }
    }

    /// The hashes of its blocks and of its tails, sorted.
    pub fn to_hashes(&self) -> (Hashes, Hashes) {
        let sorted = |hashes: &HashSet<u64>| hashes.iter().copied().collect::<BTreeSet<u64>>();
        (
            sorted(&self.blocks).into_iter().collect(),
            sorted(&self.tails).into_iter().collect(),
        )
    }

    /// The generation, as records carry it.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether there is nothing that it knows.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.tails.is_empty()
    }

    /// Takes the mass of the blocks that are the site's own.
    pub(crate) fn mark(&self, flat: &mut Flat) {
        for block in &mut flat.blocks {
            if self.knows(&block.text) {
                block.known = true;
                block.mass = 0.0;
            }
        }
    }

    /// Whether a block is the site's own.
    pub(crate) fn knows(&self, text: &str) -> bool {
        !self.blocks.is_empty()
            && traits::is_block(text)
            && self.blocks.contains(&traits::hash(text))
            && !traits::is_of_speeches(text)
    }

    /// A title without the site's tail, if enough of it is left.
    pub(crate) fn without_tail<'a>(&self, title: &'a str) -> &'a str {
        if self.tails.is_empty() {
            return title;
        }
        traits::tails(title)
            .find(|(head, tail)| {
                num_chars(head) >= SHORTEST_TITLE && self.tails.contains(&traits::hash(tail))
            })
            .map_or(title, |(head, _)| head)
    }
}

/// The pages, each with the number of its text; the longer of two copies gives the number.
fn texts(pages: &[Traits]) -> Vec<(usize, &Traits)> {
    let mut pages: Vec<&Traits> = pages.iter().collect();
    pages.sort_unstable_by_key(|page| (Reverse(page.num_chars()), *page));
    let mut originals: Vec<&Traits> = Vec::new();
    let numbered = pages.into_iter().map(|page| {
        let known = originals.iter().position(|text| page.is_copy_of(text));
        let number = known.unwrap_or_else(|| {
            originals.push(page);
            originals.len() - 1
        });
        (number, page)
    });
    numbered.collect()
}

/// Every hash with every text that it was seen with.
fn seen(texts: &[(usize, &Traits)], hashes: impl Fn(&Traits) -> &[u64]) -> Vec<(u64, usize)> {
    let of_page = |&(text, page)| hashes(page).iter().map(move |&hash| (hash, text));
    texts.iter().flat_map(of_page).collect()
}

/// The hashes seen with that many texts or more; ties go to the smaller hash.
fn most_frequent(mut seen: Vec<(u64, usize)>, num_texts: usize, limit: usize) -> HashSet<u64> {
    seen.sort_unstable();
    seen.dedup();
    let counts = seen.chunk_by(|a, b| a.0 == b.0);
    let mut frequent: Vec<(usize, u64)> = counts
        .map(|texts| (texts.len(), texts[0].0))
        .filter(|(count, _)| *count >= num_texts)
        .collect();
    frequent.sort_unstable_by_key(|&(count, hash)| (Reverse(count), hash));
    frequent.truncate(limit);
    frequent.into_iter().map(|(_, hash)| hash).collect()
}

#[cfg(test)]
mod tests;
