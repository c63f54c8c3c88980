//! Who is near whom: the pairs that a text has with others, and what they mean.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use words::Sizes;

use super::postings::Holders;
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

/// A search among holders takes so many steps that it is cheaper to go through them all, unless they
/// are so many times more than what is searched for.
const SEARCH_STEPS: usize = 12;

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
        if common < Self::least(a, b) {
            return None;
        }
        let level = a.level.max(b.level);
        let (a, b) = (a.at(level), b.at(level));
        let (smaller, all) = (a.min(b), (a + b).saturating_sub(common));
        if common * 1_000 >= RESEMBLANCE * all {
            return Some(Self::Alike);
        }
        let score = (common * 1_000).checked_div(smaller)? << 16 | common;
        Some(if a < b {
            Self::Part(score)
        } else {
            Self::Whole(score)
        })
    }

    /// So many hashes in common make two speeches a pair, and fewer do not.
    fn least(a: &Sizes, b: &Sizes) -> u32 {
        let level = a.level.max(b.level);
        let (a, b) = (a.at(level), b.at(level));
        let alike = (RESEMBLANCE * (a + b)).div_ceil(1_000 + RESEMBLANCE);
        let part = match a.min(b) {
            0 => alike,
            smaller => (CONTAINMENT * smaller).div_ceil(1_000),
        };
        alike.min(part).max(MIN_COMMON)
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
    fn pairs(&mut self, number: u32, keys: &[u32]) -> Vec<(u32, Pair)> {
        let holders = self.postings.of_all(keys);
        let (mut phrases, others): (Vec<_>, Vec<_>) = holders
            .into_iter()
            .partition(|holders| holders.len() > FREQUENT);
        let are_all_here = self.gone.is_empty();
        let is_here = |other: &u32| are_all_here || self.speeches[*other as usize].is_here;
        let tally = &mut self.tally;
        tally.begin(self.speeches.len());
        for other in others.iter().flat_map(Holders::iter).filter(is_here) {
            tally.think_of(other);
            tally.count(other);
        }
        for holders in &phrases {
            for other in holders.iter().filter(is_here).take(FREQUENT) {
                tally.think_of(other);
            }
        }
        let sizes = |number: u32| &self.sizes[number as usize];
        // Most fall before it comes to the longest of them.
        phrases.sort_unstable_by_key(Holders::len);
        let mut num_left = u32::try_from(phrases.len()).unwrap_or(u32::MAX);
        let own = sizes(number);
        tally.keep(num_left, |other| {
            (other != number).then(|| Pair::least(own, sizes(other)))
        });
        for holders in &phrases {
            if holders.len() < tally.len() * SEARCH_STEPS {
                holders.iter().for_each(|other| tally.count(other));
            } else {
                tally.count_where(|other| holders.holds(other));
            }
            num_left -= 1;
            tally.drop_hopeless(num_left);
        }
        let pair = |other, common| Pair::of(sizes(number), sizes(other), common);
        let found = tally.counts();
        let found = found.filter_map(|(other, common)| Some((other, pair(other, common)?)));
        let mut pairs: Vec<_> = found.collect();
        pairs.sort_unstable_by_key(|(other, _)| *other);
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_hashes_as_a_pair_needs_make_one_and_fewer_do_not() {
        let sizes = |level, count: u8| Sizes {
            level,
            counts: std::array::from_fn(|step| count >> step),
        };
        for (level, a, b) in (0..3).flat_map(|level| (0..=64).map(move |a| (level, a, 37))) {
            let (a, b) = (sizes(level, a), sizes(1, b));
            let least = Pair::least(&a, &b);
            for common in 0..=64 {
                assert_eq!(Pair::of(&a, &b, common).is_some(), common >= least);
                let (a, b) = (a.at(level.max(1)), b.at(level.max(1)));
                let is_alike = common * 1_000 >= RESEMBLANCE * (a + b).saturating_sub(common);
                let is_part = a > 0 && b > 0 && common * 1_000 >= CONTAINMENT * a.min(b);
                let is_pair = common >= MIN_COMMON && (is_alike || is_part);
                assert_eq!(is_pair, common >= least);
            }
        }
    }
}
