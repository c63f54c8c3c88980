//! Headings, salutation, closing and announced points (numbering after GB/T 9704-2012, 7.3.3).

use std::sync::LazyLock;

use messages::Section;
use regex::Regex;

use crate::normalise::num_chars;
use crate::{dates, script};

/// Characters of a heading that stands alone, at most.
const LONGEST_HEADING: usize = 60;

/// Characters of a heading that ends in a 。, at most, where others follow right on it.
const SHORT_HEADING: usize = 20;

/// Characters within which a heading that runs into its paragraph ends.
const LONGEST_RUN_IN: usize = 45;

/// Paragraphs at the start that may greet, and at the end that may close.
const SALUTATION_WITHIN: usize = 6;
const CLOSING_WITHIN: usize = 6;

/// Characters of a salutation or a closing, at most.
const LONGEST_GREETING: usize = 60;

/// Paragraphs in which a speaker says how many points will come.
const ANNOUNCED_WITHIN: usize = 12;

static NUMBERS: LazyLock<[Regex; 5]> = LazyLock::new(|| {
    [
        r"^(?:([一二三四五六七八九十百]{1,3})[、．.]|第([一二三四五六七八九十]{1,3})(?:部分|章|讲|个方面|个问题)[、：:\s])",
        r"^[（(]([一二三四五六七八九十百]{1,3})[)）]",
        r"^(\d{1,2})[.．、]",
        r"^[（(](\d{1,2})[)）]",
        r"^([①-⑫])",
    ]
    .map(|pattern| Regex::new(pattern).expect("a valid pattern"))
});

/// What numbers begin with, other than digits.
const FIRST: &str = "一二三四五六七八九十百第（(①②③④⑤⑥⑦⑧⑨⑩⑪⑫";

static SALUTATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[^。；]{0,58}(?:同志|各位|尊敬的|朋友们|同学们|老师们|女士们|先生们|来宾|來賓|代表们|委员们|乡亲们|战友们|同仁)[^。；]{0,58}$")
        .expect("a valid pattern")
});

static RUN_IN_SALUTATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^((?:尊敬的|各位|同志们|同学们|老师们|朋友们)[^。；！!：:]{0,40}[：:！!])")
        .expect("a valid pattern")
});

static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[，,])[^，,的]{0,8}(?:谢谢|感谢|多谢)(?:大家|各位|你们|同志们)?[^，。]{0,6}[！!。.]?$|(?:敬?请|恳请|望)(?:[^，。]{0,10})(?:批评指正|批评、指正|予以指正|审议|审查)|(?:讲话|发言|汇报|报告|致辞|演讲|述职)(?:到此)?(?:完毕|结束|完了)|讲完了|[祝预愿].{0,50}(?:圆满成功|身体健康|健康长寿|工作顺利|万事如意|阖家幸福|幸福安康|学业进步|新春快乐|节日快乐|新年快乐|生活愉快)|^此致$|^敬礼[！!]?$")
        .expect("a valid pattern")
});

static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:讲|谈|提|强调|講|談)(?:以下|这)?([一二三四五六七八九十两]{1,3}|\d{1,2})个?(?:点|方面|问题|条|點|問題)")
        .expect("a valid pattern")
});

/// A number at the start of a paragraph.
struct Numbered<'a> {
    level: u8,
    value: u32,
    written: &'a str,
    rest: &'a str,
}

/// The headings of a text, in order.
pub(crate) fn sections(paragraphs: &[String]) -> Vec<Section> {
    let mut last = [0_u32; 6];
    // Where each level stood before a new part began: some count on over the parts.
    let mut carried = last;
    let mut points = [false; 6];
    let mut sections = Vec::new();
    for (index, paragraph) in paragraphs.iter().enumerate() {
        let Some(numbered) = numbered(paragraph) else {
            continue;
        };
        let level = usize::from(numbered.level);
        // A number out of order belongs to a list, a quotation or a date.
        let follows = |last: &[u32; 6]| numbered.value == last[level] + 1;
        if numbered.value != 1 && !follows(&last) && (last[level] > 0 || !follows(&carried)) {
            continue;
        }
        last[level] = numbered.value;
        carried[level] = numbered.value;
        last[level + 1..].fill(0);
        let next = paragraphs
            .get(index + 1)
            .and_then(|next| self::numbered(next));
        let next_is_sibling = next
            .is_some_and(|next| next.level == numbered.level && next.value == numbered.value + 1);
        // A sentence with nothing under it is a point of a list, and so is the last of the list.
        let is_sentence = is_one_sentence(numbered.rest);
        points[level] = is_sentence && (next_is_sibling || (points[level] && numbered.value > 1));
        if points[level] {
            continue;
        }
        if let Some(heading) = heading(numbered.rest) {
            sections.push(Section {
                level: numbered.level,
                number: numbered.written.to_owned(),
                heading: heading.to_owned(),
                paragraph: u32::try_from(index).unwrap_or(u32::MAX),
            });
        }
    }
    sections
}

fn numbered(paragraph: &str) -> Option<Numbered<'_>> {
    // What no number begins with needs no pattern.
    let first = paragraph.chars().next()?;
    if !first.is_ascii_digit() && !FIRST.contains(first) {
        return None;
    }
    for (level, pattern) in (1_u8..).zip(NUMBERS.iter()) {
        let Some(found) = pattern.captures(paragraph) else {
            continue;
        };
        let written = found.get(1).or_else(|| found.get(2))?.as_str();
        let rest = &paragraph[found.get(0)?.end()..];
        // 3.5 and 20.% are amounts.
        if level == 3 && rest.starts_with(|c: char| c.is_ascii_digit() || c == '%') {
            return None;
        }
        let value = match level {
            1 | 2 => dates::number(written)?,
            5 => u32::from(written.chars().next()?) - u32::from('①') + 1,
            _ => written.parse().ok()?,
        };
        return Some(Numbered {
            level,
            value,
            written,
            rest: rest.trim_start(),
        });
    }
    None
}

/// Longer than a heading that somebody ended with a 。, and nothing after it.
fn is_one_sentence(rest: &str) -> bool {
    let sentence = rest.strip_suffix(['。', '；']).unwrap_or_default();
    num_chars(sentence) > SHORT_HEADING && !sentence.contains('。')
}

/// The heading: the whole line, or what stands before its first 。
fn heading(rest: &str) -> Option<&str> {
    if rest.is_empty() {
        return None;
    }
    let alone = num_chars(rest) <= LONGEST_HEADING && !rest.ends_with(['。', '；', '，']);
    if alone && !rest.contains('。') {
        return Some(rest);
    }
    let (heading, _) = rest.split_once('。')?;
    (!heading.is_empty() && num_chars(heading) <= LONGEST_RUN_IN).then_some(heading)
}

/// Whether a paragraph is a heading and nothing more.
pub(crate) fn is_heading_alone(paragraph: &str) -> bool {
    numbered(paragraph).is_some_and(|numbered| {
        let rest = numbered.rest;
        !rest.is_empty()
            && num_chars(rest) <= LONGEST_HEADING
            && !rest.contains('。')
            && !rest.ends_with(['；', '，', '！', '？', '!', '?', ';'])
    })
}

/// 同志们： and its like.
pub(crate) fn salutation(paragraphs: &[String]) -> Option<String> {
    paragraphs.iter().take(SALUTATION_WITHIN).find_map(|line| {
        let length = num_chars(line);
        let ends = line.ends_with(['：', ':', '！', '!', '们', '，', '們']);
        if (2..=LONGEST_GREETING).contains(&length)
            && ends
            && SALUTATION.is_match(&script::simplified(line))
        {
            return Some(line.clone());
        }
        RUN_IN_SALUTATION
            .captures(line)
            .map(|found| found[1].to_owned())
    })
}

/// 谢谢大家！ and its like; neighbouring lines together.
pub(crate) fn closing(paragraphs: &[String]) -> Option<String> {
    let from = paragraphs.len().saturating_sub(CLOSING_WITHIN);
    let mut lines: Vec<&str> = Vec::new();
    for line in paragraphs[from..].iter().rev() {
        match closing_part(line) {
            Some(part) => {
                lines.insert(0, part);
                if part.len() < line.len() {
                    break;
                }
            }
            None if lines.is_empty() => {}
            None => break,
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The last sentences of a paragraph, as far as each of them closes.
fn closing_part(line: &str) -> Option<&str> {
    let mut start = line.len();
    for sentence in line.split_inclusive(['。', '！', '!', '；']).rev() {
        let bare = sentence.trim();
        if num_chars(bare) > LONGEST_GREETING || !CLOSING.is_match(&script::simplified(bare)) {
            break;
        }
        start -= sentence.len();
    }
    let part = line[start..].trim();
    (!part.is_empty()).then_some(part)
}

/// How many points the speaker announces; 几 is not known.
pub(crate) fn announced(paragraphs: &[String]) -> Option<u32> {
    let found = paragraphs
        .iter()
        .take(ANNOUNCED_WITHIN)
        .find_map(|p| ANNOUNCED.captures(p))?;
    found[1].parse().ok().or_else(|| dates::number(&found[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&t| t.to_owned()).collect()
    }

    #[test]
    fn numbers_may_go_on_over_the_parts_and_points_are_no_headings() {
        let text = lines(&[
            "一、总体要求",
            "（一）基本思路",
            "二、重点任务",
            "（二）完善基础设施",
            "（三）各乡镇要结合村庄整治和道路绿化，建设义务植树基地。",
            "（四）加强监督。由县林业局检查。",
            "（五）加强管护。",
            "三、保障措施",
            "（七）这是引文",
        ]);
        let found = sections(&text);
        let numbers: Vec<&str> = found.iter().map(|s| s.number.as_str()).collect();
        assert_eq!(numbers, ["一", "一", "二", "二", "四", "五", "三"]);
    }

    #[test]
    fn headings_of_all_levels_are_found_in_order() {
        let text = lines(&[
            "一、提高认识，增强紧迫感",
            "（一）形势逼人。去年以来，全县农业面临新的情况，任务十分繁重，必须认真对待。",
            "1.粮食要稳",
            "（1）面积不减",
            "3.5亿元的投资已经到位。",
            "二、突出重点，抓好落实",
            "（一）抓种子",
            "五、这是引文",
            "第三部分 加强领导",
        ]);
        let found: Vec<(u8, String, String, u32)> = sections(&text)
            .into_iter()
            .map(|s| (s.level, s.number, s.heading, s.paragraph))
            .collect();
        let expected = [
            (1, "一", "提高认识，增强紧迫感", 0),
            (2, "一", "形势逼人", 1),
            (3, "1", "粮食要稳", 2),
            (4, "1", "面积不减", 3),
            (1, "二", "突出重点，抓好落实", 5),
            (2, "一", "抓种子", 6),
            (1, "三", "加强领导", 8),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|&(l, n, h, p)| (l, n.to_owned(), h.to_owned(), p))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_long_item_counts_but_is_no_heading() {
        let long = format!("一、{}", "各乡镇要提高认识，".repeat(10));
        let found = sections(&lines(&[&long, "二、加强领导"]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].number, "二");
    }

    #[test]
    fn greetings_are_found_at_both_ends() {
        let text = lines(&[
            "尊敬的各位来宾，女士们、先生们：",
            "今天。",
            "最后，祝大会圆满成功！",
            "谢谢大家！",
        ]);
        assert_eq!(
            salutation(&text).as_deref(),
            Some("尊敬的各位来宾，女士们、先生们：")
        );
        assert_eq!(
            closing(&text).as_deref(),
            Some("最后，祝大会圆满成功！\n谢谢大家！")
        );
        let run_in = lines(&[
            "同志们：今天我们开会。",
            "就讲这些，大家抓好落实。我的讲话完了，谢谢大家！",
        ]);
        assert_eq!(salutation(&run_in).as_deref(), Some("同志们："));
        assert_eq!(
            closing(&run_in).as_deref(),
            Some("我的讲话完了，谢谢大家！")
        );
        let none = lines(&["各位代表的意见都很好。", "要抓好落实。"]);
        assert_eq!(salutation(&none), None);
        assert_eq!(closing(&none), None);
    }

    #[test]
    fn announced_points_are_counted() {
        for (text, expected) in [
            ("下面，我讲三点意见。", Some(3)),
            ("我强调以下两个问题", Some(2)),
            ("我再提5点要求。", Some(5)),
            ("下面，我先讲几点意见。", None),
        ] {
            assert_eq!(announced(&lines(&[text])), expected, "{text}");
        }
    }
}
