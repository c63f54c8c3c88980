//! The table as bytes, the same for the same speeches in whatever order they came.
//!
//! A version byte, then speeches by id; numbers are places in that order. Nothing is trusted: what does
//! not fit together is no table.

use std::collections::{BTreeMap, BTreeSet};

use super::near::Best;
use super::sketch::{LEVELS, MAX_KEYS, Sizes};
use super::{Clusters, Speech};

/// Another version is no table, and a new one is made from SPEECHES.
const VERSION: u8 = 1;

/// No container.
const NONE: u32 = u32::MAX;

impl Clusters {
    /// The table as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers: BTreeSet<u32> = self.numbers.values().copied().collect();
        let keys = self.keys_of(&numbers);
        let places: BTreeMap<u32, u32> = self.numbers.values().copied().zip(0..).collect();
        let place = |number: u32| places.get(&number).copied().unwrap_or(NONE);
        let mut bytes = vec![VERSION];
        for number in self.numbers.values() {
            let speech = &self.speeches[*number as usize];
            bytes.extend(speech.id);
            bytes.extend(speech.print.to_le_bytes());
            bytes.extend(place(speech.root).to_le_bytes());
            let best = speech
                .best
                .map_or((NONE, 0), |best| (place(best.container), best.score));
            bytes.extend(best.0.to_le_bytes());
            bytes.extend(best.1.to_le_bytes());
            bytes.push(speech.sizes.level);
            bytes.extend(speech.sizes.counts);
            let keys = keys.get(number).map_or(&[][..], Vec::as_slice);
            bytes.push(u8::try_from(keys.len()).unwrap_or(u8::MAX));
            bytes.extend(keys.iter().flat_map(|key| key.to_le_bytes()));
        }
        bytes
    }

    /// The table of these bytes. `None`: they are not one, or one of another version.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut reader = Reader(rest);
        let mut table = Self::default();
        while !reader.0.is_empty() {
            table.read_speech(&mut reader)?;
        }
        let num = u32::try_from(table.speeches.len()).ok()?;
        for (number, speech) in (0..num).zip(&table.speeches) {
            let root = table.speeches.get(speech.root as usize)?;
            let is_held = speech.best.is_none_or(|best| best.container < num);
            if root.root != speech.root || root.id > speech.id || !is_held {
                return None;
            }
            table.members.entry(speech.root).or_default().push(number);
        }
        table.members.retain(|_, members| members.len() > 1);
        Some(table)
    }

    fn read_speech(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let number = u32::try_from(self.speeches.len()).ok()?;
        let id = reader.take()?;
        if self
            .numbers
            .last_key_value()
            .is_some_and(|(last, _)| *last >= id)
        {
            return None;
        }
        let print = u64::from_le_bytes(reader.take()?);
        let root = reader.number()?;
        let (container, score) = (reader.number()?, reader.number()?);
        let [level] = reader.take()?;
        let counts = reader.take::<LEVELS>()?;
        let [num_keys] = reader.take()?;
        if usize::from(num_keys) > MAX_KEYS || usize::from(counts[0]) > MAX_KEYS {
            return None;
        }
        for _ in 0..num_keys {
            self.postings.insert(reader.number()?, number);
        }
        self.numbers.insert(id, number);
        self.speeches.push(Speech {
            id,
            print,
            root,
            best: (container != NONE).then_some(Best { container, score }),
            sizes: Sizes { level, counts },
            is_here: true,
        });
        Some(())
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
}
