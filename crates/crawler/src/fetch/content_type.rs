//! Whether a response is worth downloading, by what the site says it is.

/// Pages of text: what else is text (style sheets, feeds, data) is no page. A site that says nothing
/// is believed: the extractor looks at the bytes.
pub(super) fn is_page(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.is_empty()
        || [
            "text/html",
            "application/xhtml+xml",
            "application/vnd.wap.xhtml+xml",
            "text/plain",
        ]
        .iter()
        .any(|page| essence.eq_ignore_ascii_case(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_other_files_by_their_type() {
        for page in [
            "text/html",
            "TEXT/HTML;charset=gb2312",
            "application/xhtml+xml; charset=utf-8",
            "text/plain",
            " ; charset=utf-8",
        ] {
            assert!(is_page(page), "{page}");
        }
        for other in [
            "application/pdf",
            "text/css",
            "application/rss+xml",
            "image/png",
            "html",
            "application/octet-stream",
        ] {
            assert!(!is_page(other), "{other}");
        }
    }
}
