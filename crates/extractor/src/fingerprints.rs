//! What near-copies have in common: a hash of the text, and a `SimHash` over character 4-grams.
//!
//! Libraries blank out names and numbers differently, so blanks become one symbol and digit runs 0.

use std::fmt::Write;

use messages::Fingerprints;
use sha2::{Digest, Sha256};

use crate::{normalise, placeholders};

/// Characters of a gram: white space parts no Chinese words.
const GRAM: usize = 4;

/// What every blank becomes.
const BLANK: char = '\u{25a1}';

pub(crate) fn of(text: &str) -> Fingerprints {
    let digest = Sha256::digest(normalise::folded(text));
    let text_sha256 = digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Fingerprints {
        text_sha256,
        simhash64: format!("{:016x}", simhash(&levelled(text))),
    }
}

/// The text with its blanks and numbers made alike.
fn levelled(text: &str) -> Vec<char> {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for range in placeholders::find(text) {
        out.push_str(&text[from..range.start]);
        out.push(BLANK);
        from = range.end;
    }
    out.push_str(&text[from..]);
    let mut chars: Vec<char> = Vec::new();
    for c in normalise::folded(&out).chars() {
        let c = if c.is_ascii_digit() { '0' } else { c };
        if c != '0' || chars.last() != Some(&'0') {
            chars.push(c);
        }
    }
    chars
}

/// Charikar, "Similarity estimation techniques from rounding algorithms", 2002.
fn simhash(chars: &[char]) -> u64 {
    // The votes for all bits at once: in the first word their ones, in the second their twos, and on.
    let mut votes = [0_u64; 32];
    for gram in chars.windows(GRAM) {
        let mut carry = hash(gram);
        for digit in &mut votes {
            (*digit, carry) = (*digit ^ carry, *digit & carry);
            if carry == 0 {
                break;
            }
        }
    }
    let num_grams = (chars.len() + 1).saturating_sub(GRAM) as u64;
    let votes_of = |bit: usize| -> u64 {
        let digits = votes.iter().enumerate();
        digits
            .map(|(place, digit)| (digit >> bit & 1) << place)
            .sum()
    };
    (0..64)
        .filter(|&bit| votes_of(bit) * 2 > num_grams)
        .fold(0, |all, bit| all | 1 << bit)
}

/// FNV-1a with a final mix: the same on every machine and in every version.
fn hash(gram: &[char]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for &c in gram {
        for byte in u32::from(c).to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(text: &str) -> u64 {
        u64::from_str_radix(&of(text).simhash64, 16).unwrap()
    }

    #[test]
    fn copies_with_other_blanks_and_numbers_have_the_same_simhash() {
        let base = "X月X日，全县召开农业工作会议，部署2024年春耕生产，要求各乡镇抓好落实。";
        let copy = "××月×日，全县召开农业工作会议，部署2023年春耕生产， 要求各乡镇抓好落实。";
        assert_eq!(bits(base), bits(copy));
        assert_ne!(of(base).text_sha256, of(copy).text_sha256);
    }

    #[test]
    fn other_texts_are_far_apart() {
        let a = "全县召开农业工作会议，部署春耕生产，要求各乡镇抓好落实，确保粮食安全和农民增收。";
        let b =
            "同学们，今天是开学的日子，我代表学校欢迎你们，希望你们努力学习，健康成长，报效祖国。";
        assert!((bits(a) ^ bits(b)).count_ones() > 12);
    }
}
