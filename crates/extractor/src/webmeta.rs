//! What the page says about the web page: when it was published, how often it was read, by whom, from where.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use scraper::{Html, Node};
use time::OffsetDateTime;

use crate::blocks::Flat;
use crate::dates;
use crate::normalise::num_chars;
use crate::profile::Applied;
use crate::title::{self, Title, meta};

/// Blocks before the text that may speak of it.
const BEFORE: usize = 14;

/// Blocks after the text that may speak of it.
const AFTER: usize = 6;

/// Characters of a line that holds such data, at most.
const LONGEST: usize = 160;

static PUBLISHED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:时间|日期|時間|日期)\s*[:：]\s*|(?:发布|发表|刊发|更新|上传)(?:于|在)?\s*[:：]?\s*",
    )
    .expect("a valid pattern")
});

static VIEWS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:浏览|点击|阅读|访问|查看|人气|閱讀|瀏覽)(?:次数|人次|量|数|率|人数)?\s*[:：]?\s*[（(]?\s*(\d[\d,]*(?:\.\d+)?)\s*(万)?").expect("a valid pattern")
});

static AUTHOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[\s【\[（(|])(?:文章)?作\s?者\s*[:：]\s*([^\s|】\])）]{2,20})")
        .expect("a valid pattern")
});

static SOURCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:信息|文章|稿件|新闻)?(?:来\s?源|稿源|來源|出处)\s*[:：]\s*([^\s|】\])）]{2,30})",
    )
    .expect("a valid pattern")
});

static LABEL_AHEAD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:发布|更新|编辑|责任编辑|时间|日期|浏览|点击|阅读|字号|作者|来源)[^:：]{0,4}[:：].*$|【?(?:字体|字号|打印|分享|收藏|关闭).*$|(?:19|20)\d{2}[-年/.].*$")
        .expect("a valid pattern")
});

static JSON_DATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#""(?:datePublished|pubDate|uploadDate)"\s*:\s*"([^"]{8,40})""#)
        .expect("a valid pattern")
});

static URL_DATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"/(?:t|c|content_)?(20[0-3]\d)[-/_]?([01]\d)[-/_]?([0-3]\d)(?:[/_.-]|$)")
        .expect("a valid pattern")
});

/// Data of the web page, each as the page states it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WebMeta {
    pub(crate) published_at: Option<OffsetDateTime>,
    pub(crate) views: Option<u64>,
    pub(crate) author: Option<String>,
    pub(crate) source: Option<String>,
}

pub(crate) fn harvest(
    html: &Html,
    flat: &Flat,
    span: (usize, usize),
    title: &Title,
    applied: Option<&Applied>,
    path: &str,
) -> WebMeta {
    let (lines, num_above) = lines_around(flat, span, title);
    let named = |field: fn(&Applied) -> &Option<String>| applied.and_then(|a| field(a).clone());
    let first = |pattern: &Regex| {
        let found = lines.iter().find_map(|line| pattern.captures(line))?;
        value(&found[1])
    };
    let published = named(|a| &a.published)
        .and_then(|text| dates::first(&text))
        .or_else(|| published(html, &lines, num_above, path));
    WebMeta {
        published_at: published.map(dates::Found::at),
        views: named(|a| &a.views)
            .and_then(|text| number(&text))
            .or_else(|| lines.iter().find_map(|line| views(line))),
        author: named(|a| &a.author).or_else(|| first(&AUTHOR)),
        source: named(|a| &a.source).or_else(|| first(&SOURCE)),
    }
}

/// Short lines from the title to the text, nearest to the title first, then those just after the text.
/// The number is how many of them stand above the text's end.
fn lines_around<'a>(flat: &'a Flat, span: (usize, usize), title: &Title) -> (Vec<&'a str>, usize) {
    let texts: Vec<&str> = flat.blocks.iter().map(|b| b.text.as_str()).collect();
    let first = span.0.min(texts.len());
    let after_title = texts[..first]
        .iter()
        .rposition(|line| title::repeats(line, title))
        .filter(|at| first - at <= 2 * BEFORE);
    let start = after_title.unwrap_or(first.saturating_sub(BEFORE));
    let above = after_title.map_or(0..0, |at| at.saturating_sub(4)..at);
    let end = (span.1 + 1).min(texts.len());
    // The text's first lines are looked at too: some pages put their data into the text's element.
    let inside = first..(first + 3).min(end);
    let below = end..(end + AFTER).min(texts.len());
    let short = |ranges: &[Range<usize>]| -> Vec<&'a str> {
        let lines = ranges.iter().flat_map(|range| &texts[range.clone()]);
        let short = lines.filter(|line| num_chars(line) <= LONGEST);
        short.copied().collect()
    };
    let mut lines = short(&[start..first, above, inside]);
    let num_above = lines.len();
    lines.extend(short(&[below]));
    (lines, num_above)
}

/// A labelled date, then meta elements, then a date with a time of day, a bare date, the address. Lines
/// below the text come after those above: there the comments have their dates.
fn published(html: &Html, lines: &[&str], num_above: usize, path: &str) -> Option<dates::Found> {
    let (above, below) = lines.split_at(num_above);
    let labelled = no_prose(lines).find_map(|line| {
        PUBLISHED.find_iter(line).find_map(|label| {
            let found = dates::first(&line[label.end()..])?;
            (found.start <= 3).then_some(found)
        })
    });
    let found = labelled
        .or_else(|| from_meta(html))
        .or_else(|| timed(above))
        .or_else(|| from_json(html))
        .or_else(|| bare(above))
        .or_else(|| timed(below))
        .or_else(|| bare(below))
        .or_else(|| from_path(path))?;
    // The same day may stand elsewhere with its time.
    let exact = timed(above).filter(|exact| found.time.is_none() && exact.date == found.date);
    Some(exact.unwrap_or(found))
}

fn no_prose<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    lines.iter().copied().filter(|line| !line.contains('。'))
}

fn from_meta(html: &Html) -> Option<dates::Found> {
    let content = meta(
        html,
        &[
            "article:published_time",
            "PubDate",
            "publishdate",
            "datePublished",
            "weibo: article:create_at",
            "og:release_date",
            "date",
        ],
    )?;
    dates::first(&content)
}

fn timed(lines: &[&str]) -> Option<dates::Found> {
    let mut found = no_prose(lines).filter_map(dates::first);
    found.find(|found| found.time.is_some())
}

/// A date in brackets under the title is the day of the speech, and one among many words is its topic.
fn bare(lines: &[&str]) -> Option<dates::Found> {
    let candidates = no_prose(lines).filter(|line| !line.starts_with(['（', '(']));
    let mut found = candidates.filter_map(|line| {
        let found = dates::first(line)?;
        let others = num_chars(&line[..found.start]) + num_chars(&line[found.end..]);
        (others <= if found.start == 0 { 60 } else { 24 }).then_some(found)
    });
    found.next()
}

fn from_json(html: &Html) -> Option<dates::Found> {
    let scripts = html.tree.nodes().filter(|node| {
        matches!(node.value(), Node::Element(e) if e.name() == "script"
            && e.attr("type").is_some_and(|t| t.eq_ignore_ascii_case("application/ld+json")))
    });
    let texts = scripts
        .flat_map(|node| node.children())
        .filter_map(|child| child.value().as_text());
    let mut dates = texts.filter_map(|text| {
        let found = JSON_DATE.captures(text)?;
        dates::first(&found[1])
    });
    dates.next()
}

fn from_path(path: &str) -> Option<dates::Found> {
    let found = URL_DATE.captures(path)?;
    dates::first(&format!("{}-{}-{}", &found[1], &found[2], &found[3]))
}

fn views(line: &str) -> Option<u64> {
    let found = VIEWS.captures(line)?;
    let unit = found.get(2).map_or("", |unit| unit.as_str());
    number(&format!("{}{unit}", &found[1]))
}

/// 584, 1,234, 1.2万: the only number of a text.
fn number(text: &str) -> Option<u64> {
    let digits = |c: char| c.is_ascii_digit() || c == ',' || c == '.';
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest.find(|c| !digits(c)).unwrap_or(rest.len());
    let plain: String = rest[..end].chars().filter(|c| *c != ',').collect();
    if !rest[end..].trim_start().starts_with('万') {
        return plain.parse().ok();
    }
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    let part: String = part.chars().chain("0000".chars()).take(4).collect();
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(10_000)?
        .checked_add(part.parse().ok()?)
}

/// The value of a label, unless it is the next label.
fn value(text: &str) -> Option<String> {
    let text = LABEL_AHEAD.replace(text, "");
    let text = text.trim_matches(|c: char| c.is_whitespace() || "，,;；|-".contains(c));
    (num_chars(text) >= 2).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn harvested(page: &str) -> WebMeta {
        let html = Html::parse_document(page);
        let flat = crate::blocks::flatten(&html);
        let title = Title {
            clean: "在春耕工作会议上的讲话".to_owned(),
            ..Title::default()
        };
        let first = flat
            .blocks
            .iter()
            .position(|b| b.text.starts_with("同志们"));
        let first = first.unwrap_or(0);
        harvest(
            &html,
            &flat,
            (first, first),
            &title,
            None,
            "/a/20240102/t1.html",
        )
    }

    #[test]
    fn a_line_under_the_title_holds_it_all() {
        let found = harvested(
            "<p>今天是2025年1月1日</p><h1>在春耕工作会议上的讲话</h1>\
             <p>来源：青石日报 作者：王海 发布时间：2024-03-06 09:10 浏览次数：1,584</p><p>同志们：今天开会。</p>",
        );
        let expected = WebMeta {
            published_at: Some(datetime!(2024-03-06 9:10 +8)),
            views: Some(1584),
            author: Some("王海".to_owned()),
            source: Some("青石日报".to_owned()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_address_is_the_last_resort() {
        let found = harvested("<h1>在春耕工作会议上的讲话</h1><p>同志们：今天开会。</p>");
        assert_eq!(found.published_at, Some(datetime!(2024-01-02 0:00 +8)));
    }

    #[test]
    fn the_dates_of_comments_are_not_that_of_the_page() {
        let found = harvested(
            "<h1>在春耕工作会议上的讲话</h1><p>2020年12月10日 · 4条评论</p><p>同志们：今天开会。</p>\
             <p>2020年12月11日 9:01</p>",
        );
        assert_eq!(found.published_at, Some(datetime!(2020-12-10 0:00 +8)));
    }

    #[test]
    fn views_are_numbers_in_any_dress() {
        for (text, expected) in [
            ("584", 584),
            ("1,234次", 1234),
            ("1.2万", 12_000),
            ("阅读 3万+", 30_000),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        assert_eq!(number("无"), None);
    }
}
