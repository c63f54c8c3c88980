//! Which of two texts of the same page is the better one, and how far they agree.
//!
//! Agreement is the overlap of character 4-grams. The bounds were fitted on pages with human text.

use messages::Removed;

use crate::body::removed;
use crate::normalise::comparable;
use crate::{HostMemory, memory, noise};

/// Texts shorter than this, in characters, are no match for the other one.
const MIN_CHARS: usize = 150;

/// From this length on a short text may be the whole speech, if the other one holds it and more.
const SHORT_SPEECH: usize = 40;

/// Which text was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Winner {
    First,
    Second,
}

/// What an arbitration found.
pub(crate) struct Verdict {
    pub(crate) winner: Winner,
    /// F1 of the two, 0 to 1.
    pub(crate) agreement: f64,
    /// The second found next to nothing, which says nothing of the first.
    pub(crate) is_stub: bool,
}

/// Drops the noise lines of the second opinion, which knows nothing of them, and those of the site.
pub(crate) fn clean(lines: Vec<String>, memory: &HostMemory) -> (Vec<String>, Vec<Removed>) {
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for line in lines {
        let rule = noise::drops(&line);
        match rule.or_else(|| memory.knows(&line).then_some(memory::RULE)) {
            Some(rule) => dropped.push(removed(rule, &line)),
            None => kept.push(line),
        }
    }
    (kept, dropped)
}

/// Weighs the first extractor's lines against the second's.
pub(crate) fn arbitrate(first: &[String], second: &[String]) -> Verdict {
    let texts = (comparable(&first.concat()), comparable(&second.concat()));
    let lengths = (texts.0.chars().count(), texts.1.chars().count());
    let (in_second, in_first) = overlap(&texts.0, &texts.1);
    let sum = in_second + in_first;
    let agreement = if sum > 0.0 {
        2.0 * in_second * in_first / sum
    } else {
        0.0
    };
    let winner = |first_wins| {
        if first_wins {
            Winner::First
        } else {
            Winner::Second
        }
    };
    let purity = (purity(first), purity(second));
    let winner = if lengths.1 < MIN_CHARS {
        Winner::First
    } else if lengths.0 < MIN_CHARS && (lengths.0 < SHORT_SPEECH || in_second < 0.9) {
        Winner::Second
    } else if agreement > 0.85 {
        winner(purity.0 >= purity.1)
    } else if in_second > 0.9 {
        // The second holds the first: the smaller only if it is clearly purer.
        winner(purity.0 - purity.1 > 0.15 && in_first > 0.3)
    } else if in_first > 0.9 {
        winner(purity.1 < purity.0 - 0.05)
    } else {
        let weight = |purity: f64, length: usize| purity * (length as f64).sqrt();
        winner(weight(purity.1, lengths.1) < weight(purity.0, lengths.0))
    };
    Verdict {
        winner,
        agreement,
        is_stub: lengths.1 < MIN_CHARS && agreement < 0.5,
    }
}

/// Share of the first's 4-grams found in the second, and the other way round.
fn overlap(first: &str, second: &str) -> (f64, f64) {
    let (a, b) = (grams(first), grams(second));
    let (mut common, mut at) = (0, 0);
    for gram in &a {
        while b.get(at).is_some_and(|other| other < gram) {
            at += 1;
        }
        if b.get(at) == Some(gram) {
            (common, at) = (common + 1, at + 1);
        }
    }
    let share = |grams: &[u128]| f64::from(common) / grams.len().max(1) as f64;
    (share(&a), share(&b))
}

/// All of them, in the order of their numbers.
fn grams(text: &str) -> Vec<u128> {
    let number = |gram: &[char]| {
        let chars = gram.iter().map(|&c| u128::from(u32::from(c)));
        chars.fold(0, |all, c| all << 32 | c)
    };
    let chars: Vec<char> = text.chars().collect();
    let mut grams: Vec<u128> = chars.windows(4).map(number).collect();
    grams.sort_unstable();
    grams
}

/// Share of the characters in lines that read like prose.
pub(crate) fn purity(lines: &[String]) -> f64 {
    let (mut prose, mut all) = (0, 0);
    for line in lines {
        let length = line.chars().count();
        all += length;
        if length >= 15 && line.contains(['，', '。', '；', '！', '？', '、']) {
            prose += length;
        }
    }
    prose as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&t| t.to_owned()).collect()
    }

    #[test]
    fn of_two_that_agree_the_purer_wins() {
        let prose: Vec<String> = (0..20)
            .map(|n| format!("第{n}项任务，要明确责任，要抓好落实，要按时完成。"))
            .collect();
        let mut with_menu = prose.clone();
        with_menu.push("首页 新闻 公告".to_owned());
        let verdict = arbitrate(&prose, &with_menu);
        assert_eq!(verdict.winner, Winner::First);
        assert!(verdict.agreement > 0.9);
        assert_eq!(arbitrate(&with_menu, &prose).winner, Winner::Second);
    }

    #[test]
    fn a_short_speech_is_not_given_up_for_a_list() {
        let short = lines(&[
            "九十年风雨兼程，九十年薪火相传。今天，我们共同庆祝母校九十岁生日。",
            "祝母校桃李满园，祝各位身体健康！",
        ]);
        let list = (0..5).map(|n| format!("在全县第{n}次春季农业生产现场会上的讲话"));
        let with_list: Vec<String> = list.chain(short.clone()).collect();
        assert_eq!(arbitrate(&short, &with_list).winner, Winner::First);
    }

    #[test]
    fn a_stub_never_wins() {
        let stub = lines(&["请登录，谢谢。"]);
        let long: Vec<String> = (0..30)
            .map(|n| format!("这是第{n}段话，内容完整。"))
            .collect();
        assert_eq!(arbitrate(&stub, &long).winner, Winner::Second);
        let verdict = arbitrate(&long, &stub);
        assert_eq!(verdict.winner, Winner::First);
        assert!(verdict.is_stub);
        assert!(!arbitrate(&long, &long).is_stub);
    }
}
