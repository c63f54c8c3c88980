//! A site's profile applied to a page: what its selectors find, and whether that passes its self-check.
//!
//! Selectors are hints. If the check fails, the profile counts as broken on this page and the generic
//! extractor takes over; the single fields that were found are still used.

use std::collections::HashMap;

use scraper::{ElementRef, Selector};
use sites::Profile;

use crate::blocks::Flat;
use crate::dates;
use crate::dom::{Dom, text_of};
use crate::generic::{self, Choice};

/// What the selectors found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Applied {
    pub(crate) title: Option<String>,
    pub(crate) published: Option<String>,
    pub(crate) views: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) source: Option<String>,
    /// The text, if the self-check passed.
    pub(crate) choice: Option<Choice>,
}

pub(crate) fn apply(profile: &Profile, dom: &Dom, flat: &Flat) -> Applied {
    let selectors = &profile.selectors;
    let text = |selectors: &[Selector]| {
        let texts = selectors.iter().flat_map(|selector| {
            let found = dom.html.select(selector);
            found.map(said)
        });
        texts.into_iter().find(|text| !text.is_empty())
    };
    let title = text(&selectors.title);
    let choice = (title.is_some() || !profile.check.needs_title)
        .then(|| body(profile, dom, flat))
        .flatten();
    Applied {
        title,
        published: text(&selectors.published).or_else(|| script_time(profile, dom)),
        views: text(&selectors.views),
        author: text(&selectors.author),
        source: text(&selectors.source),
        choice,
    }
}

/// What an element says: its text, or the content of a `<meta>`.
fn said(element: ElementRef<'_>) -> String {
    match element.value().attr("content") {
        Some(content) if element.value().name() == "meta" => content.trim().to_owned(),
        _ => text_of(*element),
    }
}

/// The time that a script of the page holds, as a date.
fn script_time(profile: &Profile, dom: &Dom) -> Option<String> {
    if profile.script_times.is_empty() {
        return None;
    }
    let scripts = dom.html.tree.nodes().filter(|node| {
        let element = node.value().as_element();
        element.is_some_and(|element| element.name() == "script")
    });
    let texts = scripts.flat_map(|script| script.children());
    texts.into_iter().find_map(|node| {
        let text: &str = node.value().as_text()?;
        let found = profile
            .script_times
            .iter()
            .find_map(|it| it.captures(text))?;
        let time = found.name("time")?.as_str();
        match time.parse() {
            Ok(seconds) => dates::of_seconds(seconds),
            Err(_) => Some(time.to_owned()),
        }
    })
}

fn body(profile: &Profile, dom: &Dom, flat: &Flat) -> Option<Choice> {
    let by_node: HashMap<_, usize> = flat
        .elems
        .iter()
        .enumerate()
        .map(|(index, elem)| (elem.node, index))
        .collect();
    let index = |element: ElementRef<'_>| by_node.get(&element.id()).copied();
    let select = |selectors: &[Selector]| -> Vec<usize> {
        let found = selectors.iter().flat_map(|s| dom.html.select(s));
        found.filter_map(index).collect()
    };
    let left_out = select(&profile.selectors.remove);
    let bodies = select(&profile.selectors.body);
    bodies
        .into_iter()
        .map(|elem| generic::choose_in(flat, elem, &left_out))
        .find(|choice| passes(profile, flat, choice))
        .map(|choice| without_profile_noise(profile, flat, choice))
}

fn passes(profile: &Profile, flat: &Flat, choice: &Choice) -> bool {
    let blocks = || choice.kept.iter().map(|&i| &flat.blocks[i]);
    let chars: usize = blocks().map(|block| block.chars).sum();
    let linked: usize = blocks().map(|block| block.link_chars).sum();
    chars >= profile.check.min_chars.max(1)
        && linked as f64 <= profile.check.max_link_share * chars as f64
}

fn without_profile_noise(profile: &Profile, flat: &Flat, mut choice: Choice) -> Choice {
    let is_noise = |i: &usize| {
        let text = &flat.blocks[*i].text;
        profile.noise.iter().any(|pattern| pattern.is_match(text))
    };
    let (noise, kept): (Vec<usize>, Vec<usize>) = choice.kept.iter().partition(|i| is_noise(i));
    choice.kept = kept;
    choice
        .removed
        .extend(noise.into_iter().map(|i| ("profile", i)));
    choice
}

#[cfg(test)]
mod tests {
    use messages::{CanonicalUrl, Method, Speech};
    use sites::{Profile, Sites};

    use crate::{HostMemory, PageView, extract};

    const PROFILE: &str = r#"
        name = "library"
        site_name = "文库"
        hosts = ["library.example"]
        [scope]
        detail = ['^/a/(?P<source_id>\d+)']
        [selectors]
        title = ["h1"]
        body = [".text"]
        remove = [".ad"]
        views = [".hits"]
        [noise]
        lines = ['^本站提示']
        [wall]
        marks = ["余下部分"]
        [check]
        min_chars = 60
        needs_title = true
    "#;

    const PROSE: &str = "各乡镇要提高认识，压实责任，确保春耕生产各项工作落到实处，取得实效。";

    fn speech(class: &str) -> Speech {
        let sites = Sites::of(vec![Profile::parse("library.toml", PROFILE).unwrap()]);
        let body = format!(
            "<title>在春耕会议上的讲话</title><h1>在春耕会议上的讲话</h1><i class=hits>人气 37</i>\
             <div class={class}><p>{PROSE}</p><p>本站提示，收藏本站，方便下次阅读。</p>\
             <div class=ad><p>{PROSE}</p></div><p>{PROSE}</p></div><p>余下部分见书</p>"
        );
        let url: CanonicalUrl = "https://library.example/a/17".parse().unwrap();
        let page = PageView {
            url: &url,
            final_url: &url,
            content_type: None,
            robots_tags: &[],
            agent: "speechmill",
            body: body.as_bytes(),
            parts: &[],
            lost_part: None,
        };
        let mut found = extract(&page, &sites, &HostMemory::empty()).unwrap();
        found.speeches.remove(0)
    }

    #[test]
    fn a_profile_that_passes_its_check_finds_the_text() {
        let found = speech("text");
        assert_eq!(found.method, Method::Profile);
        assert_eq!(found.text, format!("{PROSE}\n{PROSE}"));
        assert_eq!(found.views, Some(37));
        assert_eq!(found.source_id.as_deref(), Some("17"));
        assert_eq!(found.completeness.evidence, ["marker:余下部分"]);
        assert!(!found.flags.contains(&"profile_broken".to_owned()));
    }

    #[test]
    fn a_broken_profile_is_flagged_and_the_text_found_all_the_same() {
        let found = speech("renamed");
        assert_ne!(found.method, Method::Profile);
        assert!(found.text.starts_with(PROSE));
        assert_eq!(found.profile.as_deref(), Some("library"));
        assert_eq!(found.views, Some(37));
        assert!(found.flags.contains(&"profile_broken".to_owned()));
    }
}
