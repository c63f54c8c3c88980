//! Whether the page shows the whole speech: marks of a wall after the text, and how the text ends.

mod marks;

use std::sync::LazyLock;

use messages::{Completeness, CompletenessState, Section};
use regex::Regex;
use sites::Profile;

use self::marks::Marks;
use crate::blocks::Flat;
use crate::normalise::num_chars;
use crate::structure;
use crate::walls::Wall;

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
        marks::marks(flat, span, profile, chars)
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
    // Under a text that is whole a window for whoever wants to log in is none.
    let is_whole = end.is_whole && end.signs == 0 && !end.is_cut;
    let has = |wall| {
        let counts = |&(other, aside): &(Wall, bool)| other == wall && !(aside && is_whole);
        marks.walls.iter().any(counts)
    };
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

    #[test]
    fn a_weak_mark_counts_only_where_the_text_does_not_end_as_a_whole_one() {
        let open = "全县上下要统一思想、提高认识、凝聚共识，把各项工作抓紧抓好抓出";
        let whole = "谢谢大家！";
        for (after, cut, full) in [
            ("请先登录", CompletenessState::LoginWall, true),
            ("下载全文", CompletenessState::Teaser, true),
            ("展开全文", CompletenessState::Truncated, true),
            ("登录后阅读全文", CompletenessState::LoginWall, false),
            ("本章未完", CompletenessState::Truncated, false),
        ] {
            let after = format!("<p>{after}</p>");
            assert_eq!(judged(&[INTRO, open], &after).state, cut, "{after}");
            let is_full = judged(&[INTRO, whole], &after).state == CompletenessState::Full;
            assert_eq!(is_full, full, "{after}");
            let aside = format!("<div class=popup>{after}</div>");
            let aside = judged(&[INTRO, whole], &aside).state;
            assert_eq!(aside, CompletenessState::Full, "{after}");
        }
    }

    #[test]
    fn how_a_text_ends_tells_whether_it_was_cut() {
        let state = |last: &str| judged(&[INTRO, last], "").state;
        for (last, expected) in [
            ("要一件一件抓，", CompletenessState::Truncated),
            (
                "把老祠堂东边那两间厢房收拾出来，做成老人们喝茶下棋的地方，然后再",
                CompletenessState::Truncated,
            ),
            (
                "各级各部门要统一思想、提高认识、凝聚共识、抓好落实",
                CompletenessState::Unknown,
            ),
            ("他只说了一句话……", CompletenessState::Unknown),
            (
                "这台晚会将于一月二十日十九时三十分在本台播出，敬请收看。 J208",
                CompletenessState::Full,
            ),
            (
                "如果您对本频道有任何意见或者建议，请到交流平台反馈【反馈】",
                CompletenessState::Full,
            ),
        ] {
            assert_eq!(state(last), expected, "{last}");
        }
    }

    #[test]
    fn the_last_point_may_be_no_heading() {
        let text = |last| {
            let intro = "同志们，下面我讲三点意见，请大家讨论。";
            let points = ["一、抓认识", "要抓。", "二、抓落实", "要实。"];
            judged(&[&[intro][..], &points, &[last]].concat(), "").state
        };
        assert_eq!(text("要有人管。"), CompletenessState::Truncated);
        assert_eq!(text("谢谢大家！"), CompletenessState::Unknown);
        for last in ["第三，要有人管。", "三是要有人管。", "最后一点，要有人管。"]
        {
            assert_eq!(text(last), CompletenessState::Full, "{last}");
        }
    }

    #[test]
    fn a_stated_length_is_compared_with_what_is_shown() {
        let intro = INTRO.repeat(6);
        let with = |words: &str| judged(&[&intro], &format!("<p>{words}</p>")).state;
        assert_eq!(with("全文共110字"), CompletenessState::Full);
        assert_eq!(with("全文共1100字"), CompletenessState::Teaser);
        assert_eq!(with("全文共820字，当前显示820字"), CompletenessState::Full);
    }
}
