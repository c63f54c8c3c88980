//! The way of a page: bytes → text → tree → blocks → text of the speech → record, or a skip.
//!
//! Synchronous and pure: no clock, no network, no panic; time and memory are bounded by the page.

use messages::CanonicalUrl;
use sites::{Profile, Sites, charset};

use crate::arbitration::{self, Winner};
use crate::article::{self, Ending};
use crate::blocks::{Flat, flatten};
use crate::body::Body;
use crate::directives::Directives;
use crate::discovery::{self, Discovery};
use crate::dom::Dom;
use crate::generic::{self, Choice};
use crate::links::Links;
use crate::profile::{self, Applied};
use crate::record::{self, Source};
use crate::{ExtractError, Extraction, HostMemory, PageView, Skip};
use crate::{dom, second_opinion, skip};

/// Bytes of a page, at most.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Rises with every change that may change a record: part of a speech's version.
pub const REVISION: u32 = 3;

/// Below this margin the first extractor is unsure of its choice.
const SURE: f64 = 0.98;

/// Below this share of prose it is unsure too.
const PURE: f64 = 0.98;

/// Takes the speeches and the links in scope from a page.
pub fn extract(
    page: &PageView<'_>,
    sites: &Sites,
    _memory: &HostMemory,
) -> Result<Extraction, ExtractError> {
    if page.body.len() > MAX_BYTES {
        return Err(ExtractError::PageTooLarge {
            bytes: page.body.len(),
            limit: MAX_BYTES,
        });
    }
    if let Some(Discovery { kind, links }) = discovery::of(page, sites) {
        return Ok(Extraction {
            speeches: Vec::new(),
            skip: Some(kind),
            links: links.in_scope,
            num_out_of_scope: links.num_out_of_scope,
            num_replaced: 0,
        });
    }
    refuse_other_types(page)?;
    let decoded = charset::decode(page.body, page.content_type)?;
    let dom = dom::parse(&decoded.text)?;
    let flat = flatten(&dom.html);
    let profile = sites.for_host(&page.final_url.host());
    let applied = profile.map(|p| profile::apply(p, &dom, &flat));
    let body = main_text(&decoded.text, &dom, &flat, applied.as_ref());
    let found = Found {
        dom: &dom,
        flat: &flat,
        body: body.as_ref(),
        profile,
        sites,
    };
    let skip = skip::reason(page, &found);
    let on_list = skip == Some(Skip::ListPage);
    let directives = Directives::of(page.robots_tags, &dom.html, page.agent);
    let mut links = if directives.no_follow {
        Links::default()
    } else {
        Links::of(page.final_url, &dom.html, sites, on_list)
    };
    let is_part = |link: &CanonicalUrl| page.parts.iter().any(|part| part.url == link);
    links.in_scope.retain(|link| !is_part(link));
    let skip = directives.no_index.then_some(Skip::NoIndex).or(skip);
    let mut ending = Ending::default();
    let body = body.map(|mut body| {
        ending = article::join(&mut body, page.parts, profile);
        body
    });
    let replaced = decoded.replaced + ending.replaced;
    let speeches = match (skip, body.as_ref()) {
        (None, Some(body)) => vec![record::build(&Source {
            page,
            dom: &dom,
            flat: &flat,
            body,
            profile,
            applied: applied.as_ref(),
            replaced,
            ending: &ending,
        })],
        _ => Vec::new(),
    };
    Ok(Extraction {
        skip: speeches
            .is_empty()
            .then(|| skip.unwrap_or(Skip::NoMainText)),
        speeches,
        links: links.in_scope,
        num_out_of_scope: links.num_out_of_scope,
        num_replaced: u32::try_from(replaced).unwrap_or(u32::MAX),
    })
}

/// What is known of a page before it is decided whether it holds a speech.
pub(crate) struct Found<'a> {
    pub(crate) dom: &'a Dom,
    pub(crate) flat: &'a Flat,
    pub(crate) body: Option<&'a Body>,
    pub(crate) profile: Option<&'a Profile>,
    pub(crate) sites: &'a Sites,
}

/// A server may call anything HTML; what calls itself an image is none.
fn refuse_other_types(page: &PageView<'_>) -> Result<(), ExtractError> {
    let kind = page.content_type.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let readable = kind.is_empty()
        || kind.starts_with("text/")
        || kind.contains("html")
        || kind.contains("xml")
        || kind == "application/octet-stream";
    if !readable {
        return Err(ExtractError::NotHtml(kind));
    }
    if discovery::is_packed(page.body) {
        return Err(ExtractError::NotHtml("application/gzip".to_owned()));
    }
    if page.body.starts_with(b"%PDF-") {
        return Err(ExtractError::NotHtml("application/pdf".to_owned()));
    }
    Ok(())
}

pub(crate) fn main_text(
    text: &str,
    dom: &Dom,
    flat: &Flat,
    applied: Option<&Applied>,
) -> Option<Body> {
    if let Some(choice) = applied.and_then(|applied| applied.choice.clone()) {
        return Some(Body::of_profile(flat, &choice));
    }
    let choice = generic::choose(flat);
    let lines = choice
        .as_ref()
        .map(|c| lines_of(flat, c))
        .unwrap_or_default();
    let sure = choice
        .as_ref()
        .is_some_and(|c| c.margin >= SURE && arbitration::purity(&lines) >= PURE);
    if sure {
        return choice.map(|choice| Body::of_generic(flat, &choice));
    }
    let Some(second) = second_opinion::ask(text, dom.depth) else {
        return choice.map(|choice| Body::of_generic(flat, &choice));
    };
    let (second, dropped) = arbitration::clean(second);
    let verdict = arbitration::arbitrate(&lines, &second);
    match (verdict.winner, choice) {
        (Winner::First, Some(choice)) => {
            Some(Body::of_generic(flat, &choice).with_confidence(verdict.agreement))
        }
        (Winner::Second, choice) => {
            let mut body = Body::of_second(flat, choice, &second);
            body.removed = dropped;
            Some(body.with_confidence(verdict.agreement))
        }
        (Winner::First, None) => None,
    }
}

fn lines_of(flat: &Flat, choice: &Choice) -> Vec<String> {
    choice
        .kept
        .iter()
        .map(|&i| flat.blocks[i].text.clone())
        .collect()
}
