//! The record of a speech, put together from what the other files find.

use std::sync::LazyLock;

use messages::{CanonicalUrl, Completeness, DateFrom, Kind, Removed, Section, Speech, SpeechId};
use regex::Regex;
use scraper::{Html, Node};
use sites::Profile;
use time::Date;

use crate::article::Ending;
use crate::blocks::Flat;
use crate::body::{self, Body};
use crate::collections::{self, Child, Collection};
use crate::dom::Dom;
use crate::flags::{self, Evidence};
use crate::header::{self, Header};
use crate::normalise::{is_han, num_chars};
use crate::profile::Applied;
use crate::title::{self, Title};
use crate::webmeta::{self, WebMeta};
use crate::{
    HostMemory, PageView, completeness, fingerprints, kind, noise, placeholders, script, speaker,
    structure,
};

/// Characters of a line that may be the title, and lines before the text among which it may be.
const TITLE_LINE: usize = 60;
const TITLE_WITHIN: usize = 20;

/// Characters of a mark that can stand for a title (竞聘演讲稿 篇1).
const LONG_MARK: usize = 6;

/// Blocks before the text among which the title may be.
const UNDER_WITHIN: usize = 8;

static PRINTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:链接地址|本文链接|本文地址|文章链接|文章地址|原文链接|本页地址)\s*[:：]\s*(https?://[^\s\u{4e00}-\u{9fff}]+)")
        .expect("a valid pattern")
});

/// All that a record is made from.
pub(crate) struct Source<'a> {
    pub(crate) page: &'a PageView<'a>,
    pub(crate) dom: &'a Dom,
    pub(crate) flat: &'a Flat,
    pub(crate) memory: &'a HostMemory,
    pub(crate) body: &'a Body,
    pub(crate) profile: Option<&'a Profile>,
    pub(crate) applied: Option<&'a Applied>,
    pub(crate) replaced: usize,
    /// How the article ends, where it goes on over several pages.
    pub(crate) ending: &'a Ending,
}

/// What is the same for all speeches of a page.
struct Shared {
    url: CanonicalUrl,
    title: Title,
    web: WebMeta,
}

/// One speech, of several or not.
struct Piece<'a> {
    speech_id: SpeechId,
    title: Title,
    body: &'a Body,
    /// Lines between the title and the element of the text.
    under: Vec<&'a str>,
    /// The page goes on with another speech.
    is_followed: bool,
}

/// The speeches of a page, and the whole of them as one if they are several.
pub(crate) fn build(source: &Source<'_>) -> (Vec<Speech>, Option<Speech>) {
    let shared = shared(source);
    let whole = assemble(
        source,
        &shared,
        Piece {
            speech_id: SpeechId::of(&shared.url),
            title: shared.title.clone(),
            body: source.body,
            under: under_title(source, &shared.title),
            is_followed: false,
        },
    );
    let body = source.body;
    let found = collections::split(&body.before, &body.paragraphs, &shared.title.clean);
    match found {
        None => (vec![whole], None),
        Some(found) => (children(source, &shared, found), Some(whole)),
    }
}

fn children(source: &Source<'_>, shared: &Shared, found: Collection) -> Vec<Speech> {
    let num_children = found.children.len();
    // What the page leaves out is kept once, with the first.
    let mut left_out = source.body.removed.clone();
    let intro = found.intro.iter();
    left_out.extend(intro.map(|line| body::removed("collection_intro", line)));
    let child = |(number, child): (usize, Child)| {
        let left_out = std::mem::take(&mut left_out);
        let title = title_of(&child, &shared.title);
        let body = source.body.child(&child.line, child.paragraphs, left_out);
        let piece = Piece {
            speech_id: SpeechId::of_child(&shared.url, number),
            title,
            body: &body,
            under: Vec::new(),
            is_followed: number < num_children,
        };
        assemble(source, shared, piece)
    };
    (1..).zip(found.children).map(child).collect()
}

/// Its own title, else that of the page and its mark.
fn title_of(child: &Child, page: &Title) -> Title {
    let mark = &child.mark;
    let clean = match &child.title {
        Some(title) => title.clone(),
        None if num_chars(mark) >= LONG_MARK => mark.clone(),
        None => format!("{} {mark}", page.clean),
    };
    Title {
        clean,
        raw: child.line.clone(),
        ..page.clone()
    }
}

/// The unlinked lines between the title and the text, as far as they don't stand in its element.
fn under_title<'a>(source: &Source<'a>, title: &Title) -> Vec<&'a str> {
    let end = source.body.span.0.min(source.flat.blocks.len());
    let near = &source.flat.blocks[end.saturating_sub(UNDER_WITHIN)..end];
    let at = near.iter().rposition(|b| title::repeats(&b.text, title));
    let under = at.map_or(&[][..], |at| &near[at + 1..]);
    let unlinked = under.iter().filter(|block| block.link_chars == 0);
    unlinked
        .map(|block| block.text.as_str())
        .filter(|line| !source.body.before.iter().any(|other| other == line))
        .collect()
}

/// A title that says nothing of its kind goes on in the line under it that does.
fn with_subtitle(title: Title, subtitle: Option<&str>) -> Title {
    match subtitle {
        Some(subtitle) if kind::of(&title.clean).is_none() && kind::of(subtitle).is_some() => {
            Title {
                clean: format!("{}——{subtitle}", title.clean),
                ..title
            }
        }
        _ => title,
    }
}

fn shared(source: &Source<'_>) -> Shared {
    let body = source.body;
    let html = &source.dom.html;
    let named = source.applied.and_then(|applied| applied.title.as_deref());
    let title = title::find(
        html,
        named,
        &lines_before(source.flat, body.span.0),
        source.memory,
    );
    let url = own_address(source);
    let path = url.as_url().path().to_owned();
    let web = webmeta::harvest(html, source.flat, body.span, &title, source.applied, &path);
    Shared { url, title, web }
}

/// The short lines before the text, and its own first line.
fn lines_before(flat: &Flat, first: usize) -> Vec<&str> {
    let end = (first + 1).min(flat.blocks.len());
    let blocks = flat.blocks[end.saturating_sub(TITLE_WITHIN)..end].iter();
    let unlinked = blocks.filter(|block| {
        block.link_chars == 0 && !block.known && noise::rule_of(&block.text).is_none()
    });
    unlinked
        .map(|block| block.text.as_str())
        .filter(|line| num_chars(line) <= TITLE_LINE)
        .collect()
}

fn assemble(source: &Source<'_>, shared: &Shared, piece: Piece<'_>) -> Speech {
    let (url, web) = (shared.url.clone(), shared.web.clone());
    let Piece { title, body, .. } = piece;
    let mut paragraphs = body.paragraphs.clone();
    let header = header::take(body, &title, &piece.under, &mut paragraphs);
    let title = with_subtitle(title, header.subtitle.as_deref());
    let paragraphs = &*paragraphs;
    let text = paragraphs.join("\n");
    let chars = num_chars(&text);
    let han = text.chars().filter(|&c| is_han(c)).count();
    let sections = structure::sections(paragraphs);
    let said = speaker::of_title(&title.clean);
    let (date, date_from) = date(&header, &title, &web);
    let titles = [
        Some(&title.clean),
        header.subtitle.as_ref(),
        Some(&shared.title.clean),
    ];
    let kind = titles
        .into_iter()
        .flatten()
        .find_map(|title| kind::of(title));
    Speech {
        speech_id: piece.speech_id,
        site: url.host().to_string(),
        site_name: source
            .profile
            .and_then(|p| p.site_name.clone())
            .or(title.site_name),
        source_id: source_id(source.profile, &url),
        kind: kind.map_or_else(Kind::other, |(kind, _)| kind),
        occasion: said.occasion.or(header.said.occasion),
        speaker: said.speaker.or(header.said.speaker),
        speaker_role: said.role.or(header.said.role),
        delivered_on: header.delivered_on,
        title_date: title.date,
        published_at: web.published_at,
        date,
        date_from,
        views: web.views,
        author: web.author,
        source: web.source,
        salutation: structure::salutation(paragraphs),
        closing: structure::closing(paragraphs),
        completeness: completeness(source, piece.is_followed, paragraphs, &sections),
        sections,
        placeholders: placeholders::count(&text, chars),
        num_chars: u32::try_from(chars).unwrap_or(u32::MAX),
        num_han: u32::try_from(han).unwrap_or(u32::MAX),
        script: script::of(&text),
        fingerprints: fingerprints::of(&text),
        profile: source.profile.map(|profile| profile.name.clone()),
        method: body.method,
        confidence: body.confidence,
        flags: flags::of(&Evidence {
            text: &text,
            num_chars: chars,
            num_han: han,
            replaced: source.replaced,
            confidence: body.confidence,
            profile_broken: source.applied.is_some_and(|it| it.choice.is_none()),
        }),
        removed: removed(body, header.removed),
        title: title.clean,
        title_raw: title.raw,
        text,
        url,
    }
}

/// How the article ends is how its last speech ends.
fn completeness(
    source: &Source<'_>,
    is_followed: bool,
    paragraphs: &[String],
    sections: &[Section],
) -> Completeness {
    let ending = source.ending;
    let (end, lost_part) = if is_followed {
        (None, None)
    } else {
        let end = match &ending.last {
            Some((flat, span)) => (flat, *span),
            None => (source.flat, source.body.span),
        };
        let lost_part = ending.lost.as_deref().or(source.page.lost_part);
        (Some(end), lost_part)
    };
    completeness::judge(paragraphs, sections, end, source.profile, lost_part)
}

fn removed(body: &Body, mut header: Vec<Removed>) -> Vec<Removed> {
    let known = header.len();
    for line in &body.removed {
        // What the header's rules name is not named again for where it stood.
        if header[..known].iter().all(|other| other.text != line.text) {
            header.push(line.clone());
        }
    }
    header
}

fn date(header: &Header, title: &Title, web: &WebMeta) -> (Option<Date>, Option<DateFrom>) {
    let from_body = header.delivered_on.map(|date| (date, DateFrom::Body));
    let from_title = title.date.map(|date| (date, DateFrom::Title));
    let from_page = web.published_at.map(|at| (at.date(), DateFrom::Page));
    from_body.or(from_title).or(from_page).unzip()
}

/// The address that the page prints, or `rel=canonical`, if on the same site; else the fetched one.
fn own_address(source: &Source<'_>) -> CanonicalUrl {
    let fetched = source.page.final_url;
    let printed = source
        .flat
        .blocks
        .iter()
        .find_map(|block| PRINTED.captures(&block.text))
        .map(|found| found[1].to_owned());
    let canonical = canonical(&source.dom.html);
    [printed, canonical]
        .into_iter()
        .flatten()
        .filter_map(|reference| fetched.join(&reference).ok())
        .find(|url| same_site(source.profile, url, fetched) && leads_deeper_than_home(url, fetched))
        .unwrap_or_else(|| fetched.clone())
}

fn canonical(html: &Html) -> Option<String> {
    let elements = html.tree.values().filter_map(Node::as_element);
    let is_canonical = |rel: &str| rel.eq_ignore_ascii_case("canonical");
    elements
        .filter(|e| e.name() == "link" && e.attr("rel").is_some_and(is_canonical))
        .find_map(|element| Some(element.attr("href")?.trim().to_owned()))
        .filter(|href| !href.is_empty())
}

fn same_site(profile: Option<&Profile>, url: &CanonicalUrl, fetched: &CanonicalUrl) -> bool {
    let (host, other) = (url.host(), fetched.host());
    let bare = |host: &messages::Host| {
        let name = host.as_str();
        name.strip_prefix("www.").unwrap_or(name).to_owned()
    };
    bare(&host) == bare(&other) || profile.is_some_and(|p| p.covers(&host) && p.covers(&other))
}

/// Careless templates name the home page as every page's canonical address.
fn leads_deeper_than_home(url: &CanonicalUrl, fetched: &CanonicalUrl) -> bool {
    let is_home = |url: &CanonicalUrl| url.as_url().path() == "/" && url.as_url().query().is_none();
    !is_home(url) || is_home(fetched)
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:[/_=-]|[?&][a-z_]*id=)(\d{2,12})(?:-\d{1,3}-\d{1,3})?(?:\.s?html?|\.aspx?|\.php|\.jsp)?$")
        .expect("a valid pattern")
});

/// The library's own number: by the profile's pattern, else the number that the address ends in.
fn source_id(profile: Option<&Profile>, url: &CanonicalUrl) -> Option<String> {
    if let Some(profile) = profile {
        return profile.source_id(url);
    }
    NUMBER
        .captures(url.as_str())
        .map(|found| found[1].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        text.parse().unwrap()
    }

    #[test]
    fn the_number_at_the_end_of_an_address_is_the_librarys_own() {
        for (given, expected) in [
            ("https://a.example/article/51170.html", Some("51170")),
            ("https://a.example/view?id=17", Some("17")),
            ("https://a.example/thread-50233-1-1.html", Some("50233")),
            ("https://a.example/2024/t20240102_5531.htm", Some("5531")),
            ("https://a.example/about.html", None),
        ] {
            assert_eq!(source_id(None, &url(given)).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn an_address_of_another_site_is_not_taken_for_the_pages_own() {
        let fetched = url("https://www.a.example/1.html");
        assert!(same_site(None, &url("https://a.example/1.html"), &fetched));
        assert!(!same_site(None, &url("https://b.example/1.html"), &fetched));
        assert!(!leads_deeper_than_home(
            &url("https://www.a.example/"),
            &fetched
        ));
    }
}
