//! What one page tells of its host: hashes of its short blocks, and of what its `<title>` may end with.
//!
//! In: a page that yields a speech. Out: its traits; they hold no text.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use sites::{Sites, charset};

use crate::blocks::flatten;
use crate::normalise::{comparable, num_chars};
use crate::{HostMemory, PageView, collections, dom, extract, kind, noise, structure, title};

/// Characters of a block, at most: longer ones are paragraphs, which copied speeches share.
const LONGEST: usize = 120;

/// Blocks of one page, at most.
const MAX_BLOCKS: usize = 2_048;

/// Lines of a page's speeches by which copies are known, at most.
const MAX_LINES: usize = 512;

/// Characters of a tail.
const TAIL_CHARS: std::ops::RangeInclusive<usize> = 2..=40;

/// What one page tells of its host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traits {
    /// The lines of its speeches, by which copies are known: hashes, sorted, and characters.
    lines: Box<[(u64, usize)]>,
    pub(super) blocks: Box<[u64]>,
    pub(super) tails: Box<[u64]>,
}

impl Traits {
    /// The traits of a page that yields a speech; any other would only name what it leads to.
    pub fn of(page: &PageView<'_>, sites: &Sites) -> Option<Self> {
        let found = extract(page, sites, &HostMemory::empty()).ok()?;
        let text = found.speeches.iter().flat_map(|speech| speech.text.lines());
        let lines: BTreeMap<u64, usize> = text
            .take(MAX_LINES)
            .map(|line| (hash(line), num_chars(line)))
            .collect();
        if lines.is_empty() {
            return None;
        }
        let decoded = charset::decode(page.body, page.content_type).ok()?;
        let dom = dom::parse(&decoded.text).ok()?;
        let blocks = flatten(&dom.html).blocks;
        let short = blocks
            .iter()
            .filter(|it| it.chars > 0 && is_block(&it.text));
        let title = title::of_page(&dom.html);
        Some(Self {
            lines: lines.into_iter().collect(),
            blocks: distinct(short.take(MAX_BLOCKS).map(|block| hash(&block.text))),
            tails: distinct(tails(&title).map(|(_, tail)| hash(tail))),
        })
    }

    /// Characters of its speeches.
    pub(super) fn num_chars(&self) -> usize {
        self.lines.iter().map(|(_, chars)| chars).sum()
    }

    /// Whether half of the shorter text stands in the other one too.
    pub(super) fn is_copy_of(&self, other: &Self) -> bool {
        let is_common = |line: &&(u64, usize)| other.lines.binary_search(line).is_ok();
        let common = self.lines.iter().filter(is_common);
        let common: usize = common.map(|(_, chars)| chars).sum();
        2 * common >= self.num_chars().min(other.num_chars())
    }
}

fn distinct(hashes: impl Iterator<Item = u64>) -> Box<[u64]> {
    let sorted: BTreeSet<u64> = hashes.collect();
    sorted.into_iter().collect()
}

/// Whether a block is short enough to be the site's own, or a notice of copyright.
pub(super) fn is_block(text: &str) -> bool {
    num_chars(text) <= LONGEST || noise::rule_of(text) == Some("copyright")
}

/// Whether speeches have a line in common by their nature, so that no number of pages makes it the
/// site's own.
pub(super) fn is_of_speeches(text: &str) -> bool {
    let line = [text.to_owned()];
    structure::is_heading_alone(text)
        || collections::is_mark(text)
        || structure::salutation(&line).is_some()
        || structure::closing(&line).is_some()
        || structure::announced(&line).is_some()
}

/// The ways to part a title in two at a mark, the longest tail first. What ends in a kind of speech is
/// no tail.
pub(super) fn tails(title: &str) -> impl Iterator<Item = (&str, &str)> {
    title::SEPARATOR
        .find_iter(title)
        .map(|mark| (&title[..mark.start()], &title[mark.end()..]))
        .filter(|(_, tail)| TAIL_CHARS.contains(&num_chars(tail)) && kind::of(tail).is_none())
}

/// 64 bits of SHA-256: the same in every process and every version.
pub(super) fn hash(text: &str) -> u64 {
    let digest = Sha256::digest(comparable(text));
    digest[..8]
        .iter()
        .fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}
