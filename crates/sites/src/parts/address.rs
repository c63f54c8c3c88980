//! Addresses that count: `17.html`, `17_2.html`, `17_3.html`, or `?page=2`, or `17/2`.
//!
//! In: the address of an article or a list, and others. Out: whether another is the address of its next
//! part, or which of its pages it is.

use messages::CanonicalUrl;

/// Parameters that say which part of an article a page is.
const PAGE_PARAMETERS: [&str; 9] = [
    "p",
    "page",
    "paged",
    "pageid",
    "pageindex",
    "pageno",
    "pagenum",
    "pg",
    "pn",
];

/// How far an article's addresses have counted.
#[derive(Debug, Clone)]
pub(crate) struct Numbering {
    host: String,
    /// The path up to the name of the page.
    folder: String,
    /// The name without number and extension.
    stem: String,
    /// With its dot; empty where there is none.
    extension: String,
    /// All parameters but the number of the page.
    query: Vec<(String, String)>,
    /// The number in the last address; 0: there was none.
    number: u32,
}

impl Numbering {
    pub(super) fn of(first: &CanonicalUrl) -> Self {
        let (folder, name, extension) = split(first);
        let (stem, number) = match name.strip_suffix("_1").or_else(|| name.strip_suffix("-1")) {
            Some(stem) if !stem.is_empty() => (stem, 1),
            _ => (name, 0),
        };
        let (query, in_query) = query(first);
        Self {
            host: first.host().to_string(),
            folder: folder.to_owned(),
            stem: stem.to_owned(),
            extension: extension.to_owned(),
            query,
            number: in_query.unwrap_or(number),
        }
    }

    /// All that the first page of a list may be called, if this is one of its pages.
    pub(crate) fn bases(page: &CanonicalUrl) -> Vec<Self> {
        let own = Self::of(page);
        let counted = own.stem.rsplit_once(['_', '-']);
        let without_number =
            counted.filter(|(stem, digits)| !stem.is_empty() && number(digits).is_some());
        let named = |stem: &str| Self {
            stem: stem.to_owned(),
            ..own.clone()
        };
        let mut bases: Vec<Self> = without_number
            .map(|(stem, _)| named(stem))
            .into_iter()
            .collect();
        // `list/2.html`, `list/2/`: the folder is the list.
        let path = format!("{}{}", own.folder, own.stem);
        let path = path.trim_end_matches('/');
        if let Some((folder, digits)) = path.rsplit_once('/')
            && number(digits).is_some()
            && let Some((above, list)) = folder.rsplit_once('/')
        {
            bases.push(Self {
                folder: format!("{above}/"),
                ..named(list)
            });
        }
        if own.stem.is_empty() {
            bases.extend([".html", ".htm", ".shtml"].map(|extension| Self {
                extension: extension.to_owned(),
                ..named("index")
            }));
        }
        bases.push(own);
        bases
    }

    /// What the names of all parts begin with.
    pub(super) fn stem(&self) -> &[u8] {
        self.stem.as_bytes()
    }

    /// Whether an address is that of the next part.
    pub(super) fn leads_to(&self, next: &CanonicalUrl) -> bool {
        match (self.number, self.number_in(next)) {
            // The second part is number 2, or number 1 where counting begins with 0.
            (0, Some(number)) => matches!(number, 1 | 2),
            (last, Some(number)) => number == last + 1,
            (_, None) => false,
        }
    }

    /// Goes on to a part.
    pub(super) fn advance(&mut self, part: &CanonicalUrl) {
        self.number = self.number_in(part).unwrap_or(self.number);
    }

    pub(crate) fn number_in(&self, url: &CanonicalUrl) -> Option<u32> {
        if url.host().as_str() != self.host {
            return None;
        }
        let (folder, name, extension) = split(url);
        let (query, in_query) = query(url);
        if query != self.query {
            return None;
        }
        let own_path = folder == self.folder && extension == self.extension;
        if let (true, Some(number)) = (own_path && name == self.stem, in_query) {
            return Some(number);
        }
        if own_path
            && let Some(rest) = name.strip_prefix(&*self.stem)
            && let Some(digits) = rest.strip_prefix(['_', '-'])
        {
            return number(digits);
        }
        // A folder of its own: `17/2.html`, `17/2`, or `17/` and `17/2/`.
        let own = format!("{}{}", self.folder, self.stem);
        let path = url.as_url().path();
        let rest = path.strip_prefix(own.trim_end_matches('/'))?;
        let rest = rest.strip_prefix('/')?.trim_end_matches('/');
        number(rest.strip_suffix(&*self.extension).unwrap_or(rest))
    }
}

/// The path up to the name of the page, the name, and its extension.
fn split(url: &CanonicalUrl) -> (&str, &str, &str) {
    let path = url.as_url().path();
    let at = path.rfind('/').map_or(0, |at| at + 1);
    let (folder, name) = path.split_at(at);
    match name.rfind('.') {
        Some(dot) if dot > 0 => (folder, &name[..dot], &name[dot..]),
        _ => (folder, name, ""),
    }
}

fn query(url: &CanonicalUrl) -> (Vec<(String, String)>, Option<u32>) {
    let mut page = None;
    let mut others = Vec::new();
    for (name, value) in url.as_url().query_pairs() {
        let bare: String = name.chars().filter(|&c| c != '_').collect();
        if PAGE_PARAMETERS.contains(&&*bare.to_ascii_lowercase()) {
            page = number(&value);
        } else {
            others.push((name.into_owned(), value.into_owned()));
        }
    }
    (others, page)
}

/// A small number, written as people count.
fn number(digits: &str) -> Option<u32> {
    let is_plain = (1..=3).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_number_of_the_same_name_counts_on() {
        let url = |text: &str| -> CanonicalUrl { text.parse().unwrap() };
        for (first, next, expected) in [
            ("https://a.cn/17.html", "https://a.cn/17_1.html", true),
            ("https://a.cn/17.html", "https://a.cn/17_2.html", true),
            ("https://a.cn/17.html", "https://a.cn/17_3.html", false),
            ("https://a.cn/17.html", "https://a.cn/17_02.html", false),
            ("https://a.cn/17.html", "https://a.cn/172.html", false),
            ("https://a.cn/17.html", "https://a.cn/17_2.shtml", false),
            ("https://a.cn/17.html", "https://a.cn/b/17_2.html", false),
            ("https://a.cn/17.html", "https://a.cn/17/2.html", true),
            ("https://a.cn/17", "https://a.cn/17/2", true),
            ("https://a.cn/17/", "https://a.cn/17/2/", true),
            ("https://a.cn/17_1.html", "https://a.cn/17_2.html", true),
            ("https://a.cn/17_1.html", "https://a.cn/17_1.html", false),
            ("https://a.cn/17_3.html", "https://a.cn/17_4.html", false),
            ("https://a.cn/v?id=1", "https://a.cn/v?id=1&page=2", true),
            ("https://a.cn/v?id=1", "https://a.cn/v?id=2&page=2", false),
            ("https://a.cn/v?id=1&p=1", "https://a.cn/v?id=1&p=2", true),
            ("https://a.cn/17.html", "https://b.cn/17_2.html", false),
        ] {
            let is_next = Numbering::of(&url(first)).leads_to(&url(next));
            assert_eq!(is_next, expected, "{first} {next}");
        }
    }
}
