//! An article that a site spreads over several pages: where its next part stands.
//!
//! In: the pages of one article, in their order, as bytes. Out: the address of the next part, or
//! none. A part has the same host and title and an address that counts on; "the next article" and the
//! next page of a list are none. Fetches nothing.

mod address;

use std::sync::{Arc, LazyLock};

use memchr::memmem;
use messages::{CanonicalUrl, Host};
use regex::Regex;

use crate::outline::{Link, Outline};
use crate::{Profile, Scope, Sites, charset};
pub(crate) use address::Numbering;

/// A page with less prose than this is no part of an article, in characters.
const MIN_PROSE: usize = 100;

/// Whether a page may say where its next part is, by its bytes: in UTF-8, GB 18030 or Big5.
static PROMISING: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    regex::bytes::Regex::new(
        r#"createPageHTML|(?i:rel)\s*=\s*["']?(?i:next)|下一?[页頁]|[后後]一[页頁]|&#19979;&#19968;&#3902[79];|(?-u:\xCF\xC2(?:\xD2\xBB)?\xD2\xB3|\xA4U(?:\xA4@)?\xAD\xB6)"#,
    )
    .expect("a valid pattern")
});

/// The words of a link that leads on, once what surrounds them is gone.
static LEADS_ON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:下一?[页頁]|[后後]一[页頁]|(?i:next(?: page)?))$").expect("a valid pattern")
});

/// TRS, the publishing system of most local governments: pages in all, then the name and the
/// extension that the numbers go between. Some templates name an element first.
static TRS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"createPageHTML\(\s*(?:["'][^"']{0,40}["']\s*,\s*)?(\d{1,4})\s*,\s*\d{1,4}\s*,\s*["']([^"'<>\s]{1,200})["']\s*,\s*["'](\w{1,8})["']"#,
    )
    .expect("a valid pattern")
});

/// Where a title says which part this is.
static PART_MARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"第\s*[\d一二三四五六七八九十]+\s*[页頁]|共\s*\d+\s*[页頁]")
        .expect("a valid pattern")
});

/// One article, read part by part.
#[derive(Debug)]
pub struct Parts {
    sites: Arc<Sites>,
    host: Host,
    numbering: Numbering,
    title: String,
    num_read: u32,
}

/// What a page is to the article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Its last part, or all of it.
    Last,
    /// A part; the next one stands there.
    Before(CanonicalUrl),
    /// No part of it.
    Foreign,
}

impl Parts {
    /// The article whose first page has this address; `None` where such a page holds no article.
    pub fn of(first: &CanonicalUrl, sites: Arc<Sites>) -> Option<Self> {
        (sites.scope_of_page(first) == Scope::Detail).then(|| Self {
            sites,
            host: first.host(),
            numbering: Numbering::of(first),
            title: String::new(),
            num_read: 0,
        })
    }

    /// Reads the next page of the article; `content_type` is the header of this name.
    pub fn read(&mut self, url: &CanonicalUrl, content_type: Option<&str>, body: &[u8]) -> Part {
        let is_first = self.num_read == 0;
        if is_first && !self.is_promising(body) {
            return Part::Last;
        }
        let Ok(decoded) = charset::decode(body, content_type) else {
            return Part::Foreign;
        };
        let page = Outline::of(&decoded.text);
        let title = plain(&page.title);
        if is_first {
            self.title = title;
        } else if title != self.title || !self.leads_to(url) {
            return Part::Foreign;
        } else {
            self.numbering.advance(url);
        }
        self.num_read += 1;
        // A list holds no prose; a later part may hold nothing but the last line.
        if is_first && page.num_prose < MIN_PROSE {
            return Part::Last;
        }
        self.next(url, &page).map_or(Part::Last, Part::Before)
    }

    /// The site's profile, where it knows the addresses of parts.
    fn profile(&self) -> Option<&Profile> {
        let profile = self.sites.for_host(&self.host);
        profile.filter(|profile| profile.knows_parts())
    }

    fn is_promising(&self, body: &[u8]) -> bool {
        let stem = self.numbering.stem();
        let names_part = |at: usize| {
            let rest = &body[at + stem.len()..];
            matches!(rest, [b'_' | b'-' | b'/', b'1'..=b'9', ..])
        };
        self.profile().is_some()
            || PROMISING.is_match(body)
            || (!stem.is_empty() && memmem::find_iter(body, stem).any(names_part))
    }

    /// Whether an address is that of the next part.
    fn leads_to(&self, next: &CanonicalUrl) -> bool {
        match self.profile().and_then(|it| it.part_number(next)) {
            Some(number) => number == self.num_read + 1,
            None => self.numbering.leads_to(next),
        }
    }

    fn next(&self, url: &CanonicalUrl, page: &Outline) -> Option<CanonicalUrl> {
        let base = page.base.as_deref().and_then(|base| url.join(base).ok());
        let base = base.as_ref().unwrap_or(url);
        if let Some((num_parts, name, extension)) = trs(&page.scripts) {
            let name = format!("{name}_{}.{extension}", self.num_read);
            let next = base.join(&name).ok().filter(|next| self.leads_to(next));
            return next.filter(|_| self.num_read < num_parts);
        }
        let is_known = |next: &CanonicalUrl| {
            let profile = self.profile();
            profile.is_some_and(|profile| profile.part_number(next).is_some())
        };
        let mut links = page.links.iter().filter_map(|link| {
            let next = base.join(&link.href).ok()?;
            (is_known(&next) || self.says_next(link)).then_some(next)
        });
        links.find(|next| self.leads_to(next))
    }

    fn says_next(&self, link: &Link) -> bool {
        let text = link
            .text
            .trim_matches(|c: char| !c.is_alphanumeric())
            .trim_start_matches('第')
            .trim_end_matches(['页', '頁']);
        let is_arrow = text.is_empty() && link.text.contains(['>', '›', '»', '→']);
        link.is_next
            || is_arrow
            || text == (self.num_read + 1).to_string()
            || LEADS_ON.is_match(link.text.trim_matches(|c: char| !c.is_alphabetic()))
    }
}

/// How many pages TRS says there are, and the name and the extension that their numbers go between.
pub(crate) fn trs(script: &str) -> Option<(u32, &str, &str)> {
    let (_, [num_pages, name, extension]) = TRS.captures(script)?.extract();
    Some((num_pages.parse().ok()?, name, extension))
}

/// A title without what differs from part to part.
fn plain(title: &str) -> String {
    let title = PART_MARK.replace_all(title, "");
    title.chars().filter(|c| c.is_alphabetic()).collect()
}

#[cfg(test)]
mod tests {
    use encoding_rs::{BIG5, GBK};

    use super::*;

    const PROSE: &str = "<p>同志们，今天我们召开全县农业工作会议，主要任务是部署春耕生产，\
        安排今年的重点工作。会议开得很好。</p>";

    fn url(text: &str) -> CanonicalUrl {
        text.parse().unwrap()
    }

    fn page(title: &str, pager: &str) -> String {
        format!("<title>{title}</title>{}{pager}", PROSE.repeat(3))
    }

    /// Where the pages of an article lead, one after another.
    fn follow(first: &str, pages: &[String]) -> Vec<String> {
        let Some(mut parts) = Parts::of(&url(first), Arc::default()) else {
            return vec!["no article".to_owned()];
        };
        let (mut at, mut found) = (url(first), Vec::new());
        for page in pages {
            match parts.read(&at, None, page.as_bytes()) {
                Part::Before(next) => {
                    at = next.clone();
                    found.push(next.to_string());
                }
                Part::Last => return found,
                Part::Foreign => {
                    found.push("foreign".to_owned());
                    return found;
                }
            }
        }
        found
    }

    #[test]
    fn parts_are_found_by_what_their_links_say_and_where_they_lead() {
        for (first, pager, next) in [
            (
                "https://a.cn/17.html",
                "<a href=17_2.html>下一页</a>",
                "https://a.cn/17_2.html",
            ),
            (
                "https://a.cn/17.html",
                "<a href=/17_2.html>[2]</a>",
                "https://a.cn/17_2.html",
            ),
            (
                "https://a.cn/17.html",
                "<a href=17_2.html>第2页</a>",
                "https://a.cn/17_2.html",
            ),
            (
                "https://a.cn/17-1.html",
                "<a href=17-2.html> 下页 &gt;</a>",
                "https://a.cn/17-2.html",
            ),
            (
                "https://a.cn/v?id=7",
                "<a href='?id=7&page=2'>下一页</a>",
                "https://a.cn/v?id=7&page=2",
            ),
            (
                "https://a.cn/2024/7/",
                "<a rel=next href=/2024/7/2/>Next</a>",
                "https://a.cn/2024/7/2/",
            ),
            (
                "https://a.cn/7.html",
                "<link rel='next' href='7/2.html'>",
                "https://a.cn/7/2.html",
            ),
            (
                "https://a.cn/x/t2024_5.htm",
                "<script>createPageHTML(3, 0, \"t2024_5\", \"htm\");</script>",
                "https://a.cn/x/t2024_5_1.htm",
            ),
            (
                "https://a.cn/x/t2024_5.htm",
                "<script>createPageHTML('pages',3,1,'t2024_5','htm',40);</script>",
                "https://a.cn/x/t2024_5_1.htm",
            ),
        ] {
            let found = follow(first, &[page("讲话", pager)]);
            assert_eq!(found, [next], "{pager}");
        }
    }

    #[test]
    fn what_is_no_part_is_not_followed() {
        for (first, pager) in [
            ("https://a.cn/17.html", "<a href=18.html>下一篇</a>"),
            ("https://a.cn/17.html", "<a href=18.html>下一页</a>"),
            (
                "https://a.cn/17.html",
                "<a rel=next href=/18.html>下一篇</a>",
            ),
            (
                "https://a.cn/17.html",
                "<a href=https://b.cn/17_2.html>下一页</a>",
            ),
            ("https://a.cn/17.html", "<a href=17_3.html>下一页</a>"),
            ("https://a.cn/17.html", "<a href=17_2.html>打印</a>"),
            ("https://a.cn/17.html", "<a href='javascript:;'>下一页</a>"),
            (
                "https://a.cn/x/t5.htm",
                "<script>createPageHTML(1, 0, 't5', 'htm')</script>",
            ),
            (
                "https://a.cn/x/t5.htm",
                "<script>createPageHTML(9, 0, 'index', 'htm')</script>",
            ),
        ] {
            let found = follow(first, &[page("讲话", pager)]);
            assert_eq!(found, [] as [&str; 0], "{pager}");
        }
        let list = format!(
            "<title>列表17</title>{}",
            "<a href=/17_2.html>下一页</a>".repeat(30)
        );
        assert_eq!(follow("https://a.cn/17.html", &[list]), [] as [&str; 0]);
        let pager = "<a href=list_3_2.html>下一页</a>".to_owned();
        assert_eq!(follow("https://a.cn/list_3.html", &[pager]), ["no article"]);
    }

    #[test]
    fn an_article_ends_with_its_last_part_or_where_another_begins() {
        let parts = |second: &str| {
            let first = page("讲话(1)", "<a href=17_2.html>下一页</a>");
            follow("https://a.cn/17.html", &[first, second.to_owned()])
        };
        let next = |title: &str, pager: &str| parts(&page(title, pager));
        let (second, third) = ("https://a.cn/17_2.html", "https://a.cn/17_3.html");
        assert_eq!(
            next("讲话 第2页", "<a href=17_3.html>下一页</a>"),
            [second, third]
        );
        assert_eq!(next("讲话(2)", "<a href=17_2.html>下一页</a>"), [second]);
        assert_eq!(next("讲话(2)", "<a href=17.html>上一页</a>"), [second]);
        assert_eq!(next("首页", ""), [second, "foreign"]);
    }

    #[test]
    fn the_words_are_read_in_the_charsets_of_such_sites() {
        let text = page("讲话", "<a href=17_2.html>下一页</a>");
        let first = url("https://a.cn/17.html");
        for (encoding, label, text) in [
            (GBK, "gbk", text.clone()),
            (BIG5, "big5", text.replace('页', "頁").replace("们", "們")),
        ] {
            let (bytes, ..) = encoding.encode(&text);
            let header = format!("text/html; charset={label}");
            let part =
                Parts::of(&first, Arc::default())
                    .unwrap()
                    .read(&first, Some(&header), &bytes);
            assert_eq!(part, Part::Before(url("https://a.cn/17_2.html")), "{label}");
        }
    }
}
