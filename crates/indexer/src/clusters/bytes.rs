//! The table as bytes, the same for the same speeches in whatever order they came.
//!
//! A version byte, then speeches by id; numbers are places in that order. Nothing is trusted: what does
//! not fit together is no table.

use words::{LEVELS, MAX_KEYS, Sizes};

use super::near::Best;
use super::{Clusters, Speech};

/// No container.
const NONE: u32 = u32::MAX;

impl Clusters {
    /// Raised with every change to what is in the bytes: their order, but also sketches, what makes a
    /// pair and what makes a cluster. Another version is no table, and a new one is made from SPEECHES.
    pub(crate) const VERSION: u8 = 1;

    /// The table as bytes. Needs no more memory than these, nearly.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut num_keys = vec![0_u8; self.speeches.len()];
        for (_, number) in self.postings.each() {
            let num_keys = &mut num_keys[number as usize];
            *num_keys = num_keys.saturating_add(1);
        }
        let mut places = vec![NONE; self.speeches.len()];
        for (number, place) in self.numbers.values().zip(0..) {
            places[*number as usize] = place;
        }
        let place = |number: u32| places[number as usize];
        let mut bytes = vec![Self::VERSION];
        // Where the next key of a speech goes; nowhere, for one that is gone.
        let mut next_key = vec![0_usize; self.speeches.len()];
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
            let sizes = &self.sizes[*number as usize];
            bytes.push(sizes.level);
            bytes.extend(sizes.counts);
            let num_keys = num_keys[*number as usize];
            bytes.push(num_keys);
            next_key[*number as usize] = bytes.len();
            bytes.resize(bytes.len() + usize::from(num_keys) * size_of::<u32>(), 0);
        }
        for (key, number) in self.postings.each() {
            let at = &mut next_key[number as usize];
            if *at > 0 {
                bytes[*at..*at + size_of::<u32>()].copy_from_slice(&key.to_le_bytes());
                *at += size_of::<u32>();
            }
        }
        bytes
    }

    /// The table of these bytes. `None`: they are not one, or one of another version.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        if *version != Self::VERSION {
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
            is_here: true,
        });
        self.sizes.push(Sizes { level, counts });
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
