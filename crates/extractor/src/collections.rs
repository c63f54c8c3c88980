//! Collections: a page that holds several speeches, each under a mark that counts up (篇一, 第二篇：…, 范文3).
//!
//! In: the lines of the text that was found. Out: the speeches and what stands before them, or nothing.
//! The sections of one speech count up too: where a mark may be one of them, the speeches must greet
//! each for itself, or have titles, or the page must say that it holds several.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::normalise::{is_han, num_chars};
use crate::{dates, kind, noise, structure};

/// Characters of a line that is a mark and a title; a longer one begins the text itself.
const LONGEST_MARK: usize = 60;

/// What marks without a stem begin with.
const OPENINGS: [char; 11] = [
    '【', '《', '（', '(', '[', '第', '篇', '范', '例', '样', '模',
];

/// Han characters of a speech, at least; fewer will do for a last one that is cut short after two others.
const SHORTEST: usize = 120;
const SHORTEST_LAST: usize = 20;

/// Characters of a title of its own.
const TITLE: std::ops::RangeInclusive<usize> = 4..=50;

/// A kind of mark: the pattern with the groups `stem`, `number` and `rest`, and what it takes to be believed.
struct Marks {
    pattern: Regex,
    needs: Proof,
}

/// What must speak for a collection beside its marks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Nothing,
    /// The page's title says that there are several, or each speech shows that it is one.
    TitleOrSpeeches,
    Speeches,
}

static MARKS: LazyLock<Vec<Marks>> = LazyLock::new(|| {
    let number = r"(?P<number>[一二三四五六七八九十]{1,3}|\d{1,2})";
    let end = r"(?:[】》）)\]]?\s*(?:[：:、.．—\-\s]+|$)|[】》）)\]]\s*)(?P<rest>.*)$";
    let open = r"[【《（(\[]?";
    let kinds = [
        (
            format!(
                r"^(?P<stem>[^。！？；：:]{{0,30}}?){open}(?:篇|范文|例文|范例|样文|范本|模板)\s?{number}{end}"
            ),
            Proof::Nothing,
        ),
        (
            format!(r"^(?P<stem>){open}第\s?{number}\s?[篇份]{end}"),
            Proof::TitleOrSpeeches,
        ),
        (
            format!(
                r"^(?P<stem>[^。！？；：:]{{0,30}}?(?:讲话|发言|致辞|演讲|汇报|报告|心得|体会|主持|讲|党课)(?:[稿词辞]|材料|提纲)?)\s?[（(【\[]?{number}{end}"
            ),
            Proof::TitleOrSpeeches,
        ),
        (
            format!(r"^(?P<stem>)[【（(\[]{number}[】）)\]]\s*(?P<rest>.*)$"),
            Proof::Speeches,
        ),
    ];
    let compile = |(pattern, needs): (String, Proof)| Marks {
        pattern: Regex::new(&pattern).expect("a valid pattern"),
        needs,
    };
    kinds.into_iter().map(compile).collect()
});

static SEVERAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:[二三四五六七八九十两]|[2-9]|\d\d)\s?[篇则份例]|汇编|合集|集锦|大全")
        .expect("a valid pattern")
});

/// The speeches of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Collection {
    /// What stands before the first of them: the library's own words.
    pub(crate) intro: Vec<String>,
    pub(crate) children: Vec<Child>,
}

/// One of several speeches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Child {
    /// The line that it stands under.
    pub(crate) line: String,
    /// The mark, with what stands before it on its line.
    pub(crate) mark: String,
    /// Its own title, if the mark's line or the next one holds it.
    pub(crate) title: Option<String>,
    pub(crate) paragraphs: Vec<String>,
}

/// A mark on its line.
struct Mark<'a> {
    line: usize,
    number: u32,
    stem: &'a str,
    /// The mark with its stem, without the rest.
    written: &'a str,
    rest: &'a str,
}

/// Takes a collection apart; `before` are lines of the same element, right before the text.
pub(crate) fn split(
    before: &[String],
    paragraphs: &[String],
    page_title: &str,
) -> Option<Collection> {
    let lines: Vec<&str> = before
        .iter()
        .chain(paragraphs)
        .map(String::as_str)
        .collect();
    let several = SEVERAL.is_match(page_title);
    MARKS.iter().find_map(|kind| {
        let marks = last_count(marks_of(kind, &lines))?;
        let ends = marks.iter().skip(1).map(|mark| mark.line);
        let ends = ends.chain([lines.len()]);
        let children: Vec<Child> = std::iter::zip(&marks, ends)
            .map(|(mark, end)| child(mark, &lines, end))
            .collect();
        let proven = match kind.needs {
            Proof::Nothing => true,
            Proof::TitleOrSpeeches => several || children.iter().all(is_speech),
            Proof::Speeches => children.iter().all(is_speech),
        };
        let first = marks.first()?.line.max(before.len());
        let intro = paragraphs[..first - before.len()].to_vec();
        (proven && are_texts(&children, &intro)).then_some(Collection { intro, children })
    })
}

/// Whether a line may be a mark.
pub(crate) fn is_mark(line: &str) -> bool {
    is_short(line) && MARKS.iter().any(|kind| kind.pattern.is_match(line))
}

fn marks_of<'a>(kind: &Marks, lines: &[&'a str]) -> Vec<Mark<'a>> {
    let mark = |(line, text): (usize, &&'a str)| {
        // A sentence may hold a mark; a line of prose begins with it, if at all.
        let is_line = is_short(text) && !text.ends_with(['。', '；', '，']);
        if !is_line && !text.starts_with(OPENINGS) {
            return None;
        }
        let found = kind.pattern.captures(text)?;
        let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
        let number = part("number");
        let number = number.parse().ok().or_else(|| dates::number(number))?;
        let stem = part("stem").trim();
        (is_line || stem.is_empty()).then_some(Mark {
            line,
            number,
            stem,
            written: written(&found, text),
            rest: part("rest").trim(),
        })
    };
    lines.iter().enumerate().filter_map(mark).collect()
}

fn is_short(line: &str) -> bool {
    line.len() <= 4 * LONGEST_MARK && num_chars(line) <= LONGEST_MARK
}

/// What stands before the rest, without the punctuation between the two.
fn written<'a>(found: &Captures<'_>, text: &'a str) -> &'a str {
    let end = found.name("rest").map_or(text.len(), |rest| rest.start());
    text[..end].trim_end_matches(|c: char| c.is_whitespace() || "：:、.．—-".contains(c))
}

/// The marks from the last 1 on, if they count up from there: a table of contents may stand before.
fn last_count(mut marks: Vec<Mark<'_>>) -> Option<Vec<Mark<'_>>> {
    let start = marks.iter().rposition(|mark| mark.number == 1)?;
    marks.drain(..start);
    let counts = (1_u32..).zip(&marks).all(|(n, mark)| mark.number == n);
    let alike = marks.iter().all(|mark| mark.stem == marks[0].stem);
    (counts && alike && marks.len() >= 2).then_some(marks)
}

fn child(mark: &Mark<'_>, lines: &[&str], end: usize) -> Child {
    let mut texts = lines[mark.line + 1..end]
        .iter()
        .filter(|line| noise::drops(line).is_none())
        .map(|&line| line.to_owned());
    let mut paragraphs = Vec::new();
    let title = if is_title(mark.rest) {
        Some(unquoted(mark.rest))
    } else if mark.rest.is_empty() {
        let next = texts.next();
        let is_own = |line: &&String| is_title(line) && kind::of(line).is_some();
        let title = next.as_ref().filter(is_own).map(|line| unquoted(line));
        paragraphs.extend(next);
        title
    } else {
        paragraphs.push(mark.rest.to_owned());
        None
    };
    paragraphs.extend(texts);
    Child {
        line: lines[mark.line].to_owned(),
        mark: mark.written.to_owned(),
        title,
        paragraphs,
    }
}

fn is_title(line: &str) -> bool {
    let marks = ['。', '！', '；', '，', '：', ':', '!', ';', ','];
    TITLE.contains(&num_chars(line)) && !line.ends_with(marks) && !line.contains('。')
}

fn unquoted(title: &str) -> String {
    let inner = title.strip_prefix('《').and_then(|t| t.strip_suffix('》'));
    inner
        .filter(|t| !t.contains('《'))
        .unwrap_or(title)
        .to_owned()
}

/// It greets somebody, or is called a speech.
fn is_speech(child: &Child) -> bool {
    let title = child.title.as_ref();
    let titled = title.is_some_and(|title| kind::of(title).is_some());
    titled || structure::salutation(&child.paragraphs).is_some()
}

/// Whether each is long enough for a text, and they are what the page is about.
fn are_texts(children: &[Child], intro: &[String]) -> bool {
    let lengths: Vec<usize> = children.iter().map(|c| num_han(&c.paragraphs)).collect();
    let Some((last, others)) = lengths.split_last() else {
        return false;
    };
    let shortest_last = if others.len() >= 2 {
        SHORTEST_LAST
    } else {
        SHORTEST
    };
    others.iter().all(|&length| length >= SHORTEST)
        && *last >= shortest_last
        && num_han(intro) < lengths.iter().sum()
}

fn num_han(lines: &[String]) -> usize {
    lines
        .iter()
        .flat_map(|line| line.chars())
        .filter(|&c| is_han(c))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "全县上下要统一思想、提高认识，把今年确定的各项重点工作抓紧抓好，抓出成效。";

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    /// Each mark with a text under it.
    fn page(marks: &[&str], greeting: &str) -> Vec<String> {
        let text = TEXT.repeat(4);
        let speech = |mark: &&str| lines(&[mark, greeting, &text, "谢谢大家！"]);
        marks.iter().flat_map(speech).collect()
    }

    /// The titles of the speeches, or their marks.
    fn titles(page_title: &str, lines: &[String]) -> Vec<String> {
        let found = split(&[], lines, page_title);
        let children = found.map(|found| found.children).unwrap_or_default();
        let name = |child: Child| child.title.unwrap_or(child.mark);
        children.into_iter().map(name).collect()
    }

    #[test]
    fn marks_of_all_sorts_part_the_speeches() {
        for (marks, expected) in [
            (
                ["竞聘演讲稿 篇1", "竞聘演讲稿 篇2"],
                ["竞聘演讲稿 篇1", "竞聘演讲稿 篇2"],
            ),
            (["【篇一】", "【篇二】"], ["【篇一】", "【篇二】"]),
            (
                ["范文一：党课讲稿", "范文二：《就职演讲》"],
                ["党课讲稿", "就职演讲"],
            ),
            (
                ["第一篇：表态发言", "第二篇：在座谈会上的发言"],
                ["表态发言", "在座谈会上的发言"],
            ),
            (
                ["表态发言（一）", "表态发言（二）"],
                ["表态发言（一）", "表态发言（二）"],
            ),
            (["(一)", "(二)"], ["(一)", "(二)"]),
        ] {
            assert_eq!(
                titles("发言", &page(&marks, "同志们：")),
                expected,
                "{marks:?}"
            );
        }
    }

    #[test]
    fn the_sections_of_one_speech_are_no_speeches() {
        for marks in [
            ["（一）抓好春耕", "（二）抓好防汛"],
            ["一、抓好春耕", "二、抓好防汛"],
            ["第一篇 总则", "第二篇 目标"],
            ["篇一：春耕", "篇三：防汛"],
            ["会议讲话1", "座谈讲话2"],
        ] {
            assert!(
                titles("县政府工作报告", &page(&marks, "要抓实。")).is_empty(),
                "{marks:?}"
            );
        }
        let short = lines(&["篇一", "同志们：", "篇二", "同志们："]);
        assert!(titles("发言稿两篇", &short).is_empty());
    }

    #[test]
    fn what_stands_before_the_first_mark_is_the_intro() {
        let mut text = lines(&["以下是两篇范文。", "篇一：甲的发言", "篇二：乙的发言"]);
        text.extend(page(&["篇一：甲的发言", "篇二：乙的发言"], "同志们："));
        let found = split(&[], &text, "发言稿两篇").unwrap();
        assert_eq!(found.intro, text[..3]);
        assert_eq!(found.children.len(), 2);
        assert_eq!(found.children[1].paragraphs, text[text.len() - 3..]);
    }

    #[test]
    fn the_first_mark_may_stand_before_the_text_that_was_found() {
        let text = page(&["篇一", "篇二"], "同志们：");
        let found = split(&text[..1], &text[1..], "发言稿两篇").unwrap();
        assert!(found.intro.is_empty());
        assert_eq!(found.children[0].paragraphs, text[1..4]);
    }

    #[test]
    fn a_mark_may_begin_the_text_itself_and_a_title_may_stand_under_it() {
        let text = TEXT.repeat(4);
        let run_in = lines(&[
            &format!("第一篇：{text}"),
            "同志们，散会。",
            &format!("第二篇：{text}"),
        ]);
        let found = split(&[], &run_in, "发言稿两篇").unwrap();
        assert_eq!(
            found.children[0].paragraphs,
            [text.as_str(), "同志们，散会。"]
        );
        let under = lines(&["篇1", "在座谈会上的发言", &text, "篇2", "表态发言", &text]);
        assert_eq!(titles("", &under), ["在座谈会上的发言", "表态发言"]);
    }
}
