//! The one spelling of a URL: two spellings of the same page must give one id.
//!
//! Kept: the query string, the case of the path. Dropped: the fragment, the default port, dot
//! segments, tracking parameters, repeated slashes in the path, a final dot of the host.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::Host;

/// The longest URL that is admitted, in bytes.
const MAX_BYTES: usize = 4096;

/// Query parameters that name the way to a page and not the page.
const TRACKING: [&str; 14] = [
    "_hsenc",
    "_hsmi",
    "_openstat",
    "bd_vid",
    "dclid",
    "fbclid",
    "from_spmid",
    "gclid",
    "isappinstalled",
    "msclkid",
    "share_token",
    "spm",
    "spm_id_from",
    "yclid",
];

/// Why a text is no URL that can be crawled. Verdict: Reject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all.
    #[error("{0:?} is not a URL: write it in full, as in https://www.example.com/page.html")]
    Malformed(String),
    /// Not http or https.
    #[error("{0}: is not supported: only http and https can be crawled")]
    Scheme(String),
    /// A user name or password in the URL, which would travel in every message.
    #[error("the URL carries a user name or password: take it out")]
    Credentials,
    /// Longer than [`MAX_BYTES`].
    #[error("the URL has {0} bytes: {MAX_BYTES} at most")]
    TooLong(usize),
}

impl UrlError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_url",
            Self::Scheme(_) => "unsupported_scheme",
            Self::Credentials => "url_with_credentials",
            Self::TooLong(_) => "url_too_long",
        }
    }
}

/// A URL in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct CanonicalUrl(#[cfg_attr(feature = "schema", schemars(with = "String"))] Url);

impl CanonicalUrl {
    /// The URL as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The parsed URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The host that politeness holds for.
    pub fn host(&self) -> Host {
        Host::of(&self.0).expect("http and https URLs have a host")
    }

    /// A reference found on this page, resolved against it.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let joined = self.0.join(reference.trim());
        canonicalise(joined.map_err(|_| UrlError::Malformed(shorten(reference)))?)
    }
}

/// The text as it may be shown: not too long, and without what may be a password.
fn shorten(text: &str) -> String {
    let authority = text.find("//").map_or(0, |at| at + 2);
    let end = text[authority..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |at| authority + at);
    match text[authority..end].rfind('@') {
        Some(at) => format!("{}…{}", &text[..authority], &text[authority + at..]),
        None => text.to_owned(),
    }
    .chars()
    .take(200)
    .collect()
}

fn canonicalise(mut url: Url) -> Result<CanonicalUrl, UrlError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlError::Scheme(shorten(url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    let malformed = |url: &Url| UrlError::Malformed(shorten(url.as_str()));
    let host = url.host_str().ok_or_else(|| malformed(&url))?;
    if host.ends_with('.') {
        let bare = host.trim_end_matches('.').to_owned();
        url.set_host(Some(&bare)).map_err(|_| malformed(&url))?;
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(malformed(&url));
    }
    url.set_fragment(None);
    if url.path().contains("//") {
        let mut path = String::with_capacity(url.path().len());
        for c in url.path().chars() {
            if c != '/' || !path.ends_with('/') {
                path.push(c);
            }
        }
        url.set_path(&path);
    }
    drop_tracking(&mut url);
    if url.as_str().len() > MAX_BYTES {
        return Err(UrlError::TooLong(url.as_str().len()));
    }
    Ok(CanonicalUrl(url))
}

/// Leaves the other parameters byte for byte as they were: sites disagree on how to encode them.
fn drop_tracking(url: &mut Url) {
    let Some(query) = url.query() else { return };
    let is_tracking = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        name.starts_with("utm_") || TRACKING.contains(&name)
    };
    let kept: Vec<&str> = query.split('&').filter(|p| !is_tracking(p)).collect();
    let kept = kept.join("&");
    if kept.is_empty() {
        url.set_query(None);
    } else if kept != query {
        url.set_query(Some(&kept));
    }
}

impl FromStr for CanonicalUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        let url = Url::parse(text).map_err(|_| UrlError::Malformed(shorten(text)))?;
        // `Url::parse("example.com:80")` reads a scheme; say what the writer most likely missed.
        if url.cannot_be_a_base() && url.scheme().contains('.') {
            return Err(UrlError::Malformed(shorten(text)));
        }
        canonicalise(url)
    }
}

impl TryFrom<String> for CanonicalUrl {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl From<CanonicalUrl> for String {
    fn from(url: CanonicalUrl) -> Self {
        url.0.into()
    }
}

impl fmt::Display for CanonicalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        text.parse::<CanonicalUrl>().unwrap().to_string()
    }

    #[test]
    fn spellings_of_one_page_become_one() {
        for (given, expected) in [
            ("HTTP://Example.COM:80/a/../b#top", "http://example.com/b"),
            ("https://example.com", "https://example.com/"),
            (
                "https://example.com.//index///article/1.html",
                "https://example.com/index/article/1.html",
            ),
            (
                "https://example.com/a?utm_source=x&id=1&spm=2",
                "https://example.com/a?id=1",
            ),
            (
                "https://example.com/a?utm_source=x",
                "https://example.com/a",
            ),
            ("https://讲话.example/", "https://xn--ed3a8c.example/"),
            ("  https://example.com/a  ", "https://example.com/a"),
        ] {
            assert_eq!(canonical(given), expected, "{given}");
        }
    }

    #[test]
    fn what_tells_pages_apart_is_kept() {
        assert_ne!(
            canonical("https://e.cn/a?id=1"),
            canonical("https://e.cn/a?id=2")
        );
        assert_ne!(canonical("https://e.cn/A"), canonical("https://e.cn/a"));
        assert_eq!(
            canonical("https://e.cn/a?b=%E4%B8%AD&a=1//2"),
            "https://e.cn/a?b=%E4%B8%AD&a=1//2"
        );
    }

    #[test]
    fn each_bad_url_has_its_code() {
        for (given, code) in [
            ("", "malformed_url"),
            ("www.example.com/a", "malformed_url"),
            ("example.com:80", "malformed_url"),
            ("http://", "malformed_url"),
            ("http://exa mple/", "malformed_url"),
            ("ftp://example.com/a", "unsupported_scheme"),
            ("javascript:void(0)", "unsupported_scheme"),
            ("https://me:secret@example.com/", "url_with_credentials"),
        ] {
            assert_eq!(
                given.parse::<CanonicalUrl>().unwrap_err().code(),
                code,
                "{given}"
            );
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_BYTES));
        assert_eq!(
            long.parse::<CanonicalUrl>().unwrap_err().code(),
            "url_too_long"
        );
    }

    #[test]
    fn references_are_resolved_against_the_page() {
        let page: CanonicalUrl = "https://example.com/a/b.html".parse().unwrap();
        assert_eq!(
            page.join("../c.html#x").unwrap().as_str(),
            "https://example.com/c.html"
        );
        assert_eq!(
            page.join("//other.cn/d").unwrap().as_str(),
            "https://other.cn/d"
        );
        assert!(page.join("mailto:a@b.c").is_err());
    }

    proptest! {
        #[test]
        fn canonicalising_twice_changes_nothing(text in "https?://[a-z]{1,8}\\.cn(/{1,3}[a-zA-Z0-9.%_-]{0,6}){0,5}(\\?[a-z=&_0-9]{0,20})?(#.{0,5})?") {
            if let Ok(once) = text.parse::<CanonicalUrl>() {
                let twice: CanonicalUrl = once.as_str().parse().unwrap();
                prop_assert_eq!(once, twice);
            }
        }

        #[test]
        fn any_text_is_answered_without_a_panic(text in ".{0,200}") {
            let _ = text.parse::<CanonicalUrl>();
        }
    }

    #[test]
    fn what_may_be_a_password_is_not_repeated() {
        for text in [
            "https://me:s3cret@a.cn:port/x@y",
            "//me:s3cret@a.cn/",
            "me:s3cret@a.cn",
            "https://me:s3cret@a.cn/",
        ] {
            let error = text.parse::<CanonicalUrl>().unwrap_err();
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        let error = "https://a.cn:port/x@y".parse::<CanonicalUrl>().unwrap_err();
        assert!(error.to_string().contains("https://a.cn:port/x@y"));
    }
}
