//! Pages that hold no speech: lists, logins, errors, and whatever else has no main text.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;
use scraper::Node;
use sites::Scope;

use crate::body::Body;
use crate::dom::text_of;
use crate::extract::Found;
use crate::normalise::{is_han, num_chars};
use crate::{PageView, Skip, structure};
use crate::{blocks::Flat, links};

/// Han characters of the shortest text that is a text.
const MIN_HAN: usize = 40;

/// A page that says of itself that it is an error or a login holds no longer text than this.
const MAX_MESSAGE_CHARS: usize = 400;

/// Linked titles that make a list.
const LIST_ITEMS: usize = 8;

/// The same, on a page that shows nothing else.
const SHORT_LIST_ITEMS: usize = 3;

/// Characters of a linked title, at least.
const ITEM_CHARS: usize = 6;

/// Characters of a line that is a text and no title.
const LONG_LINE: usize = 40;

/// Pieces of prose under linked titles that make a list, and characters of each, at most.
const TEASERS: usize = 4;
const LONGEST_TEASER: usize = 250;

/// Prose of a page that leads on and is no text itself, at most; less where the address is that of a text.
const LIST_PROSE: usize = 300;
const MIN_PROSE: usize = 40;

static ERROR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^(?:http|error|错误|出错)?[\s:：-]*(?:40[034]|50[0234])(?:$|[\s:：_\-–|,，!！]|错误|页面|not|error|找不到)|(?:http|error|错误)[\s:：-]*(?:40[034]|50[0234])$|not found|页面(?:不存在|没有找到|未找到|找不到|已删除|丢失|走丢)|(?:找不到|未找到|没有找到).{0,12}(?:页面|网页|文件|内容|信息)|(?:文章|内容|信息|页面|帖子|文档).{0,6}(?:不存在|已被?删除|已下架|审核中)|出错了|系统(?:繁忙|错误|异常)|服务器.{0,4}错误|访问.{0,4}(?:被拒绝|受限|出错)|无权访问|参数错误|頁面不存在|找不到.{0,6}頁面",
    )
    .expect("a valid pattern")
});

static LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)登[录陆入錄]|注册|註冊|log ?in|sign ?in").expect("a valid pattern")
});

pub(crate) fn reason(page: &PageView<'_>, found: &Found<'_>) -> Option<Skip> {
    let scope = found.sites.scope_of_page(page.final_url);
    let short = found
        .body
        .is_none_or(|body| body.num_chars() < MAX_MESSAGE_CHARS);
    if short && headlines(found).iter().any(|line| ERROR.is_match(line)) {
        return Some(Skip::ErrorPage);
    }
    if short && is_login(found) {
        return Some(Skip::LoginPage);
    }
    // Only a profile knows its addresses; the scope of another host's is a guess.
    let known = found.profile.is_some() && scope != Scope::Out;
    if if known {
        scope == Scope::List
    } else {
        is_list(found, scope)
    } {
        return Some(Skip::ListPage);
    }
    too_short(found.body)
}

/// A text that is none.
pub(crate) fn too_short(body: Option<&Body>) -> Option<Skip> {
    let han = body.map_or(0, Body::num_han);
    (han < MIN_HAN).then_some(Skip::NoMainText)
}

/// What a page says first: its title, its headings, and its first lines if it is short.
fn headlines(found: &Found<'_>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for node in found.dom.html.tree.nodes() {
        let is_headline = matches!(node.value(), Node::Element(e) if matches!(e.name(), "title" | "h1" | "h2" | "h3"));
        if is_headline {
            lines.push(text_of(node));
        }
    }
    let unlinked: Vec<&str> = found
        .flat
        .blocks
        .iter()
        .filter(|block| block.link_chars == 0)
        .map(|block| block.text.as_str())
        .collect();
    let total: usize = unlinked.iter().map(|line| num_chars(line)).sum();
    if total < MAX_MESSAGE_CHARS {
        lines.extend(unlinked.iter().map(|&line| line.to_owned()));
    }
    lines.retain(|line| num_chars(line) <= 60);
    lines
}

fn is_login(found: &Found<'_>) -> bool {
    let mut password = false;
    let mut titled = false;
    for node in found.dom.html.tree.nodes() {
        let Node::Element(element) = node.value() else {
            continue;
        };
        match element.name() {
            "input" => {
                let kind = element.attr("type").unwrap_or_default();
                password |= kind.eq_ignore_ascii_case("password");
            }
            "title" | "h1" | "h2" => titled |= LOGIN.is_match(&text_of(node)),
            _ => {}
        }
    }
    let text = found.body.map_or(0, Body::num_han);
    (password && (titled || text < 100)) || (titled && text < 100)
}

/// Many linked titles and little prose, or linked titles each with a teaser.
fn is_list(found: &Found<'_>, scope: Scope) -> bool {
    let titles: Vec<usize> = links::anchors(&found.dom.html)
        .map(|(_, node)| num_chars(&text_of(node)))
        .filter(|&chars| chars >= ITEM_CHARS)
        .collect();
    let Some(body) = found.body else {
        let enough = match scope {
            Scope::List => SHORT_LIST_ITEMS,
            Scope::Detail | Scope::Out => LIST_ITEMS,
        };
        return titles.len() >= enough;
    };
    // A list greets nobody.
    if structure::salutation(&body.paragraphs).is_some() && body.num_chars() >= MIN_PROSE {
        return false;
    }
    let prose = prose(&body.paragraphs) + unmarked_prose(found.flat, body);
    // A short list is nothing but its titles, and the dates beside them.
    let linked: usize = titles.iter().sum();
    let is_bare = prose == 0 && linked * 2 >= body.num_chars();
    if is_bare && titles.len() >= SHORT_LIST_ITEMS {
        return true;
    }
    // An address that ends in a number is that of a text, until the page shows otherwise.
    let bound = if scope == Scope::Detail {
        MIN_PROSE
    } else {
        LIST_PROSE
    };
    (titles.len() >= LIST_ITEMS && prose < bound) || is_list_of_teasers(found.flat, body.elem())
}

/// Characters in long lines without a single mark and a link: some texts have spaces instead.
fn unmarked_prose(flat: &Flat, body: &Body) -> usize {
    let (first, last) = body.span;
    let blocks = flat.blocks.iter().take(last + 1).skip(first);
    let lines = blocks.filter(|b| b.link_chars == 0 && b.chars >= LONG_LINE);
    let paragraphs: HashSet<&String> = body.paragraphs.iter().collect();
    let unmarked = lines.filter(|b| b.marks == 0 && paragraphs.contains(&b.text));
    unmarked.map(|block| block.chars).sum()
}

/// Characters in paragraphs that hold a sentence.
fn prose(paragraphs: &[String]) -> usize {
    let sentences = paragraphs.iter().filter(|p| p.contains(['。', '！', '？']));
    sentences.map(|paragraph| num_chars(paragraph)).sum()
}

/// Most pieces of prose in the element of the text stand right under a linked title.
fn is_list_of_teasers(flat: &Flat, elem: Option<usize>) -> bool {
    let Some(elem) = elem else { return false };
    let range = elem..flat.elems[elem].end;
    let (mut teasers, mut prose, mut since_item) = (0, 0, usize::MAX);
    for block in flat.blocks.iter().filter(|b| range.contains(&b.elem)) {
        let han = block.text.chars().filter(|&c| is_han(c)).count();
        if block.link_share() > 0.8 && han >= ITEM_CHARS {
            since_item = 0;
            continue;
        }
        if block.mass >= 8.0 {
            prose += 1;
            teasers += usize::from(since_item < 2 && block.chars < LONGEST_TEASER);
        }
        since_item = since_item.saturating_add(1);
    }
    teasers >= TEASERS && teasers * 10 >= prose * 7
}
