//! Who is near whom: the pairs that a text has with others, and what they mean.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::sketch::Sizes;
use super::{Clusters, Id, Work};

/// Two texts that share so much of all that is in either are one text, in thousandths.
const RESEMBLANCE: u32 = 380;

/// A text that shares so much of itself with a longer one is a part of that, in thousandths.
const CONTAINMENT: u32 = 750;

/// Fewer hashes than this in common say nothing.
const MIN_COMMON: u32 = 7;

/// A key that more speeches hold than this is a phrase: it is counted, but only its first holders are
/// thought of for its sake.
const FREQUENT: usize = 64;

/// The text that another one is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Best {
    pub(super) container: u32,
    /// How much of the part it holds, then how surely.
    pub(super) score: u32,
}

/// What a pair is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pair {
    /// The same text, with some words changed.
    Alike,
    /// The first is a part of the second, with this score.
    Part(u32),
    /// The second is a part of the first.
    Whole(u32),
}

impl Pair {
    fn of(a: &Sizes, b: &Sizes, common: u32) -> Option<Self> {
        if common < MIN_COMMON {
            return None;
        }
        let level = a.level.max(b.level);
        let (a, b) = (a.at(level), b.at(level));
        let (smaller, all) = (a.min(b), (a + b).saturating_sub(common));
        if common * 1_000 >= RESEMBLANCE * all {
            return Some(Self::Alike);
        }
        if smaller == 0 || common * 1_000 < CONTAINMENT * smaller {
            return None;
        }
        let score = (common * 1_000 / smaller) << 16 | common;
        Some(if a < b {
            Self::Part(score)
        } else {
            Self::Whole(score)
        })
    }
}

impl Clusters {
    /// Finds the pairs of a speech and unites it with them.
    pub(super) fn link(&mut self, number: u32, keys: &[u32], work: &mut Work) {
        let pairs = self.pairs(number, keys);
        let alike = pairs.iter().filter(|(_, pair)| *pair == Pair::Alike);
        let alike: BTreeSet<u32> = alike.map(|(other, _)| *other).collect();
        let mut best = None;
        for (other, pair) in pairs {
            match pair {
                Pair::Alike => self.unite(number, other, work),
                Pair::Part(score) => {
                    let container = Best {
                        container: other,
                        score,
                    };
                    best = self.better(best, container);
                }
                // It finds its own when its turn comes.
                Pair::Whole(_) if work.waiting.contains(&other) => {}
                Pair::Whole(score) => {
                    let container = Best {
                        container: number,
                        score,
                    };
                    self.offer(other, container, &alike, work);
                }
            }
        }
        work.waiting.remove(&number);
        self.speeches[number as usize].best = best;
        if let Some(best) = best {
            self.unite(number, best.container, work);
        }
    }

    /// A part belongs to its best container only: what is in two texts does not make them one.
    fn offer(&mut self, part: u32, new: Best, alike: &BTreeSet<u32>, work: &mut Work) {
        let old = self.speeches[part as usize].best;
        if old == Some(new) || self.better(old, new) != Some(new) {
            return;
        }
        self.speeches[part as usize].best = Some(new);
        self.unite(part, new.container, work);
        // What it held together may fall apart, unless the two containers are alike.
        if old.is_some_and(|old| !alike.contains(&old.container)) {
            work.broken.insert(self.speeches[part as usize].root);
        }
    }

    /// The better container of a part: of two that hold as much, the one with the smaller id.
    fn better(&self, old: Option<Best>, new: Best) -> Option<Best> {
        let rank = |best: &Best| (best.score, Reverse(self.id(best.container)));
        old.into_iter().chain([new]).max_by_key(rank)
    }

    fn id(&self, number: u32) -> Id {
        self.speeches[number as usize].id
    }

    /// All pairs of a speech, in the order of numbers.
    fn pairs(&self, number: u32, keys: &[u32]) -> Vec<(u32, Pair)> {
        let mut common: HashMap<u32, u32> = HashMap::new();
        let mut phrases = Vec::new();
        for key in keys {
            let holders = self.postings.of(*key);
            if holders.len() > FREQUENT {
                phrases.push(holders);
                continue;
            }
            for other in holders.iter() {
                *common.entry(other).or_default() += 1;
            }
        }
        for holders in &phrases {
            let here = holders.iter().filter(|other| self.is_here(*other));
            for other in here.take(FREQUENT) {
                common.entry(other).or_default();
            }
        }
        let sizes = |number: u32| &self.speeches[number as usize].sizes;
        let num_phrases = u32::try_from(phrases.len()).unwrap_or(u32::MAX);
        let mut pairs: Vec<(u32, Pair)> = common
            .into_iter()
            .filter(|(other, _)| *other != number && self.is_here(*other))
            .filter_map(|(other, common)| {
                let pair = |common| Pair::of(sizes(number), sizes(other), common);
                // Most fall even if they held every phrase.
                pair(common + num_phrases)?;
                let held = phrases.iter().filter(|holders| holders.holds(other));
                let held = u32::try_from(held.count()).unwrap_or_default();
                Some((other, pair(common + held)?))
            })
            .collect();
        pairs.sort_unstable_by_key(|(other, _)| *other);
        pairs
    }

    fn is_here(&self, number: u32) -> bool {
        self.speeches[number as usize].is_here
    }
}
