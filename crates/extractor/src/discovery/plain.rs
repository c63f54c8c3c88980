//! Documents without markup: robots.txt, and sitemaps that are one URL a line.
//!
//! In: bytes or text. Out: the URLs that it names, as they stand there.

use super::MAX_URLS;

/// Where a host says what may be crawled (RFC 9309, section 2.3).
pub(super) const ROBOTS_TXT: &str = "/robots.txt";

/// The sitemaps that a robots.txt names.
pub(super) fn sitemaps(body: &[u8], agent: &str) -> Vec<String> {
    let robots = robotxt::Robots::parse(body, agent);
    robots.sitemaps().iter().map(ToString::to_string).collect()
}

/// Whether a text begins with a line that is a URL and nothing else, and the next, if there is one,
/// is another: then it is a sitemap.
pub(super) fn is_list(text: &str) -> bool {
    let mut lines = lines(text).take(2).peekable();
    lines.peek().is_some() && lines.all(is_url)
}

/// The URLs, one a line; other lines are passed over.
pub(super) fn urls(text: &str) -> Vec<String> {
    let urls = lines(text).filter(|line| is_url(line));
    urls.take(MAX_URLS).map(ToOwned::to_owned).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.filter(|line| !line.is_empty())
}

fn is_url(line: &str) -> bool {
    let has_scheme = line.starts_with("https://") || line.starts_with("http://");
    has_scheme && !line.contains(|c: char| c.is_whitespace() || c == '<')
}
