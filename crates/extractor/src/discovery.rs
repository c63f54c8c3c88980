//! Documents that are there to lead to pages: sitemaps and their indexes, feeds, robots.txt.
//!
//! In: a page. Out: which of them it is, by its bytes, and its links in scope; nothing if it is none.
//! Packed ones are unpacked up to a bound. No bytes make it fail: of a broken document counts what
//! stands before the break.

mod plain;
mod xml;

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use messages::CanonicalUrl;
use scraper::Html;
use sites::{Scope, Sites, charset};

use crate::directives::Directives;
use crate::links::Links;
use crate::{PageView, Skip};

/// Bytes of a document, unpacked, at most: the rest is not read. Source: the protocol of sitemaps.org.
const MAX_BYTES: u64 = 50 * 1024 * 1024;

/// URLs taken from one document, at most. Source: the same.
const MAX_URLS: usize = 50_000;

/// Bytes at the start that show what a document is.
const HEAD_BYTES: usize = 8 * 1024;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What such a document is, and where it leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Discovery {
    pub(crate) kind: Skip,
    pub(crate) links: Links,
}

/// Whether the bytes are a gzip file, whatever is in it.
pub(crate) fn is_packed(body: &[u8]) -> bool {
    body.starts_with(&GZIP)
}

/// Reads a page as such a document, if it is one.
pub(crate) fn of(page: &PageView<'_>, sites: &Sites) -> Option<Discovery> {
    let form = Form::of(page)?;
    let body = unpacked(page.body, MAX_BYTES);
    let text = || charset::decode(&body, page.content_type).ok();
    let (kind, named) = match form {
        Form::RobotsTxt => (Skip::RobotsTxt, plain::sitemaps(&body, page.agent)),
        Form::Lines => (Skip::Sitemap, plain::urls(&text()?.text)),
        Form::Xml(kind) => (kind, xml::urls(&text()?.text)),
    };
    // It has no markup that could forbid anything.
    let directives = Directives::of(page.robots_tags, &Html::new_document(), page.agent);
    let links = if directives.no_follow {
        Links::default()
    } else {
        links(kind, &named, page.final_url, sites)
    };
    Some(Discovery { kind, links })
}

/// How such a document is written.
enum Form {
    RobotsTxt,
    /// One URL a line.
    Lines,
    Xml(Skip),
}

impl Form {
    fn of(page: &PageView<'_>) -> Option<Self> {
        if is_html(page.body) {
            return None;
        }
        let head = unpacked(page.body, HEAD_BYTES as u64);
        let head = &head[..head.len().min(HEAD_BYTES)];
        let text = charset::decode(head, page.content_type).ok()?.text;
        // By the address that was asked for: a redirect must not make a robots.txt of any page, for
        // its links use up no depth.
        let path = &page.url.as_url()[url::Position::BeforePath..];
        if path == plain::ROBOTS_TXT && !text.trim_start().starts_with('<') {
            return Some(Self::RobotsTxt);
        }
        let is_html = page.content_type.is_some_and(|kind| kind.contains("html"));
        if plain::is_list(&text) && !is_html {
            return Some(Self::Lines);
        }
        xml::kind(&text).map(Self::Xml)
    }
}

/// Whether a page says with its first bytes that it is no such document: most do.
fn is_html(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let body = body.trim_ascii_start();
    let begins = |with: &[u8]| {
        body.get(..with.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(with))
    };
    begins(b"<!doctype html") || begins(b"<html")
}

/// The bytes themselves, or what is packed in them, as far as it can be read.
fn unpacked(body: &[u8], limit: u64) -> Cow<'_, [u8]> {
    if !is_packed(body) {
        return Cow::Borrowed(body);
    }
    let mut bytes = Vec::new();
    // An error leaves what was read before it.
    let _ = MultiGzDecoder::new(body)
        .take(limit)
        .read_to_end(&mut bytes);
    Cow::Owned(bytes)
}

fn links(kind: Skip, named: &[String], page: &CanonicalUrl, sites: &Sites) -> Links {
    let named = named.iter().filter_map(|named| page.join(named).ok());
    Links::sorted(page, named, MAX_URLS, |link| match kind {
        Skip::RobotsTxt | Skip::SitemapIndex => {
            let is_robots_txt = link.as_url().path() == plain::ROBOTS_TXT;
            if sites.may_name_sitemap(link, page) && !is_robots_txt {
                Scope::List
            } else {
                Scope::Out
            }
        }
        // Only an index leads to sitemaps: else there would be no end to them.
        _ if Sites::is_sitemap(link) => Scope::Out,
        _ => sites.scope_of_named(link, page),
    })
}

#[cfg(test)]
mod tests;
