//! Texts, copies of them, and look-alikes that are none: as many as wanted, by a seed.
//!
//! In: a number. Out: the speech of that number, the same every time. Three in a row belong together:
//! a text, a copy of it, and a look-alike. Words are made up; a part of the sentences are phrases that
//! all texts draw from, as official prose does.

use crate::dice::Dice;

/// A text, a copy, a look-alike.
const GROUP: usize = 3;

/// What words are made of.
const SYLLABLES: &str = "天地人和平安定国家民主文明公正法治爱敬业诚信友善山水田林湖草沙城乡村镇街道社区企业学校医院工农商兵教科卫体政经贸财税金融保险交通运输能源电力建设规划土地房产环境生态旅游文化艺术新闻出版广播影视体育健身食品药品质量安全监督管理服务创新改革开放发展合作交流共享绿色协调统筹推进落实提升加强深化完善优化转型升级示范引领带动支撑保障考核评价激励约束责任担当作为奋斗目标任务措施方案计划步骤重点难点热点焦点亮点";

const WORDS: usize = 3_000;
const PHRASES: usize = 500;

const SALUTATIONS: [&str; 4] = [
    "同志们：",
    "各位代表、同志们：",
    "各位来宾、朋友们：",
    "尊敬的各位领导：",
];
const CLOSINGS: [&str; 4] = [
    "我就讲这些，谢谢大家！",
    "让我们携起手来，共同开创更加美好的明天！",
    "最后，祝大家身体健康、工作顺利、阖家幸福！",
    "请各单位会后抓紧传达，认真贯彻落实好本次会议的要求。",
];
const HEADINGS: [&str; 4] = [
    "一、统一思想，充分认识做好当前工作的重要意义。",
    "二、突出重点，全面完成今年确定的各项目标任务。",
    "三、强化措施，切实把各项部署要求落到实处。",
    "四、加强领导，为各项工作顺利开展提供坚强保证。",
];
/// What a template leaves of a sentence, around what it is filled with.
const FRAMES: [(&str, &str); 4] = [
    ("一年来，我们坚持以", "为抓手，取得了明显的成效。"),
    ("下一步，要把", "摆在更加突出的位置来抓。"),
    ("与此同时，", "方面还存在不少薄弱环节。"),
    ("各级各部门要围绕", "主动作为、靠前服务。"),
];

/// How a speech came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A text of its own.
    Text,
    /// So many in a hundred of its characters are in words that were changed.
    Edited(usize),
    /// Only its beginning.
    Truncated,
    /// No copy: the same occasion in another year, a template filled in anew, phrases upon phrases.
    LookAlike,
}

impl Kind {
    pub(super) fn is_copy(self) -> bool {
        matches!(self, Self::Edited(_) | Self::Truncated)
    }
}

pub(super) struct Speech {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// The words and phrases of a seed.
pub(super) struct Set {
    seed: u64,
    words: Vec<String>,
    phrases: Vec<String>,
}

/// The id of a speech; in no order.
pub(super) fn id(number: usize) -> String {
    let mut dice = Dice::new((number.wrapping_mul(7) ^ 0x5eed) as u64);
    format!("{:016x}{:016x}", dice.next(), dice.next())
}

/// The text that a speech was made from.
pub(super) fn base_of(number: usize) -> usize {
    number / GROUP * GROUP
}

impl Set {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let syllables: Vec<char> = SYLLABLES.chars().collect();
        let mut char = || syllables[dice.below(syllables.len())];
        let words = (0..WORDS)
            .map(|_| [char(), char()].iter().collect())
            .collect();
        let mut set = Self {
            seed,
            words,
            phrases: Vec::new(),
        };
        set.phrases = (0..PHRASES).map(|_| set.sentence(&mut dice)).collect();
        set
    }

    /// The speech of a number.
    pub(super) fn speech(&self, number: usize) -> Speech {
        let mut dice = self.dice(number);
        let group = number / GROUP;
        if number.is_multiple_of(GROUP) {
            return Speech {
                kind: Kind::Text,
                text: self.base(group).concat(),
            };
        }
        if number % GROUP == 2 {
            return Speech {
                kind: Kind::LookAlike,
                text: self.look_alike(group, &mut dice).concat(),
            };
        }
        let mut chars: Vec<char> = self.base(group).concat().chars().collect();
        let percent = [1, 5, 10, 30, 0, 0][group % 6];
        if percent == 0 {
            chars.truncate(chars.len() * (334 + dice.below(566)) / 1_000);
            return Speech {
                kind: Kind::Truncated,
                text: chars.into_iter().collect(),
            };
        }
        Speech {
            kind: Kind::Edited(percent),
            text: self.edited(&chars, percent, &mut dice),
        }
    }

    fn dice(&self, number: usize) -> Dice {
        let seed = self.seed.wrapping_mul(1_000_003);
        Dice::new(seed.wrapping_add(number as u64).wrapping_mul(0x9e37))
    }

    /// The sentences of a group's text: 30 to 80, a fifth of them phrases.
    fn base(&self, group: usize) -> Vec<String> {
        let mut dice = self.dice(group * GROUP);
        let len = 30 + dice.below(51);
        let mut sentences = vec![dice.pick(&SALUTATIONS).to_owned()];
        for at in 0..len {
            if at % 15 == 0 {
                sentences.push(HEADINGS[(at / 15).min(3)].to_owned());
            }
            let is_phrase = dice.below(5) == 0;
            sentences.push(if is_phrase {
                self.phrase(&mut dice)
            } else {
                self.sentence(&mut dice)
            });
        }
        sentences.push(dice.pick(&CLOSINGS).to_owned());
        sentences
    }

    fn look_alike(&self, group: usize, dice: &mut Dice) -> Vec<String> {
        let mut sentences = self.base(group);
        match group % 4 {
            // The same occasion in another year: up to four sentences in ten stand as they were.
            0 | 1 => {
                let kept = 10 + dice.below(31);
                for sentence in &mut sentences {
                    if dice.below(100) >= kept {
                        *sentence = self.sentence(dice);
                    }
                }
            }
            // A template: every sentence begins and ends like one of many others.
            2 => {
                for (at, sentence) in sentences.iter_mut().enumerate() {
                    let (before, after) = FRAMES[at % FRAMES.len()];
                    let filling: String = (0..8 + dice.below(5)).map(|_| self.word(dice)).collect();
                    *sentence = format!("{before}{filling}{after}");
                }
            }
            // A short one, and most of it phrases.
            _ => {
                sentences = (0..16)
                    .map(|_| match dice.below(10) {
                        0..6 => self.phrase(dice),
                        _ => self.sentence(dice),
                    })
                    .collect();
            }
        }
        sentences
    }

    /// Words of one to four characters become other words, X, or nothing.
    fn edited(&self, chars: &[char], percent: usize, dice: &mut Dice) -> String {
        let mut text = String::new();
        let mut at = 0;
        while at < chars.len() {
            let len = 1 + dice.below(4);
            // An edit takes two and a half characters, so one in so many that are left begins one.
            if dice.below(250 - percent * 3 / 2) >= percent {
                text.push(chars[at]);
                at += 1;
                continue;
            }
            match dice.below(4) {
                0 => text.push_str("XX"),
                1 => {}
                _ => text.push_str(self.word(dice)),
            }
            at += len;
        }
        text
    }

    fn word(&self, dice: &mut Dice) -> &str {
        &self.words[dice.below(self.words.len())]
    }

    fn phrase(&self, dice: &mut Dice) -> String {
        self.phrases[dice.below(self.phrases.len())].clone()
    }

    /// Some thirty characters.
    fn sentence(&self, dice: &mut Dice) -> String {
        let mut sentence = String::new();
        for _ in 0..2 + dice.below(2) {
            for _ in 0..5 + dice.below(4) {
                sentence.push_str(self.word(dice));
            }
            sentence.push('，');
        }
        sentence.pop();
        sentence.push('。');
        sentence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speech_is_the_same_every_time_and_ids_are_ids_of_their_own() {
        let (one, other) = (Set::new(1), Set::new(2));
        assert_eq!(one.speech(7).text, Set::new(1).speech(7).text);
        assert_ne!(one.speech(7).text, other.speech(7).text);
        let ids: std::collections::HashSet<_> = (0..1_000).map(id).collect();
        assert!(ids.len() == 1_000 && ids.iter().all(|id| id.len() == 32));
    }

    #[test]
    fn copies_are_changed_by_about_what_their_kind_says() {
        let set = Set::new(1);
        for group in 0..12 {
            let copy = set.speech(group * GROUP + 1);
            let base: String = set.base(group).concat();
            let Kind::Edited(percent) = copy.kind else {
                assert!(base.starts_with(&copy.text) && copy.text.len() * 10 >= base.len() * 3);
                continue;
            };
            let num_kept = num_common(&base, &copy.text);
            let changed = 100 - num_kept * 100 / base.chars().count();
            assert!(
                (percent / 2..=percent + percent / 2 + 1).contains(&changed),
                "{percent}: {changed}"
            );
        }
    }

    /// Length of the longest common subsequence.
    fn num_common(a: &str, b: &str) -> usize {
        let b: Vec<char> = b.chars().collect();
        let mut row = vec![0; b.len() + 1];
        for c in a.chars() {
            let mut corner = 0;
            for (at, other) in b.iter().enumerate() {
                let above = row[at + 1];
                row[at + 1] = if c == *other {
                    corner + 1
                } else {
                    above.max(row[at])
                };
                corner = above;
            }
        }
        row[b.len()]
    }
}
