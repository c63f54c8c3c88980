//! Which speeches are copies of each other, as a pure table: no clock, no network, no texts.
//!
//! In: sketches of texts by id, in batches. Out: the cluster of each, named by its smallest id, and
//! which of the others changed theirs. What is a copy and what is not promised: `clusters/design.md`.

mod bytes;
mod near;
mod postings;
mod tally;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use messages::SpeechId;
use words::{Sizes, Sketch};

use near::Best;
use postings::Postings;
use tally::Tally;

/// The sketch of a speech that is new or another one now; none: it is gone.
pub(crate) type Change = (SpeechId, Option<Sketch>);

/// The 128 bits of a speech's id; they sort as its digits do.
type Id = [u8; 16];

/// One in so many postings may be of a speech that is gone.
const MAX_GONE: usize = 8;

/// What is new is linked, then the clusters that this broke; the second changes no pair. Speeches that
/// see each other one-sidedly, for there are too many holders of a phrase, could go on for ever.
const MAX_ROUNDS: usize = 2;

/// The table.
#[derive(Default)]
pub struct Clusters {
    numbers: BTreeMap<Id, u32>,
    /// By number.
    speeches: Vec<Speech>,
    /// By number, too: one speech is compared with a thousand.
    sizes: Vec<Sizes>,
    /// Numbers that nobody has.
    free: Vec<u32>,
    /// Numbers whose postings are still there.
    gone: Vec<u32>,
    num_gone_postings: usize,
    postings: Postings,
    /// Members of the clusters of two and more, by the number of the one that names it.
    members: HashMap<u32, Vec<u32>>,
    tally: Tally,
}

/// What is known of a speech.
#[derive(Clone)]
struct Speech {
    id: Id,
    /// Of its keys: the same text is not taken twice.
    print: u64,
    /// The one that names its cluster.
    root: u32,
    /// The text that it is a part of.
    best: Option<Best>,
    is_here: bool,
}

/// A batch at work.
#[derive(Default)]
struct Work {
    /// Speeches without their edges yet.
    loose: Vec<(u32, Vec<u32>)>,
    /// Their numbers, until their turn has come.
    waiting: BTreeSet<u32>,
    /// Clusters that may have lost an edge.
    broken: BTreeSet<u32>,
    /// What the clusters of those that were moved were called before.
    before: HashMap<u32, Id>,
}

impl Clusters {
    /// Takes sketches in, and speeches out (`None`). Output: speeches that were here before and are in
    /// a cluster of another name now.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) -> Vec<SpeechId> {
        let mut work = Work::default();
        let mut arrived = BTreeSet::new();
        for (id, sketch) in changes {
            let id = id_of(&id);
            let print = sketch.as_ref().map(print_of);
            if let Some(&number) = self.numbers.get(&id) {
                if print == Some(self.speeches[number as usize].print) {
                    continue;
                }
                work.broken.insert(self.speeches[number as usize].root);
                self.take_out(number, &mut work);
            }
            if let (Some(sketch), Some(print)) = (sketch, print) {
                let number = self.take_in(id, print, sketch.sizes);
                arrived.insert(id);
                work.loose.push((number, sketch.keys));
            }
        }
        self.postings.insert_all(&work.loose);
        for _ in 0..MAX_ROUNDS {
            self.loosen(&mut work);
            work.waiting = work.loose.iter().map(|(number, _)| *number).collect();
            for (number, keys) in std::mem::take(&mut work.loose) {
                if self.speeches[number as usize].is_here {
                    self.link(number, &keys, &mut work);
                }
            }
        }
        self.tidy();
        let moved = work.before.iter().filter_map(|(number, name)| {
            let speech = &self.speeches[*number as usize];
            let is_moved = speech.is_here
                && !arrived.contains(&speech.id)
                && self.speeches[speech.root as usize].id != *name;
            is_moved.then_some(speech.id)
        });
        moved
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter_map(name_of)
            .collect()
    }

    /// The cluster of a speech. `None`: it is not in the table.
    pub fn cluster_of(&self, id: &SpeechId) -> Option<SpeechId> {
        let number = self.numbers.get(&id_of(id))?;
        let root = self.speeches[*number as usize].root;
        name_of(self.speeches[root as usize].id)
    }

    /// Speeches in the table.
    pub fn num_speeches(&self) -> usize {
        self.numbers.len()
    }

    /// Bytes of memory, nearly.
    pub fn num_bytes(&self) -> usize {
        // A tree's nodes are two thirds full.
        let numbers = self.numbers.len() * (size_of::<Id>() + size_of::<u32>()) * 3 / 2;
        let members = self.members.values();
        let members: usize = members
            .map(|list| (list.capacity() * size_of::<u32>()) + 2 * size_of::<(u32, Vec<u32>)>())
            .sum();
        let speeches = self.speeches.capacity() * size_of::<Speech>()
            + self.sizes.capacity() * size_of::<Sizes>();
        numbers + members + speeches + self.postings.num_bytes() + self.tally.num_bytes()
    }

    fn take_in(&mut self, id: Id, print: u64, sizes: Sizes) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            u32::try_from(self.speeches.len()).expect("fewer speeches than four thousand million")
        });
        let speech = Speech {
            id,
            print,
            root: number,
            best: None,
            is_here: true,
        };
        put(&mut self.speeches, number, speech);
        put(&mut self.sizes, number, sizes);
        self.numbers.insert(id, number);
        number
    }

    fn take_out(&mut self, number: u32, work: &mut Work) {
        let speech = &mut self.speeches[number as usize];
        speech.is_here = false;
        self.num_gone_postings += usize::from(self.sizes[number as usize].counts[0]);
        self.numbers.remove(&speech.id);
        self.gone.push(number);
        work.before.remove(&number);
    }

    /// Takes broken clusters apart; their members are to be linked anew.
    fn loosen(&mut self, work: &mut Work) {
        let mut wanted = BTreeSet::new();
        for root in std::mem::take(&mut work.broken) {
            let name = self.speeches[root as usize].id;
            for number in self.members.remove(&root).unwrap_or_default() {
                let speech = &mut self.speeches[number as usize];
                speech.root = number;
                speech.best = None;
                if speech.is_here {
                    work.before.entry(number).or_insert(name);
                    wanted.insert(number);
                }
            }
        }
        // One that is left alone may still be a part of something elsewhere.
        work.loose.extend(self.keys_of(&wanted));
    }

    /// Reads keys back out of the postings: one walk through all of them.
    fn keys_of(&self, wanted: &BTreeSet<u32>) -> BTreeMap<u32, Vec<u32>> {
        let mut keys: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        if wanted.is_empty() {
            return keys;
        }
        let mut is_wanted = vec![false; self.speeches.len()];
        for number in wanted {
            is_wanted[*number as usize] = true;
            keys.insert(*number, Vec::new());
        }
        for (key, number) in self.postings.each() {
            if is_wanted[number as usize]
                && let Some(keys) = keys.get_mut(&number)
            {
                keys.push(key);
            }
        }
        keys
    }

    /// Puts two clusters together: the one with the greater name takes the other's.
    fn unite(&mut self, a: u32, b: u32, work: &mut Work) {
        let (a, b) = (
            self.speeches[a as usize].root,
            self.speeches[b as usize].root,
        );
        if a == b {
            return;
        }
        let is_named_by_a = self.speeches[a as usize].id < self.speeches[b as usize].id;
        let (root, other) = if is_named_by_a { (a, b) } else { (b, a) };
        let name = self.speeches[other as usize].id;
        let moved = self.members.remove(&other).unwrap_or_else(|| vec![other]);
        for number in &moved {
            self.speeches[*number as usize].root = root;
            work.before.entry(*number).or_insert(name);
        }
        let members = self.members.entry(root).or_insert_with(|| vec![root]);
        members.extend(moved);
    }

    /// Drops the postings of speeches that are gone, when they are many.
    fn tidy(&mut self) {
        if self.num_gone_postings * MAX_GONE <= self.postings.len() {
            return;
        }
        let speeches = &self.speeches;
        self.postings
            .retain(|number| speeches[number as usize].is_here);
        self.free.append(&mut self.gone);
        self.num_gone_postings = 0;
    }
}

/// Puts a value in the place of a number, which is there or the next.
fn put<T>(places: &mut Vec<T>, number: u32, value: T) {
    if let Some(place) = places.get_mut(number as usize) {
        *place = value;
        return;
    }
    if places.len() == places.capacity() {
        // Doubling would leave a third of it empty.
        places.reserve_exact(64 + places.len() / 16);
    }
    places.push(value);
}

/// # Panics
///
/// Never: an id is 32 hex digits.
fn id_of(id: &SpeechId) -> Id {
    let number = u128::from_str_radix(id.as_str(), 16).expect("an id is 32 hex digits");
    number.to_be_bytes()
}

fn name_of(id: Id) -> Option<SpeechId> {
    format!("{:032x}", u128::from_be_bytes(id)).parse().ok()
}

/// FNV-1a of the keys, which are a text's own.
fn print_of(sketch: &Sketch) -> u64 {
    sketch
        .keys
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |print: u64, key| {
            (print ^ u64::from(*key)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests;
