//! The sketch of a text: some hashes of its 5-grams, chosen by the hashes themselves.
//!
//! In: a text. Out: up to [`MAX_KEYS`] keys, also as text, since a sketch travels. Every text keeps the grams whose hash ends in `level` zero
//! bits, long texts at higher levels than short ones: two sketches are compared over the higher level of the two.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::script::simplified_chars;

/// Characters of a gram.
const GRAM: usize = 5;

/// Most keys of a sketch. A text of many grams has between half of it and all of it.
pub const MAX_KEYS: usize = 64;

/// Levels above its own that a sketch knows its size at: a text 128 times as long is one of them.
pub const LEVELS: usize = 8;

/// Zero bits that the upper half of a hash can end in.
const MAX_LEVEL: u8 = 32;

/// Bytes of a sketch as text.
const MAX_TEXT: usize = (1 + LEVELS + MAX_KEYS * size_of::<u32>()).div_ceil(3) * 4;

/// Hashes that are gathered before the level is raised.
const CHUNK: usize = 1_024;

/// What is kept of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// The low halves of the hashes, sorted.
    pub keys: Vec<u32>,
    /// How many hashes they stand for.
    pub sizes: Sizes,
}

/// How many hashes a sketch holds, at its own level and at higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// The zero bits that every hash of it ends in.
    pub level: u8,
    /// Hashes at this level and at each above it.
    pub counts: [u8; LEVELS],
}

impl Sizes {
    /// Hashes at a level that is not below the sketch's own.
    pub fn at(&self, level: u8) -> u32 {
        let step = usize::from(level.saturating_sub(self.level));
        self.counts.get(step).copied().map_or(0, u32::from)
    }
}

impl Sketch {
    /// The sketch of a text, in simplified characters.
    pub fn of(text: &str) -> Self {
        let mut gathered = Gathered::default();
        let mut window = [0_u64; GRAM];
        for (at, c) in letters(simplified_chars(text)).enumerate() {
            window.copy_within(1.., 0);
            window[GRAM - 1] = u64::from(u32::from(c));
            if at + 1 >= GRAM {
                gathered.push(hash(&window));
            }
        }
        gathered.finish()
    }

    /// As it travels: base64 without padding of the level, the counts, and the keys, big-endian.
    pub fn to_text(&self) -> String {
        let mut bytes = vec![self.sizes.level];
        bytes.extend(self.sizes.counts);
        bytes.extend(self.keys.iter().flat_map(|key| key.to_be_bytes()));
        STANDARD_NO_PAD.encode(bytes)
    }

    /// The sketch that was written so. `None`: it was not, and is to be made of its text.
    pub fn of_text(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let bytes = STANDARD_NO_PAD.decode(text).ok()?;
        let ([level], rest) = bytes.split_first_chunk()?;
        let (counts, rest) = rest.split_first_chunk::<LEVELS>()?;
        let (keys, rest) = rest.as_chunks();
        let keys: Vec<u32> = keys.iter().copied().map(u32::from_be_bytes).collect();
        let is_one = rest.is_empty()
            && *level <= MAX_LEVEL
            && counts.is_sorted_by(|a, b| a >= b)
            // Two hashes may have the same low half.
            && keys.len() <= usize::from(counts[0])
            && usize::from(counts[0]) <= MAX_KEYS
            && keys.is_sorted_by(|a, b| a < b);
        is_one.then_some(Self {
            keys,
            sizes: Sizes {
                level: *level,
                counts: *counts,
            },
        })
    }
}

#[derive(Default)]
struct Gathered {
    hashes: Vec<u64>,
    level: u8,
}

impl Gathered {
    fn push(&mut self, hash: u64) {
        if level_of(hash) < self.level {
            return;
        }
        self.hashes.push(hash);
        if self.hashes.len() >= CHUNK {
            self.tidy();
        }
    }

    /// One of each, and so few that there is room for more.
    fn tidy(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        while self.hashes.len() > MAX_KEYS {
            self.level += 1;
            self.hashes.retain(|hash| level_of(*hash) >= self.level);
        }
    }

    fn finish(mut self) -> Sketch {
        self.tidy();
        let mut counts = [0; LEVELS];
        for (count, level) in counts.iter_mut().zip(self.level..) {
            let held = self.hashes.iter().filter(|hash| level_of(**hash) >= level);
            *count = u8::try_from(held.count()).unwrap_or(u8::MAX);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the upper half is the level's"
        )]
        let keys: BTreeSet<u32> = self.hashes.iter().map(|hash| *hash as u32).collect();
        Sketch {
            keys: keys.into_iter().collect(),
            sizes: Sizes {
                level: self.level,
                counts,
            },
        }
    }
}

/// Zero bits at the end of the upper half: one more in every second hash.
fn level_of(hash: u64) -> u8 {
    let zeros = (hash >> 32).trailing_zeros();
    u8::try_from(zeros).map_or(MAX_LEVEL, |zeros| zeros.min(MAX_LEVEL))
}

/// What copies have in common: no marks, no space, no numbers, no blanks, one case.
fn letters(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    chars.filter_map(|c| match c {
        // The tables are slow; nearly all that is asked about stands here.
        '某' | '，' | '。' | '、' | '：' | '；' | '“' | '”' | '！' => None,
        '\u{4e00}'..='\u{9fff}' => Some(c),
        _ => {
            let c = wide_to_narrow(c.to_lowercase().next()?);
            (c.is_alphabetic() && !matches!(c, 'x' | '〇')).then_some(c)
        }
    })
}

/// Letters of full width, as the libraries write X.
fn wide_to_narrow(c: char) -> char {
    match c {
        'ａ'..='ｚ' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// FNV-1a over whole characters, then the final mix of `MurmurHash3`: the same on every machine.
fn hash(gram: &[u64; GRAM]) -> u64 {
    let mut hash = gram.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, c| {
        (hash ^ c).wrapping_mul(0x0100_0000_01b3)
    });
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str =
        "同志们：今天我们在云河市召开防汛工作会议，主要任务是总结上半年的情况，部署下一步的工作。";

    #[test]
    fn blanks_numbers_marks_and_script_make_no_difference() {
        let a = Sketch::of("X月X日，某县召開2024年農業工作會議，部署春耕生產。");
        let b = Sketch::of("×月×日 ＸＸ县召开2023年农业工作会议,部署春耕生产");
        assert_eq!(a, b);
        assert!(!a.keys.is_empty());
    }

    #[test]
    fn a_long_text_keeps_no_more_than_its_share_and_no_less_than_half_of_it() {
        let text: String = (0..30_000_u32)
            .filter_map(|n| char::from_u32(0x4e00 + n.wrapping_mul(2_654_435_761) % 20_000))
            .collect();
        let sketch = Sketch::of(&text);
        assert!((MAX_KEYS / 3..=MAX_KEYS).contains(&sketch.keys.len()));
        assert_eq!(usize::from(sketch.sizes.counts[0]), sketch.keys.len());
    }

    #[test]
    fn a_text_shorter_than_a_gram_has_an_empty_sketch() {
        assert!(Sketch::of("同志们！").keys.is_empty());
        assert_eq!(Sketch::of(TEXT).sizes.level, 0);
    }

    #[test]
    fn what_is_no_sketch_is_none() {
        let text = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
        let is_one = |bytes: &[u8]| Sketch::of_text(&text(bytes)).is_some();
        let two_keys = [0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        assert!(is_one(&two_keys) && is_one(&[0; 9]));
        let with = |at: usize, byte: u8| {
            let mut bytes = two_keys;
            bytes[at] = byte;
            bytes
        };
        assert!(!is_one(&[]) && !is_one(&[0; 8]), "too short");
        assert!(!is_one(&two_keys[..15]), "half a key");
        assert!(!is_one(&with(16, 1)), "the same key twice");
        assert!(!is_one(&with(12, 3)), "unsorted");
        assert!(!is_one(&with(1, 1)), "more keys than hashes");
        assert!(!is_one(&with(2, 3)), "more at a higher level");
        assert!(!is_one(&with(0, 33)), "no such level");
        let keys = (0..65_u32).flat_map(u32::to_be_bytes);
        let many: Vec<u8> = [0, 65].into_iter().chain([0; 7]).chain(keys).collect();
        assert!(is_one(&[&[0, 64], &many[2..many.len() - 4]].concat()));
        assert!(!is_one(&many), "more than its most");
        assert!(Sketch::of_text(&format!("{}==", text(&[0; 10]))).is_none());
    }

    proptest! {
        #[test]
        fn a_sketch_comes_back_as_it_travelled(text in "[一-乿a-z，\n]{0,400}", times in 1_usize..40) {
            let sketch = Sketch::of(&text.repeat(times));
            prop_assert_eq!(Sketch::of_text(&sketch.to_text()), Some(sketch));
        }

        #[test]
        fn any_string_is_a_sketch_or_none_and_the_same_one_as_its_bytes(
            text in any::<String>(),
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            for text in [text, STANDARD_NO_PAD.encode(bytes)] {
                let sketch = Sketch::of_text(&text);
                prop_assert!(sketch.is_none_or(|sketch| sketch.to_text() == text));
            }
        }
    }
}
