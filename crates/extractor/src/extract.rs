//! The way of a page: bytes → text → tree → blocks → text of the speech → record, or a skip.
//!
//! Synchronous and pure: no clock, no network, no panic; time and memory are bounded by the page.

use messages::{CanonicalUrl, Speech};
use sites::{Profile, Sites, charset};

use crate::arbitration::{self, Verdict, Winner};
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
pub const REVISION: u32 = 5;

/// Below this margin the first extractor is unsure of its choice.
const SURE: f64 = 0.9;

/// Below this share of prose it is unsure too.
const PURE: f64 = 0.95;

/// Takes the speeches and the links in scope from a page.
pub fn extract(
    page: &PageView<'_>,
    sites: &Sites,
    memory: &HostMemory,
) -> Result<Extraction, ExtractError> {
    traced(page, sites, memory).map(|(extraction, _)| extraction)
}

/// How a page was read, for whoever asks why.
pub(crate) struct Trace {
    pub(crate) dom: Dom,
    pub(crate) flat: Flat,
    pub(crate) opinions: Opinions,
}

/// The same, and how it came about; of what is no page there is no more to say.
pub(crate) fn traced(
    page: &PageView<'_>,
    sites: &Sites,
    memory: &HostMemory,
) -> Result<(Extraction, Option<Trace>), ExtractError> {
    refuse_large(page)?;
    if let Some(Discovery { kind, links }) = discovery::of(page, sites) {
        return Ok((extraction((Vec::new(), None), Some(kind), links, 0), None));
    }
    refuse_other_types(page)?;
    let decoded = charset::decode(page.body, page.content_type)?;
    let dom = dom::parse(&sites::bound_attributes(&decoded.text))?;
    let profile = sites.for_host(&page.final_url.host());
    let mut reading = read(page, &dom, profile, sites, memory);
    if reading.skip.is_some_and(|skip| skip != Skip::NoMainText) && !memory.is_empty() {
        // Without the site's own lines a short text may look like none: they don't decide that.
        let whole = read(page, &dom, profile, sites, &HostMemory::empty());
        reading.skip = whole.skip.or(skip::too_short(reading.body.as_ref()));
    }
    let Reading {
        flat,
        applied,
        opinions,
        body,
        skip,
    } = reading;
    let directives = Directives::of(page.robots_tags, &dom.html, page.agent);
    let links = if directives.no_follow {
        Links::default()
    } else {
        links(page, &dom, sites, skip == Some(Skip::ListPage))
    };
    let skip = directives.no_index.then_some(Skip::NoIndex).or(skip);
    let mut ending = Ending::default();
    let body = body.map(|mut body| {
        ending = article::join(&mut body, page.parts, profile, memory);
        body
    });
    let replaced = decoded.replaced + ending.replaced;
    let found = match (skip, body.as_ref()) {
        (None, Some(body)) => record::build(&Source {
            page,
            dom: &dom,
            flat: &flat,
            memory,
            body,
            profile,
            applied: applied.as_ref(),
            replaced,
            ending: &ending,
        }),
        _ => (Vec::new(), None),
    };
    let extraction = extraction(found, skip, links, replaced);
    Ok((
        extraction,
        Some(Trace {
            dom,
            flat,
            opinions,
        }),
    ))
}

/// The links, without those to the article's further pages.
fn links(page: &PageView<'_>, dom: &Dom, sites: &Sites, on_list: bool) -> Links {
    let mut links = Links::of(page.final_url, &dom.html, sites, on_list);
    let is_part = |link: &CanonicalUrl| page.parts.iter().any(|part| part.url == link);
    links.in_scope.retain(|link| !is_part(link));
    links
}

fn extraction(
    (speeches, whole): (Vec<Speech>, Option<Speech>),
    skip: Option<Skip>,
    links: Links,
    replaced: usize,
) -> Extraction {
    Extraction {
        skip: speeches
            .is_empty()
            .then(|| skip.unwrap_or(Skip::NoMainText)),
        speeches,
        whole: whole.map(Box::new),
        links: links.in_scope,
        num_out_of_scope: links.num_out_of_scope,
        num_replaced: u32::try_from(replaced).unwrap_or(u32::MAX),
    }
}

/// A page read with what is remembered of its host.
struct Reading {
    flat: Flat,
    applied: Option<Applied>,
    opinions: Opinions,
    body: Option<Body>,
    skip: Option<Skip>,
}

fn read(
    page: &PageView<'_>,
    dom: &Dom,
    profile: Option<&Profile>,
    sites: &Sites,
    memory: &HostMemory,
) -> Reading {
    let mut flat = flatten(&dom.html);
    memory.mark(&mut flat);
    let applied = profile.map(|p| profile::apply(p, dom, &flat));
    let mut opinions = main_text(dom, &flat, applied.as_ref(), memory);
    let body = opinions.body.take();
    let skip = skip::reason(
        page,
        &Found {
            dom,
            flat: &flat,
            body: body.as_ref(),
            profile,
            sites,
        },
    );
    Reading {
        flat,
        applied,
        opinions,
        body,
        skip,
    }
}

/// What is known of a page before it is decided whether it holds a speech.
pub(crate) struct Found<'a> {
    pub(crate) dom: &'a Dom,
    pub(crate) flat: &'a Flat,
    pub(crate) body: Option<&'a Body>,
    pub(crate) profile: Option<&'a Profile>,
    pub(crate) sites: &'a Sites,
}

fn refuse_large(page: &PageView<'_>) -> Result<(), ExtractError> {
    let bytes = page.body.len();
    if bytes > MAX_BYTES {
        let limit = MAX_BYTES;
        return Err(ExtractError::PageTooLarge { bytes, limit });
    }
    Ok(())
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

/// What was thought of the text, and the text.
#[derive(Default)]
pub(crate) struct Opinions {
    /// What the profile names, else what the first extractor chose.
    pub(crate) first: Option<Choice>,
    /// Whether the first was sure enough to be asked alone.
    pub(crate) is_sure: bool,
    /// The second opinion, where it was asked and had one.
    pub(crate) second: Option<Second>,
    pub(crate) body: Option<Body>,
}

/// A second opinion and what became of it.
pub(crate) struct Second {
    pub(crate) lines: Vec<String>,
    pub(crate) verdict: Verdict,
}

pub(crate) fn main_text(
    dom: &Dom,
    flat: &Flat,
    applied: Option<&Applied>,
    memory: &HostMemory,
) -> Opinions {
    if let Some(choice) = applied.and_then(|applied| applied.choice.clone()) {
        return Opinions {
            body: Some(Body::of_profile(flat, &choice)),
            first: Some(choice),
            is_sure: true,
            second: None,
        };
    }
    let first = generic::choose(flat);
    let lines = first.as_ref().map(|c| lines_of(flat, c));
    let lines = lines.unwrap_or_default();
    let reads_well = || arbitration::purity(&lines) >= PURE;
    let is_sure = first.as_ref().is_some_and(|c| c.margin >= SURE) && reads_well();
    let second = (!is_sure).then(|| second_opinion::ask(dom));
    let Some(second) = second.flatten() else {
        return Opinions {
            body: first.as_ref().map(|choice| Body::of_generic(flat, choice)),
            first,
            is_sure,
            second: None,
        };
    };
    let (second, dropped) = arbitration::clean(second, memory);
    let verdict = arbitration::arbitrate(&lines, &second);
    let body = match (verdict.winner, &first) {
        (Winner::First, first) => first.as_ref().map(|choice| {
            let body = Body::of_generic(flat, choice);
            if verdict.is_stub {
                body
            } else {
                body.with_confidence(verdict.agreement)
            }
        }),
        (Winner::Second, first) => {
            let mut body = Body::of_second(flat, first.as_ref(), &second);
            body.removed = dropped;
            Some(body.with_confidence(verdict.agreement))
        }
    };
    Opinions {
        body,
        first,
        is_sure,
        second: Some(Second {
            lines: second,
            verdict,
        }),
    }
}

fn lines_of(flat: &Flat, choice: &Choice) -> Vec<String> {
    choice
        .kept
        .iter()
        .map(|&i| flat.blocks[i].text.clone())
        .collect()
}
