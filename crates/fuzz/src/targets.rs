//! The targets, each with the property that it checks.

use std::path::Path;

use extractor::{ExtractError, Extraction, HostMemory, PageView, extract, read_date};
use messages::{
    CanonicalUrl, CrawlRequest, FoundLink, Message, Page, PageAgain, SpeechChange, Submission,
};
use sites::{Sites, charset};

/// Something that reads bytes of strangers.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of the folder of its seeds.
    pub name: &'static str,
    /// Panics where the property does not hold.
    pub run: fn(&[u8]),
    /// Words of its language.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "url",
        run: url,
        words: &[
            "https://",
            "http://",
            "//",
            "..",
            "/./",
            "%",
            "%2F",
            "%e4",
            "?",
            "&",
            "=",
            "#",
            "@",
            ":80",
            ":443",
            "xn--",
            "[::1]",
            "\\",
            "utm_source=a",
            "例子",
            ".",
            "\t",
            "0x7f.1",
        ],
    },
    Target {
        name: "charset",
        run: decoded,
        words: &[
            "\u{feff}",
            "<meta charset=",
            "gb2312",
            "gbk",
            "big5",
            "utf-8",
            "utf-16",
            "content=",
            "http-equiv",
            "讲话",
            "\0",
            ">",
            "\"",
        ],
    },
    Target {
        name: "extraction",
        run: extraction,
        words: &[
            "<div>",
            "</div>",
            "<p>",
            "<br>",
            "<table><tr><td>",
            "</table>",
            "<b>",
            "</b>",
            "<a href=/1.html>",
            "</a>",
            "<font color=1>",
            "<title>",
            "<h1>",
            "<script>",
            "</script>",
            "<!--",
            "-->",
            "<svg>",
            "<template>",
            "<select><option>",
            "<frameset>",
            "style='display:none'",
            "同志们：",
            "一、",
            "（二）",
            "篇一：",
            "谢谢大家！",
            "。",
            "，",
            "请登录后查看全文",
            "&#x4e2d;",
            "\0",
        ],
    },
    Target {
        name: "date",
        run: date,
        words: &[
            "2024",
            "-",
            "/",
            "年",
            "月",
            "日",
            "12:30",
            "T",
            "Z",
            "+08:00",
            "二〇二四",
            "十二",
            "三十一",
            "（",
            "99",
            "0",
            "发布时间：",
        ],
    },
    Target {
        name: "message",
        run: message,
        words: &[
            "{",
            "}",
            "[",
            "]",
            "\"",
            ":",
            ",",
            "null",
            "true",
            "-1",
            "1e999",
            "\\u0000",
            "\\ud800",
            "\"url\"",
            "\"depth\"",
            "\"https://a.example/\"",
            "9999-12-31T23:59:59Z",
            "\n",
        ],
    },
    Target {
        name: "robots",
        run: robots,
        words: &[
            "User-agent:",
            "Disallow:",
            "Allow:",
            "Sitemap:",
            "Crawl-delay:",
            "*",
            "$",
            "\n",
            "\r",
            "#",
            "/",
            "https://a.example/sitemap.xml",
            "\u{feff}",
        ],
    },
    Target {
        name: "sitemap",
        run: sitemap,
        words: &[
            "<urlset>",
            "<sitemapindex>",
            "<url>",
            "<loc>",
            "</loc>",
            "</url>",
            "<rss>",
            "<item>",
            "<link>",
            "<feed>",
            "<![CDATA[",
            "]]>",
            "<!--",
            "&amp;",
            "&a;",
            "<!DOCTYPE a [<!ENTITY a 'b'>]>",
            "https://a.example/2.html",
        ],
    },
];

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The seeds of a target, in the order of their names.
pub fn seeds(target: &Target) -> std::io::Result<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let entries = std::fs::read_dir(folder.join(target.name))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    files.into_iter().map(std::fs::read).collect()
}

/// The one spelling of an address is its own, and so is what it is joined with.
fn url(bytes: &[u8]) {
    let text = text_of(bytes);
    let base: CanonicalUrl = address("https://a.example/b/c.html");
    for url in [text.parse(), base.join(&text)].into_iter().flatten() {
        let url: CanonicalUrl = url;
        let again: CanonicalUrl = address(url.as_str());
        assert_eq!(again, url, "a canonical address has another spelling");
        assert!(
            !url.host().to_string().is_empty(),
            "an address without a host"
        );
    }
}

/// Text has no more characters than bytes, and what was UTF-8 stays what it was.
fn decoded(bytes: &[u8]) {
    let (kind, body) = split(bytes);
    let Ok(found) = charset::decode(body, Some(kind)) else {
        return;
    };
    let num_chars = found.text.chars().count();
    assert!(num_chars <= body.len(), "more characters than bytes");
    assert!(found.replaced <= num_chars, "more replaced than there are");
}

/// Lines of a speech are neither empty nor untidy, and the same page gives the same speech.
fn extraction(bytes: &[u8]) {
    let (kind, body) = split(bytes);
    let found = extracted("https://a.example/article/7.html", Some(kind), body);
    let Ok(found) = found else {
        return;
    };
    let again = extracted("https://a.example/article/7.html", Some(kind), body);
    assert_eq!(again.as_ref(), Ok(&found), "another answer");
    assert_eq!(
        found.skip.is_some(),
        found.speeches.is_empty(),
        "both or neither"
    );
    for speech in &found.speeches {
        for line in speech.text.split('\n') {
            assert!(!line.is_empty() && line.trim() == line, "untidy: {line:?}");
        }
        let last = speech.text.split('\n').count();
        let inside = |section: &messages::Section| (section.paragraph as usize) < last;
        assert!(speech.sections.iter().all(inside), "a section of no line");
    }
}

/// A date is one of our time; one input of many is read as a whole page.
fn date(bytes: &[u8]) {
    let text = text_of(bytes);
    if let Some(at) = read_date(&text) {
        is_of_our_time(at.date());
    }
    if bytes.len().is_multiple_of(32) {
        dates_of_page(&text.replace('<', "&lt;"));
    }
}

fn is_of_our_time(date: time::Date) {
    assert!((1900..=2100).contains(&date.year()), "{date}");
}

fn dates_of_page(text: &str) {
    let prose = "<p>各单位要提高认识，压实责任，确保各项工作落到实处。</p>".repeat(9);
    let page = format!(
        "<title>{text}讲话</title><h1>{text}讲话</h1><p>（{text}）</p><p>发布时间：{text}</p>{prose}<p>{text}</p>"
    );
    let utf8 = Some("text/html; charset=utf-8");
    let Ok(found) = extracted("https://a.example/article/7.html", utf8, page.as_bytes()) else {
        return;
    };
    for speech in &found.speeches {
        let published = speech.published_at.map(time::OffsetDateTime::date);
        let dates = [
            published,
            speech.delivered_on,
            speech.title_date,
            speech.date,
        ];
        dates.into_iter().flatten().for_each(is_of_our_time);
    }
}

/// A message that was read is written and read again as the same.
fn message(bytes: &[u8]) {
    same::<Submission>(bytes);
    same::<FoundLink>(bytes);
    same::<CrawlRequest>(bytes);
    same::<Page>(bytes);
    same::<PageAgain>(bytes);
    same::<SpeechChange>(bytes);
}

fn same<M: Message>(bytes: &[u8]) {
    let subject = text_of(bytes);
    let Ok(first) = M::decode(&subject, bytes) else {
        return;
    };
    let (written, subject) = (first.encode(), first.subject());
    let Ok(second) = M::decode(&subject, &written) else {
        panic!("a {} that can't be read again", M::NAME);
    };
    assert_eq!(second.encode(), written, "another {}", M::NAME);
    assert_eq!(second.subject(), subject, "another subject");
    assert_eq!(second.id(), first.id(), "another id");
}

/// A robots.txt holds no speech and leads to no more than a bounded number of addresses.
fn robots(bytes: &[u8]) {
    let found = extracted("https://a.example/robots.txt", Some("text/plain"), bytes);
    leads_only(found);
}

/// The same of a sitemap or a feed.
fn sitemap(bytes: &[u8]) {
    leads_only(extracted(
        "https://a.example/sitemap.xml",
        Some("text/xml"),
        bytes,
    ));
}

fn leads_only(found: Result<Extraction, ExtractError>) {
    let Ok(found) = found else {
        return;
    };
    let code = found.skip.map_or("", extractor::Skip::code);
    if ["sitemap", "sitemap_index", "feed", "robots_txt"].contains(&code) {
        assert!(found.speeches.is_empty(), "a speech in a {code}");
        assert!(found.links.len() <= 50_000, "{} links", found.links.len());
        let mut links = found.links;
        let num_links = links.len();
        links.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        links.dedup();
        assert_eq!(links.len(), num_links, "a link twice");
    }
}

/// The first line names the content type, the rest is the page.
fn split(bytes: &[u8]) -> (&str, &[u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let (kind, body) = bytes.split_at(end.unwrap_or(0));
    (std::str::from_utf8(kind).unwrap_or_default(), body)
}

/// What is text of the bytes.
fn text_of(bytes: &[u8]) -> String {
    bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()
}

fn address(text: &str) -> CanonicalUrl {
    match text.parse() {
        Ok(url) => url,
        Err(error) => panic!("{text} is no address: {error}"),
    }
}

fn extracted(
    url: &str,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Extraction, ExtractError> {
    let url = address(url);
    let page = PageView {
        url: &url,
        final_url: &url,
        content_type,
        robots_tags: &[],
        agent: "speechmill",
        body,
        parts: &[],
        lost_part: None,
    };
    extract(&page, &Sites::empty(), &HostMemory::empty())
}
