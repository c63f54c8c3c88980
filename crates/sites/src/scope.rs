//! What a page is, by its address alone, where no profile says it: a guess, by what libraries and news
//! sites have in common.

use messages::CanonicalUrl;

/// Files that hold no page.
const NO_PAGE: [&str; 44] = [
    "7z", "apk", "avi", "bmp", "bz2", "css", "csv", "doc", "docx", "exe", "flv", "gif", "gz",
    "ico", "iso", "jpeg", "jpg", "js", "json", "m3u8", "m4a", "mov", "mp3", "mp4", "mpg", "msi",
    "ofd", "pdf", "png", "pps", "ppt", "pptx", "rar", "rss", "svg", "swf", "tar", "tif", "txt",
    "webp", "wps", "xls", "xlsx", "zip",
];

/// First path segments, or names of pages, that lead to no text.
const NO_TEXT: [&str; 14] = [
    "about", "cart", "contact", "feedback", "help", "login", "logout", "member", "passport", "reg",
    "register", "search", "signin", "user",
];

/// Path segments, without numbers, of pages that lead to texts.
const LISTS: [&str; 14] = [
    "cate", "category", "channel", "class", "column", "index", "label", "list", "lists", "node",
    "page", "sort", "tag", "tags",
];

/// Where a host says what may be crawled (RFC 9309, section 2.3).
const ROBOTS_TXT: &str = "/robots.txt";

/// What a page is, by its address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Holds a text.
    Detail,
    /// Leads to texts.
    List,
    /// Neither, or of another site.
    Out,
}

/// What a page of a host is that no profile covers.
/// A number in the last segment or in the query is how libraries and news sites name their texts.
pub(crate) fn guess(url: &CanonicalUrl) -> Scope {
    if is_sitemap(url) {
        return Scope::Out;
    }
    let url = url.as_url();
    let segments: Vec<&str> = url
        .path_segments()
        .into_iter()
        .flatten()
        .filter(|segment| !segment.is_empty())
        .collect();
    let first = segments.first().copied().unwrap_or_default();
    let last = segments.last().copied().unwrap_or_default();
    let (name, extension) = last.rsplit_once('.').unwrap_or((last, ""));
    let is = |list: &[&str], word: &str| list.contains(&word.to_ascii_lowercase().as_str());
    if is(&NO_PAGE, extension) || is(&NO_TEXT, first) || is(&NO_TEXT, name) {
        return Scope::Out;
    }
    let numbered = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let leads_on = |segment: &&str| {
        let word = segment.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
        is(
            &LISTS,
            word.split(['_', '-', '.']).next().unwrap_or_default(),
        )
    };
    let is_list = segments.iter().any(leads_on) || leads_on(&name);
    if !is_list && (numbered(name) || url.query().is_some_and(numbered)) {
        Scope::Detail
    } else {
        Scope::List
    }
}

/// Whether an address is that of a sitemap, a feed or a robots.txt. These lead to all of a site,
/// so pages don't lead to them: they are submitted, or named by one another.
pub(crate) fn is_sitemap(url: &CanonicalUrl) -> bool {
    let url = url.as_url();
    let path = url.path().to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
    let named = |text: &str| text.to_ascii_lowercase().contains("sitemap");
    path == ROBOTS_TXT
        || ends(&[".xml", ".xml.gz"])
        || ((named(&path) || url.query().is_some_and(named)) && !ends(&[".html", ".htm", ".shtml"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sitemaps_are_told_from_pages_by_their_address() {
        for (path, expected) in [
            ("/robots.txt", true),
            ("/sitemap.xml", true),
            ("/posts-2.XML.gz", true),
            ("/sitemap.txt", true),
            ("/sitemap/2", true),
            ("/?sitemap=2", true),
            ("/sitemap.html", false),
            ("/2024/17.html", false),
            ("/notes/robots.txt", false),
            ("/archive.gz", false),
        ] {
            let root: CanonicalUrl = "https://a.example/".parse().unwrap();
            let url = root.join(path).unwrap();
            assert_eq!(is_sitemap(&url), expected, "{path}");
        }
    }
}
