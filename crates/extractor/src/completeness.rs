//! Whether the page shows the whole speech: marks of a wall after the text, and how the text ends.

use std::sync::LazyLock;

use messages::{Completeness, CompletenessState, Section};
use regex::Regex;
use sites::Profile;

use crate::blocks::Flat;
use crate::normalise::num_chars;
use crate::structure;
use crate::walls::{self, Wall};

/// Blocks after the text in which a mark belongs to it and not to another text of the page.
const AFTER: usize = 8;

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
    let marks = end.map_or_else(Marks::default, |(flat, span)| marks(flat, span, profile));
    let announced = structure::announced(paragraphs);
    let found = sections.iter().filter(|section| section.level == 1).count();
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let on_heading = paragraphs
        .last()
        .is_some_and(|p| structure::is_heading_alone(p));
    let mid_sentence = !on_heading && ends_mid_sentence(paragraphs);
    let missing = announced.is_some_and(|announced| found > 0 && found < announced);

    let mut evidence = marks.evidence.clone();
    let mut add = |holds: bool, sign: String| {
        if holds {
            evidence.push(sign);
        }
    };
    add(on_heading, "ends_on_heading".to_owned());
    add(mid_sentence, "ends_mid_sentence".to_owned());
    add(
        missing,
        format!("sections_missing:{found}/{}", announced.unwrap_or_default()),
    );
    if let Some(code) = lost_part {
        evidence.push(format!("part_missing:{code}"));
    }
    let signs = [on_heading, mid_sentence, missing]
        .iter()
        .filter(|sign| **sign)
        .count();
    Completeness {
        state: state(&marks, on_heading || lost_part.is_some(), signs),
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

/// A button alone proves nothing, nor does one weak sign: many hide nothing, many texts end oddly.
fn state(marks: &Marks, is_cut: bool, signs: usize) -> CompletenessState {
    if marks.walls.contains(&Wall::Login) {
        return CompletenessState::LoginWall;
    }
    if marks.walls.contains(&Wall::Teaser) {
        return CompletenessState::Teaser;
    }
    let button = marks.walls.contains(&Wall::Button);
    match (is_cut, signs, button) {
        (true, ..) | (_, 2.., _) | (_, 1, true) => CompletenessState::Truncated,
        (_, 1, _) | (_, _, true) => CompletenessState::Unknown,
        _ => CompletenessState::Full,
    }
}

#[derive(Default)]
struct Marks {
    evidence: Vec<String>,
    walls: Vec<Wall>,
    shown: Option<u64>,
    total: Option<u64>,
}

/// The marks from the text's first block to a few blocks after its last.
fn marks(flat: &Flat, span: (usize, usize), profile: Option<&Profile>) -> Marks {
    let mut marks = Marks::default();
    let end = (span.1 + 1 + AFTER).min(flat.blocks.len());
    let start = span.0.min(end);
    for block in &flat.blocks[start..end] {
        let line = block.text.as_str();
        let (total, shown) = walls::amounts(line);
        marks.total = marks.total.or(total);
        marks.shown = marks.shown.or(shown);
        let named = walls::mark_of(line);
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
    marks
}

static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^(?:出席|列席|请假|缺席|参加|主持|记录|附件|抄送|印发|联系人|联系电话|地址)[\\u{4e00}-\\u{9fff}]{0,4}[:：]")
        .expect("a valid pattern")
});

fn ends_mid_sentence(paragraphs: &[String]) -> bool {
    // Who ends no sentence with a mark does not end the last one with it.
    if !paragraphs.iter().any(|line| line.contains('。')) {
        return false;
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
    sentence.is_some_and(|line| is_cut(line))
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
