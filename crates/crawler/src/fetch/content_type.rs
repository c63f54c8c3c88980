//! Whether a response is worth downloading, by what the site says it is.

/// Pages of text.
const PAGES: [&str; 4] = [
    "text/html",
    "application/xhtml+xml",
    "application/vnd.wap.xhtml+xml",
    "text/plain",
];

/// Sitemaps and feeds, plain or packed: they lead to pages.
const LEADING: [&str; 7] = [
    "application/xml",
    "text/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/rdf+xml",
    "application/gzip",
    "application/x-gzip",
];

/// What else is text (style sheets, data) is no page. A site that says nothing is believed: the
/// extractor looks at the bytes. So is one that calls a packed sitemap "some bytes".
pub(super) fn is_page(content_type: &str, path: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is = |known: &&str| essence.eq_ignore_ascii_case(known);
    essence.is_empty()
        || PAGES.iter().any(is)
        || LEADING.iter().any(is)
        || (is(&"application/octet-stream") && is_packed(path))
}

fn is_packed(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.strip_suffix(".gz").unwrap_or_default();
    name.strip_suffix(".xml").is_some() || name.contains("sitemap")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_what_leads_to_them_are_told_from_other_files_by_their_type() {
        for page in [
            "text/html",
            "TEXT/HTML;charset=gb2312",
            "application/xhtml+xml; charset=utf-8",
            "text/plain",
            " ; charset=utf-8",
            "text/xml; charset=gbk",
            "application/rss+xml",
            "application/x-gzip",
        ] {
            assert!(is_page(page, "/1"), "{page}");
        }
        for other in [
            "application/pdf",
            "text/css",
            "image/svg+xml",
            "image/png",
            "html",
            "application/octet-stream",
        ] {
            assert!(!is_page(other, "/1"), "{other}");
        }
    }

    #[test]
    fn some_bytes_are_believed_to_be_a_sitemap_where_the_address_says_so() {
        for (path, expected) in [
            ("/sitemap.xml.gz", true),
            ("/posts-1.XML.GZ", true),
            ("/sitemap/1.txt.gz", true),
            ("/backup.tar.gz", false),
            ("/sitemap.xml", false),
        ] {
            let found = is_page("application/octet-stream", path);
            assert_eq!(found, expected, "{path}");
        }
    }
}
