//! Whether the page shows the whole speech: marks of a wall after the text, and how the text ends.

use std::sync::LazyLock;

use messages::{Completeness, CompletenessState, Section};
use regex::Regex;
use sites::Profile;

use crate::blocks::Flat;
use crate::normalise::num_chars;
use crate::walls::{self, Wall};
use crate::{noise, structure};

/// Blocks after the text in which a mark belongs to it and not to another text of the page; in which a
/// weak one does; and blocks before the text that may say how long it is.
const AFTER: usize = 8;
const NEAR: usize = 4;
const BEFORE: usize = 4;

/// Percent of the characters a page states that its text has at least, if it is all of them: some count
/// the title and white space too.
const ALL_OF_IT: u64 = 80;

/// Last paragraphs in which a speech is brought to its end.
const CLOSES_WITHIN: usize = 3;

/// A shorter last line is a signature or a date, and no sentence that was cut.
const SENTENCE: usize = 25;

/// How a whole text ends.
const ENDS: [char; 15] = [
    '。', '！', '？', '…', '”', '）', '》', '!', '?', '.', ')', '"', '』', '」', '；',
];

/// `end`: where the page's text stands, unless another speech follows on this one.
pub(crate) fn judge(
    paragraphs: &[String],
    sections: &[Section],
    end: Option<(&Flat, (usize, usize))>,
    profile: Option<&Profile>,
    lost_part: Option<&str>,
) -> Completeness {
    let chars: usize = paragraphs.iter().map(|line| num_chars(line)).sum();
    let marks = end.map_or_else(Marks::default, |(flat, span)| {
        marks(flat, span, profile, chars)
    });
    let announced = structure::announced(paragraphs);
    let found = sections.iter().filter(|section| section.level == 1).count();
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let on_heading = paragraphs
        .last()
        .is_some_and(|p| structure::is_heading_alone(p));
    let cut = (!on_heading).then(|| cut(paragraphs)).flatten();
    let missing = announced.is_some_and(|announced| {
        found > 0 && found < announced && !has_point(paragraphs, announced)
    });
    let on_ellipsis = paragraphs
        .last()
        .is_some_and(|p| p.ends_with(['…', '⋯']) || p.ends_with("..."));
    let closes = closes(paragraphs);

    let mut evidence = marks.evidence.clone();
    let mut add = |holds: bool, sign: String| {
        if holds {
            evidence.push(sign);
        }
    };
    add(on_heading, "ends_on_heading".to_owned());
    add(cut.is_some(), "ends_mid_sentence".to_owned());
    add(
        missing,
        format!("sections_missing:{found}/{}", announced.unwrap_or_default()),
    );
    add(on_ellipsis, "ends_on_ellipsis".to_owned());
    if let Some(code) = lost_part {
        evidence.push(format!("part_missing:{code}"));
    }
    let signs = [on_heading, cut.is_some(), missing, on_ellipsis];
    let end = End {
        is_cut: on_heading || lost_part.is_some() || cut == Some(Cut::Sure) || (missing && !closes),
        signs: signs.iter().filter(|sign| **sign).count(),
        is_whole: closes || announced.is_some_and(|announced| found >= announced),
    };
    Completeness {
        state: state(&marks, &end),
        announced_sections: announced,
        found_sections: found,
        shown_chars: marks.shown,
        total_chars: marks.total,
        evidence,
    }
}

/// Whether a line ends where no sentence does.
pub(crate) fn is_cut(line: &str) -> bool {
    !line.ends_with(ENDS)
}

/// How a text ends.
struct End {
    /// In a way in which no whole one does.
    is_cut: bool,
    /// Signs that it is cut, weak ones too.
    signs: usize,
    /// As a whole one does.
    is_whole: bool,
}

/// A weak mark alone proves nothing, nor does one weak sign: many hide nothing, many texts end oddly.
fn state(marks: &Marks, end: &End) -> CompletenessState {
    let has = |wall| marks.walls.contains(&wall);
    if has(Wall::Login) {
        return CompletenessState::LoginWall;
    }
    if has(Wall::Teaser) {
        return CompletenessState::Teaser;
    }
    if has(Wall::Elsewhere) {
        return CompletenessState::Truncated;
    }
    let is_weak = has(Wall::Account) || has(Wall::Download) || has(Wall::Button);
    let is_cut = match end.signs {
        0 | 1 if end.is_cut => true,
        0 => false,
        1 => is_weak && !end.is_whole,
        2.. => true,
    };
    match (is_cut, end.signs) {
        (true, _) if has(Wall::Account) => CompletenessState::LoginWall,
        (true, _) if has(Wall::Download) => CompletenessState::Teaser,
        (true, _) => CompletenessState::Truncated,
        (false, 0) if !is_weak || end.is_whole => CompletenessState::Full,
        (false, _) => CompletenessState::Unknown,
    }
}

#[derive(Default)]
struct Marks {
    evidence: Vec<String>,
    walls: Vec<Wall>,
    shown: Option<u64>,
    total: Option<u64>,
}

impl Marks {
    fn add_amounts(&mut self, line: &str) {
        let (total, shown) = walls::amounts(line);
        self.total = self.total.or(total);
        self.shown = self.shown.or(shown);
    }
}

/// The marks from the text's first block to a few blocks after its last.
fn marks(
    flat: &Flat,
    span: (usize, usize),
    profile: Option<&Profile>,
    paragraphs_chars: usize,
) -> Marks {
    let mut marks = Marks::default();
    let end = (span.1 + 1 + AFTER).min(flat.blocks.len());
    let start = span.0.min(end);
    for block in &flat.blocks[start.saturating_sub(BEFORE)..start] {
        marks.add_amounts(&block.text);
    }
    for (index, block) in flat.blocks.iter().enumerate().take(end).skip(start) {
        let line = block.text.as_str();
        let is_after = index > span.1;
        if is_after && matches!(noise::rule_of(line), Some("related" | "comments")) {
            // What follows belongs to other texts.
            break;
        }
        marks.add_amounts(line);
        let named = walls::mark_of(line).filter(|(_, wall)| match wall {
            Wall::Login | Wall::Teaser | Wall::Elsewhere => true,
            Wall::Account | Wall::Download => is_after && index <= span.1 + NEAR,
            // A list of other texts has one such button for each.
            Wall::Button => is_after && !repeats(flat, index, end),
            Wall::Amount | Wall::Nothing => false,
        });
        if let Some((_, wall)) = named {
            marks.walls.push(wall);
        }
        let of_site = || {
            let site = profile?
                .wall_marks
                .iter()
                .find(|m| line.contains(m.as_str()))?;
            (num_chars(line) <= 60).then_some(site.as_str())
        };
        let own = named.is_none().then(of_site).flatten();
        if own.is_some() {
            // What an operator calls a wall is one.
            marks.walls.push(Wall::Login);
        }
        if let Some(name) = named.map(|(name, _)| name).or(own) {
            let sign = format!("marker:{name}");
            if !marks.evidence.contains(&sign) {
                marks.evidence.push(sign);
            }
        }
    }
    let shown: usize = flat.blocks[start..(span.1 + 1).min(end)]
        .iter()
        .map(|block| num_chars(&block.text))
        .sum();
    // One speech of several is less than the page shows.
    let shown = u64::try_from(shown.max(paragraphs_chars)).unwrap_or(u64::MAX);
    let shown = marks.shown.unwrap_or(shown).saturating_mul(100);
    if marks
        .total
        .is_some_and(|total| shown < total.saturating_mul(ALL_OF_IT))
    {
        marks.walls.push(Wall::Teaser);
        marks.evidence.insert(0, "marker:全文共".to_owned());
    }
    marks
}

/// Whether another line up to `end` is the same as that at `index`.
fn repeats(flat: &Flat, index: usize, end: usize) -> bool {
    let line = &flat.blocks[index].text;
    let mut others = flat.blocks[..end].iter().enumerate();
    others.any(|(other, block)| other != index && block.text == *line)
}

static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^(?:出席|列席|请假|缺席|参加|主持|记录|附件|抄送|印发|联系人|联系电话|地址)[\\u{4e00}-\\u{9fff}]{0,4}[:：]")
        .expect("a valid pattern")
});

/// How sure it is that the last sentence was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Its mark may have been forgotten.
    Perhaps,
    /// It cannot end so.
    Sure,
}

/// Words after which a sentence goes on.
const GOES_ON: [&str; 27] = [
    "，", "、", "：", ",", "把", "又", "很", "最", "但", "而", "或", "且", "被", "再", "于", "让",
    "以及", "因为", "所以", "如果", "为了", "根据", "按照", "应当", "必须", "正在", "不仅",
];

fn cut(paragraphs: &[String]) -> Option<Cut> {
    // Who ends no sentence with a mark does not end the last one with it.
    if !paragraphs.iter().any(|line| line.contains('。')) {
        return None;
    }
    if paragraphs
        .last()
        .is_some_and(|line| line.ends_with(['，', '、']))
    {
        return Some(Cut::Sure);
    }
    let mut lines = paragraphs.iter().rev();
    let sentence = lines.find(|line| {
        // Who attended, and what is attached, is told in no sentence.
        if LABEL.is_match(line) {
            return false;
        }
        let ends = line.ends_with(ENDS);
        ends || num_chars(line) >= SENTENCE
    });
    let line = sentence.filter(|line| is_cut(line) && !has_tail(line))?;
    let is_open = line.matches('“').count() > line.matches('”').count();
    let goes_on = is_open || GOES_ON.iter().any(|word| line.ends_with(word));
    Some(if goes_on { Cut::Sure } else { Cut::Perhaps })
}

/// Whether a line ends in what is behind its last sentence: a number of the page, an address, 【反馈】.
fn has_tail(line: &str) -> bool {
    let is_tail = |c: char| c.is_ascii() && !matches!(c, '.' | '!' | '?' | ',');
    let rest = line.trim_end_matches(is_tail);
    line.ends_with(['】', ']', '〕', '］'])
        || line.contains("://")
        || (rest.len() < line.len() && rest.ends_with(ENDS))
}

static SIGNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[（(]?(?:[\u{4e00}-\u{9fff}]{2,20}\s)?(?:19|20|二[〇○Ｏ零])[^。，]{2,8}年[^。，]{1,3}月[^。，]{1,4}[日号][)）]?$|散会|到此(?:结束|为止)")
        .expect("a valid pattern")
});

/// Whether a text ends as a whole one does: it closes, is signed, or calls upon its hearers.
fn closes(paragraphs: &[String]) -> bool {
    let from = paragraphs.len().saturating_sub(CLOSES_WITHIN);
    let last = paragraphs.last();
    structure::closing(&paragraphs[from..]).is_some()
        || last.is_some_and(|line| line.ends_with(['！', '!']) || SIGNED.is_match(line))
}

/// Whether a paragraph begins with the last of the points announced, in whatever words.
fn has_point(paragraphs: &[String], announced: u32) -> bool {
    let numbers = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];
    let number = usize::try_from(announced).unwrap_or(0).checked_sub(1);
    let Some(number) = number.and_then(|index| numbers.get(index)) else {
        return false;
    };
    let starts = |line: &str| {
        let line = line.strip_prefix('第').unwrap_or(line);
        let rest = line.strip_prefix(number);
        rest.is_some_and(|rest| {
            rest.starts_with(['、', '．', '.', '，', '是', '要', '：', '点', '个'])
        })
    };
    paragraphs
        .iter()
        .any(|line| starts(line) || line.starts_with("最后一"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scraper::Html;

    fn judged(texts: &[&str], after: &str) -> Completeness {
        let paragraphs: Vec<String> = texts.iter().map(|&t| t.to_owned()).collect();
        let page = format!("<p>{}</p>{after}", texts.join("</p><p>"));
        let flat = crate::blocks::flatten(&Html::parse_document(&page));
        let sections = structure::sections(&paragraphs);
        let span = (0, texts.len() - 1);
        judge(&paragraphs, &sections, Some((&flat, span)), None, None)
    }

    const INTRO: &str = "同志们，下面我讲两点意见，请大家讨论。";

    #[test]
    fn a_text_that_ends_well_is_full() {
        let found = judged(
            &[INTRO, "一、抓认识", "要抓。", "二、抓落实", "要实。"],
            "<p>下一篇：无</p>",
        );
        assert_eq!(found.state, CompletenessState::Full);
        assert_eq!(
            (found.announced_sections, found.found_sections),
            (Some(2), 2)
        );
        assert!(found.evidence.is_empty());
        let signed = judged(&[INTRO, "青石县人民政府", "2024年3月5日"], "");
        assert_eq!(signed.state, CompletenessState::Full);
        let minutes = judged(
            &[
                INTRO,
                "列席：县纪委监委、县人武部、县委宣传部、县法院、县检察院负责同志",
            ],
            "",
        );
        assert_eq!(minutes.state, CompletenessState::Full);
    }

    #[test]
    fn each_sign_is_evidence() {
        let wall = judged(&[INTRO, "一、抓认识"], "<p>剩余内容请登录后查看</p>");
        assert_eq!(wall.state, CompletenessState::LoginWall);
        assert_eq!(
            wall.evidence,
            [
                "marker:需要您先登陆",
                "ends_on_heading",
                "sections_missing:1/2"
            ]
        );
        let cut = judged(
            &[
                INTRO,
                "一、抓认识",
                "全县上下要统一思想、提高认识、凝聚共识，把各项工作抓紧抓好抓出",
            ],
            "",
        );
        assert_eq!(cut.state, CompletenessState::Truncated);
        let button = judged(&[INTRO], "<a>展开全文</a>");
        assert_eq!(button.state, CompletenessState::Unknown);
        let teaser = judged(&[INTRO], "<p>全文共3200字，当前显示800字</p>");
        assert_eq!(teaser.state, CompletenessState::Teaser);
        assert_eq!(
            (teaser.shown_chars, teaser.total_chars),
            (Some(800), Some(3200))
        );
    }
}
