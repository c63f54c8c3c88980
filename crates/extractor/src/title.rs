//! The title: where the page's `<title>` and its headings agree, then without prefix and tails.
//!
//! The longest common substring of `<title>` with a heading is the title on nine pages of ten.

use std::sync::LazyLock;

use regex::Regex;
use scraper::node::Element;
use scraper::{Html, Node};
use time::Date;

use crate::blocks::has_token;
use crate::dom::text_of;
use crate::normalise::{letters, num_chars};
use crate::{HostMemory, dates, kind};

/// Characters of a heading that may be a title.
const LONGEST: usize = 120;

/// Bytes of a `<meta>` element's content that are read.
const LONGEST_CONTENT: usize = 4_000;

/// Characters that two spellings of a title share, at least.
const SHORTEST_COMMON: usize = 5;

/// Headings that are compared.
const MAX_HEADINGS: usize = 60;

static DATE_PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    let date = r"((?:19|20)\d{2})[-./年]?(0?[1-9]|1[0-2])?[-./月]?(0?[1-9]|[12]\d|3[01])?日?";
    let pattern =
        format!(r"^\s*(?:[【\[(（]{date}[】\])）]\s*[:：_、\-—\s]*|{date}\s*[:：_、\-—\s]+)");
    Regex::new(&pattern).expect("a valid pattern")
});

static SITE_TAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\s*(?:[_|｜»>]|\s[-–—]\s|-{1,2}|–|—{1,2})\s*[^_|｜»>]{0,30}?(?:网|文库|范文|公文|门户|门户网站|频道|宝典|网站|在线|資訊|新聞|網|新闻|官网|中心|平台|頻道)\s*$")
        .expect("a valid pattern")
});

static COLUMN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\s*[_|｜»>]\s*|\s[-–—]\s)[^_|｜»>\s]{2,8}$").expect("a valid pattern")
});

static ANY_TAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\s*[-_|｜–—]+\s*(?:[\u{4e00}-\u{9fff}][^-_|｜–—]{1,11})?$")
        .expect("a valid pattern")
});

/// What parts a title from the names of its column and its site.
pub(crate) static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\s*[_|｜»>]+\s*|\s+[-–—]+\s+|-{1,2}|——").expect("a valid pattern")
});

/// The title of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Title {
    /// Cleaned.
    pub(crate) clean: String,
    /// As found.
    pub(crate) raw: String,
    /// The library's date prefix.
    pub(crate) date: Option<Date>,
    /// The site's name, by what follows the title in `<title>`.
    pub(crate) site_name: Option<String>,
}

/// A heading, and how much its place says for it.
struct Heading {
    text: String,
    /// Lower is better: h1, then named nodes, then h2 and the rest.
    rank: u8,
}

/// The page's `<title>`.
pub(crate) fn of_page(html: &Html) -> String {
    element_text(html, "title").unwrap_or_default()
}

/// Finds the title; `named` is what a profile's selector found, `lines` are those around the text's
/// beginning, in the page's order.
pub(crate) fn find(html: &Html, named: Option<&str>, lines: &[&str], memory: &HostMemory) -> Title {
    let page_title = of_page(html);
    let mut headings = headings(html);
    let like = lines.iter().filter(|line| is_title_like(line));
    headings.extend(like.map(|&line| Heading {
        text: line.to_owned(),
        rank: 4,
    }));
    let raw = match named {
        Some(named) if !named.is_empty() => named.to_owned(),
        _ => raw_title(html, memory.without_tail(&page_title), &headings),
    };
    let (date, clean) = clean(memory.without_tail(&raw));
    let og_name = meta(html, &["og:site_name"]);
    Title {
        site_name: og_name.or_else(|| site_name(&page_title, &raw)),
        clean,
        raw,
        date,
    }
}

fn raw_title(html: &Html, page_title: &str, headings: &[Heading]) -> String {
    if let Some(common) = agreed(page_title, headings) {
        return common;
    }
    let og = meta(html, &["ArticleTitle", "og:title", "twitter:title"]);
    let from_page = Some(without_columns(page_title)).filter(|text| !is_site(text));
    let heading = headings
        .iter()
        .filter(|h| h.rank == 0)
        .map(|h| h.text.clone())
        .next();
    let long_enough = |text: &String| num_chars(text) >= SHORTEST_COMMON;
    og.filter(|text| long_enough(text) && !is_site(text))
        .or_else(|| from_page.filter(long_enough))
        .or(heading)
        .or_else(|| nearest(headings))
        .or_else(|| headings.first().map(|h| h.text.clone()))
        .unwrap_or_default()
}

/// The heading that shares most with `<title>`. One that `<title>` holds as a whole, with a mark
/// after it, comes first, then one that ends in a kind.
fn agreed(page_title: &str, headings: &[Heading]) -> Option<String> {
    let page: Vec<char> = page_title.chars().collect();
    let mut best: Option<((bool, bool, usize, u8), String)> = None;
    for heading in headings {
        let common = longest_common(&page, &heading.text);
        let length = num_chars(&common);
        if length < SHORTEST_COMMON || is_site(&common) {
            continue;
        }
        let whole = common == heading.text && is_parted(page_title, &common);
        let named = kind::of(&common).is_some();
        let key = (whole, named, length, u8::MAX - heading.rank);
        if best.as_ref().is_none_or(|(old, _)| key > *old) {
            best = Some((key, common));
        }
    }
    // A heading may be the whole of `<title>`, tails and all.
    best.map(|(_, common)| without_tails(&common))
}

/// Whether `<title>` begins with this and goes on with a mark.
fn is_parted(page_title: &str, common: &str) -> bool {
    let Some(rest) = page_title.strip_prefix(common) else {
        return false;
    };
    let rest = rest.trim_start();
    rest.starts_with(['_', '-', '|', '–', '—', '｜', '-', '»', '>', '(', '（'])
}

/// A short name that ends as sites' names do.
fn is_site(text: &str) -> bool {
    num_chars(text) <= 8 && text.ends_with(['网', '網', '库', '庫', '道', '站', '台'])
}

fn longest_common(page: &[char], heading: &str) -> String {
    let heading: Vec<char> = heading.chars().take(LONGEST * 2).collect();
    let mut row = vec![0_usize; heading.len() + 1];
    let (mut best, mut end) = (0, 0);
    for &c in page.iter().take(LONGEST * 4) {
        let mut diagonal = 0;
        for (j, &h) in heading.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if c == h { diagonal + 1 } else { 0 };
            diagonal = above;
            if row[j + 1] > best {
                (best, end) = (row[j + 1], j + 1);
            }
        }
    }
    let common: String = heading[end - best..end].iter().collect();
    let edge = |c: char| c.is_whitespace() || "_-|–—>»".contains(c);
    common.trim_matches(edge).to_owned()
}

fn headings(html: &Html) -> Vec<Heading> {
    let mut found = Vec::new();
    for node in html.tree.nodes() {
        let Node::Element(element) = node.value() else {
            continue;
        };
        let Some(rank) = rank(element) else { continue };
        let text = if element.name() == "meta" {
            line(element.attr("content").unwrap_or_default())
        } else {
            text_of(node)
        };
        if is_title_like(&text) {
            found.push(Heading { text, rank });
        }
        if found.len() == MAX_HEADINGS {
            break;
        }
    }
    found
}

fn rank(element: &Element) -> Option<u8> {
    let named = || {
        [element.attr("class"), element.attr("id")]
            .into_iter()
            .flatten()
            .any(|names| {
                has_token(
                    names,
                    &[
                        "title", "bt", "tit", "biaoti", "headline", "subject", "arttitle",
                    ],
                )
            })
    };
    match element.name() {
        "h1" => Some(0),
        "h2" | "h3" => Some(2),
        "h4" | "h5" => Some(3),
        "meta" => {
            let name = element.attr("property").or_else(|| element.attr("name"));
            matches!(name, Some("og:title" | "ArticleTitle" | "twitter:title")).then_some(1)
        }
        "div" | "p" | "span" | "td" | "strong" | "b" | "font" if named() => Some(1),
        _ => None,
    }
}

/// The last line before the text that may be a title: the only hint on pages without headings.
fn nearest(headings: &[Heading]) -> Option<String> {
    let lines = headings
        .iter()
        .filter(|h| h.rank == 4 && dates::first(&h.text).is_none());
    let mut long = lines.filter(|h| (8..=50).contains(&num_chars(&h.text)));
    long.next_back().map(|h| h.text.clone())
}

fn is_title_like(text: &str) -> bool {
    (2..=LONGEST).contains(&num_chars(text)) && !text.ends_with('。')
}

/// Title without date prefix and site tails, and the date if it is a whole one.
fn clean(raw: &str) -> (Option<Date>, String) {
    let raw = without_tails(raw);
    let Some(found) = DATE_PREFIX.captures(&raw) else {
        return (None, raw);
    };
    let whole = found.get(0).map_or("", |m| m.as_str());
    let rest = raw[whole.len()..].trim();
    // 2024年 政府工作报告 begins with its year; 2024: is a prefix.
    let group = |group: usize| found.get(group).or_else(|| found.get(group + 3));
    let marked = whole.contains([':', '：', '_', '】', ']', ')', '）']);
    let is_prefix = group(2).is_some() || marked;
    // 2024-03-05会议 has no mark after its date, and 05会议 is no title.
    let halved = !marked && rest.starts_with(|c: char| c.is_ascii_digit());
    if !is_prefix || halved || num_chars(rest) < 4 {
        return (None, raw);
    }
    let part = |n: usize| group(n).and_then(|m| m.as_str().parse::<u8>().ok());
    let year = group(1).and_then(|m| m.as_str().parse::<i32>().ok());
    let date = year.zip(part(2)).zip(part(3));
    let date = date.and_then(|((year, month), day)| dates::date(year, month, day));
    (date, rest.to_owned())
}

fn without_tails(title: &str) -> String {
    let mut title = title.trim();
    let mut tailed = false;
    while let Some(found) = SITE_TAIL.find(title) {
        if num_chars(&title[..found.start()]) < SHORTEST_COMMON {
            break;
        }
        title = title[..found.start()].trim_end();
        tailed = true;
    }
    // What stands between the title and the site's name is a column.
    while let Some(found) = COLUMN.find(title).filter(|_| tailed) {
        if num_chars(&title[..found.start()]) < SHORTEST_COMMON {
            break;
        }
        title = title[..found.start()].trim_end();
    }
    title.to_owned()
}

/// Nothing but `<title>` to go by: whatever short parts follow a mark are columns and the site.
fn without_columns(page_title: &str) -> String {
    let mut title = without_tails(page_title);
    while let Some(found) = ANY_TAIL.find(&title) {
        let left = title[..found.start()].trim_end();
        if num_chars(left) < 8 || kind::of(&title).is_some() {
            break;
        }
        title = left.to_owned();
    }
    title
}

/// The last part of what follows the title, without a slogan after a dash.
fn site_name(page_title: &str, raw: &str) -> Option<String> {
    let tail = &page_title[page_title.find(raw)? + raw.len()..];
    let tail = tail.trim_start_matches(|c: char| c.is_whitespace() || "_-|–—－>».".contains(c));
    let tail = tail.split("——").next()?;
    let name = SEPARATOR
        .split(tail)
        .filter(|part| !part.is_empty() && !part.starts_with("Powered by"))
        .last()?;
    (2..=20).contains(&num_chars(name)).then(|| name.to_owned())
}

fn element_text(html: &Html, name: &str) -> Option<String> {
    let mut nodes = html.tree.nodes();
    let node = nodes.find(|node| node.value().as_element().is_some_and(|e| e.name() == name))?;
    Some(text_of(node)).filter(|text| !text.is_empty())
}

/// The content of the first of these meta elements that has any.
pub(crate) fn meta(html: &Html, names: &[&str]) -> Option<String> {
    let elements = html.tree.values().filter_map(Node::as_element);
    let metas: Vec<&Element> = elements.filter(|e| e.name() == "meta").collect();
    names.iter().find_map(|wanted| {
        metas.iter().find_map(|element| {
            let keys = ["property", "name", "itemprop"];
            let is_wanted = keys
                .iter()
                .filter_map(|key| element.attr(key))
                .any(|name| name.eq_ignore_ascii_case(wanted));
            let content = element.attr("content").filter(|_| is_wanted)?;
            let content = line(content);
            (!content.is_empty()).then_some(content)
        })
    })
}

/// A title or a date; of what is too long for either the beginning.
fn line(content: &str) -> String {
    crate::normalise::line(&content[..content.floor_char_boundary(LONGEST_CONTENT)])
}

/// Whether a line says nothing but the title.
pub(crate) fn repeats(line: &str, title: &Title) -> bool {
    let line = letters(line);
    !line.is_empty() && (line == letters(&title.clean) || line == letters(&title.raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(page: &str) -> Title {
        find(&Html::parse_document(page), None, &[], &HostMemory::empty())
    }

    #[test]
    fn title_and_heading_agree_on_the_title() {
        let found = title(
            "<title>20230316:在青石县春耕工作会议上的讲话-云上文库——写作帮手</title>\
             <h3>热门文章</h3><h1>20230316:在青石县春耕工作会议上的讲话</h1>",
        );
        assert_eq!(found.raw, "20230316:在青石县春耕工作会议上的讲话");
        assert_eq!(found.clean, "在青石县春耕工作会议上的讲话");
        assert_eq!(found.date, Some(time::macros::date!(2023 - 03 - 16)));
        assert_eq!(found.site_name.as_deref(), Some("云上文库"));
    }

    #[test]
    fn tails_of_the_site_go() {
        for (page, expected) in [
            (
                "<title>在县委全会上的报告_领导讲话_青石县政府网</title>",
                "在县委全会上的报告",
            ),
            (
                "<title>在县委全会上的报告 - 领导讲话 - 青石新闻网</title>",
                "在县委全会上的报告",
            ),
            (
                "<title>在县委全会上的报告 | 范文文库</title>",
                "在县委全会上的报告",
            ),
        ] {
            assert_eq!(title(page).clean, expected);
        }
    }

    #[test]
    fn a_year_that_belongs_to_the_title_stays() {
        for (raw, expected) in [
            ("2024年 政府工作报告", "2024年 政府工作报告"),
            ("2024年政府工作报告", "2024年政府工作报告"),
            ("【2024-03-05】政府工作报告", "政府工作报告"),
            ("2024-03-05会议上的讲话", "2024-03-05会议上的讲话"),
            ("2024.3.5 在会议上的讲话", "在会议上的讲话"),
            ("2021：在会议上的讲话", "在会议上的讲话"),
        ] {
            assert_eq!(clean(raw).1, expected, "{raw}");
        }
    }
}
