//! What goes in and what comes out of an extraction.

use messages::{CanonicalUrl, Speech};

/// A fetched page, as the extractor sees it.
#[derive(Debug, Clone, Copy)]
pub struct PageView<'a> {
    /// The address that was asked for.
    pub url: &'a CanonicalUrl,
    /// The address that answered, after redirects.
    pub final_url: &'a CanonicalUrl,
    /// The header `Content-Type`, if there was one.
    pub content_type: Option<&'a str>,
    /// The headers `X-Robots-Tag`.
    pub robots_tags: &'a [String],
    /// The name by which the site knows us.
    pub agent: &'a str,
    /// The body, decompressed, in the page's own encoding.
    pub body: &'a [u8],
    /// The further pages of the same article, in their order.
    pub parts: &'a [PartView<'a>],
    /// The code of what kept the next one away, if there is one that did not come.
    pub lost_part: Option<&'a str>,
}

/// A further page of an article.
#[derive(Debug, Clone, Copy)]
pub struct PartView<'a> {
    /// The address that answered.
    pub url: &'a CanonicalUrl,
    /// The header `Content-Type`, if there was one.
    pub content_type: Option<&'a str>,
    /// The body, decompressed, in the page's own encoding.
    pub body: &'a [u8],
}

/// What a page gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The speeches; empty with a skip.
    pub speeches: Vec<Speech>,
    /// The text of a collection as one, for whoever compares pages; none where there is one speech.
    pub whole: Option<Box<Speech>>,
    /// Why there is no speech; `None` with one.
    pub skip: Option<Skip>,
    /// Links in scope, those to texts first, then in the page's order; none twice.
    pub links: Vec<CanonicalUrl>,
    /// Links to other pages of the web that are not followed from here; each counts once.
    pub num_out_of_scope: u32,
    /// Characters of the page and its parts that no charset had a meaning for, now U+FFFD.
    pub num_replaced: u32,
}

/// Why a page that was read holds no speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// It leads to texts.
    ListPage,
    /// It asks for a login and shows nothing else.
    LoginPage,
    /// It says that something went wrong, whatever its status was.
    ErrorPage,
    /// It has no main text.
    NoMainText,
    /// Its site does not want its text to be found.
    NoIndex,
    /// It is a sitemap.
    Sitemap,
    /// It is a list of sitemaps.
    SitemapIndex,
    /// It is an RSS or Atom feed.
    Feed,
    /// It is its host's robots.txt.
    RobotsTxt,
}

impl Skip {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::ListPage => "list_page",
            Self::LoginPage => "login_page",
            Self::ErrorPage => "error_page",
            Self::NoMainText => "no_main_text",
            Self::NoIndex => "noindex",
            Self::Sitemap => "sitemap",
            Self::SitemapIndex => "sitemap_index",
            Self::Feed => "feed",
            Self::RobotsTxt => "robots_txt",
        }
    }
}
