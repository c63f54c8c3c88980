//! Why a page gave what it gave: each block with its fate, and both opinions of where the text is.
//!
//! In: the same as for an extraction. Out: what `extract` did, told by its own trace: nothing is decided
//! here a second time.

use std::collections::HashMap;

use messages::{Method, Speech};
use scraper::Node;
use serde::Serialize;
use sites::Sites;

use crate::arbitration::{self, Winner};
use crate::body::REMOVED_CHARS;
use crate::dom::Dom;
use crate::extract::{Opinions, Trace, traced};
use crate::generic::Choice;
use crate::normalise::shorten;
use crate::{ExtractError, HostMemory, PageView};

/// How a page was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Why there is no speech.
    pub skip: Option<&'static str>,
    /// The titles of the speeches.
    pub titles: Vec<String>,
    /// What found the text.
    pub method: Option<Method>,
    /// What the profile names or the first extractor chose.
    pub first: Option<FirstOpinion>,
    /// What the other extractor said, if it was asked.
    pub second: Option<SecondOpinion>,
    /// The page's blocks, in its order.
    pub blocks: Vec<Fate>,
}

/// The element that the first extractor chose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FirstOpinion {
    /// Its name, id and classes.
    pub element: String,
    /// How far it was ahead of any other, 0 to 1.
    pub margin: f64,
    /// Share of prose in what is kept of it, 0 to 1.
    pub purity: f64,
    /// Blocks that are kept of it.
    pub num_blocks: usize,
    /// It was not worth a second opinion.
    pub is_sure: bool,
}

/// What the second extractor took for the text, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecondOpinion {
    /// Lines of its text, without those that fall under a rule.
    pub num_lines: usize,
    /// Share of prose in them, 0 to 1.
    pub purity: f64,
    /// How far the two agree, 0 to 1.
    pub agreement: f64,
    /// It was preferred to the first.
    pub is_taken: bool,
}

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fate {
    /// The number of the speech that it is in, from 1; `None`: it was dropped.
    pub speech: Option<usize>,
    /// The rule that dropped it.
    pub rule: Option<String>,
    /// Characters that read like prose, weighted.
    pub mass: f64,
    /// Share of its characters inside links, 0 to 1.
    pub link_share: f64,
    /// The block itself.
    pub text: String,
}

/// Explains what `extract` makes of the same page.
pub fn explain(
    page: &PageView<'_>,
    sites: &Sites,
    memory: &HostMemory,
) -> Result<Explanation, ExtractError> {
    let (extraction, trace) = traced(page, sites, memory)?;
    let speeches = &extraction.speeches;
    let skip = extraction.skip.map(crate::Skip::code);
    let opinions = trace.as_ref().map(|trace| &trace.opinions);
    Ok(Explanation {
        skip,
        titles: speeches.iter().map(|s| s.title.clone()).collect(),
        method: speeches.first().map(|speech| speech.method),
        first: trace.as_ref().and_then(first),
        second: opinions.and_then(second),
        blocks: trace.map_or_else(Vec::new, |trace| fates(&trace, speeches, skip)),
    })
}

fn first(trace: &Trace) -> Option<FirstOpinion> {
    let choice = trace.opinions.first.as_ref()?;
    let lines: Vec<String> = choice
        .kept
        .iter()
        .map(|&i| trace.flat.blocks[i].text.clone())
        .collect();
    Some(FirstOpinion {
        element: name(&trace.dom, trace.flat.elems[choice.elem].node),
        margin: choice.margin,
        purity: arbitration::purity(&lines),
        num_blocks: lines.len(),
        is_sure: trace.opinions.is_sure,
    })
}

fn second(opinions: &Opinions) -> Option<SecondOpinion> {
    let second = opinions.second.as_ref()?;
    Some(SecondOpinion {
        num_lines: second.lines.len(),
        purity: arbitration::purity(&second.lines),
        agreement: second.verdict.agreement,
        is_taken: second.verdict.winner == Winner::Second,
    })
}

/// As a selector would name it: `div#zoom.content`.
fn name(dom: &Dom, node: ego_tree::NodeId) -> String {
    let node = dom.html.tree.get(node);
    let Some(Node::Element(element)) = node.as_ref().map(ego_tree::NodeRef::value) else {
        return "document".to_owned();
    };
    let id = element.id().map(|id| format!("#{id}"));
    let id = id.unwrap_or_default();
    let mut name = format!("{}{id}", element.name());
    for class in element.classes() {
        name.push('.');
        name.push_str(class);
    }
    name
}

fn fates(trace: &Trace, speeches: &[Speech], skip: Option<&'static str>) -> Vec<Fate> {
    let chosen = chosen(&trace.opinions);
    let numbers = (1..).zip(speeches);
    let lines = numbers.flat_map(|(n, speech)| speech.text.lines().map(move |line| (line, n)));
    let lines: HashMap<&str, usize> = lines.collect();
    let removed: HashMap<&str, &str> = speeches
        .iter()
        .flat_map(|speech| &speech.removed)
        .map(|line| (line.text.as_str(), line.rule.as_str()))
        .collect();
    let fate = |(index, block): (usize, &crate::blocks::Block)| {
        let rule = match (chosen(index, &block.text), skip) {
            (Some(rule), _) => Some(rule),
            (None, Some(skip)) => Some(skip),
            // The lines of the header are chosen first and read then.
            (None, None) if lines.contains_key(block.text.as_str()) => None,
            (None, None) => removed
                .get(shorten(&block.text, REMOVED_CHARS).as_str())
                .copied(),
        };
        Fate {
            speech: rule
                .is_none()
                .then(|| lines.get(block.text.as_str()).copied().unwrap_or(1)),
            rule: rule.map(ToOwned::to_owned),
            mass: block.mass,
            link_share: block.link_share(),
            text: block.text.clone(),
        }
    };
    trace.flat.blocks.iter().enumerate().map(fate).collect()
}

/// The rule by which a block is not chosen; none: it is.
fn chosen(opinions: &Opinions) -> impl Fn(usize, &str) -> Option<&'static str> + '_ {
    let second = opinions.second.as_ref();
    let second = second.filter(|second| second.verdict.winner == Winner::Second);
    move |index, text| match (second, opinions.first.as_ref()) {
        (Some(second), _) => {
            let is_in = second.lines.iter().any(|line| line == text);
            (!is_in).then_some("not_in_second")
        }
        (None, Some(first)) => by_first(first, index),
        (None, None) => Some("no_main_text"),
    }
}

fn by_first(choice: &Choice, index: usize) -> Option<&'static str> {
    if choice.kept.binary_search(&index).is_ok() {
        return None;
    }
    let removed = choice.removed.iter().find(|(_, i)| *i == index);
    Some(removed.map_or("elsewhere", |(rule, _)| rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::CanonicalUrl;

    const PROSE: &str = "各乡镇要提高认识，压实责任，确保春耕生产各项工作落到实处，取得实效。";

    fn explained(body: &str) -> Explanation {
        let url: CanonicalUrl = "https://library.example/article/7.html".parse().unwrap();
        let page = PageView {
            url: &url,
            final_url: &url,
            content_type: Some("text/html; charset=utf-8"),
            robots_tags: &[],
            agent: "speechmill",
            body: body.as_bytes(),
            parts: &[],
            lost_part: None,
        };
        explain(&page, &Sites::builtin(), &HostMemory::empty()).unwrap()
    }

    #[test]
    fn each_block_has_its_fate_and_the_rule_of_it() {
        let found = explained(&format!(
            "<title>在春耕会议上的讲话</title><div><a href=/>首页</a></div><div id=zoom class='a b'>\
             <p>在春耕会议上的讲话</p><p>（2024年3月5日）</p><p>同志们：</p>{}<p>责任编辑：李四</p></div>",
            format!("<p>{PROSE}</p>").repeat(4)
        ));
        let rules: Vec<Option<&str>> = found.blocks.iter().map(|b| b.rule.as_deref()).collect();
        let expected = [
            Some("elsewhere"),
            Some("before"),
            Some("date_line"),
            None,
            None,
            None,
            None,
            None,
            Some("meta"),
        ];
        assert_eq!(rules[0], expected[0]);
        assert_eq!(rules[3..], expected[3..]);
        assert!(rules[1].is_some() && rules[2].is_some(), "{rules:?}");
        assert_eq!(found.first.unwrap().element, "div#zoom.a.b");
        assert_eq!(found.titles, ["在春耕会议上的讲话"]);
    }

    #[test]
    fn a_page_without_a_speech_says_why() {
        let found = explained("<p>404 not found</p>");
        assert!(found.skip.is_some());
        assert!(found.blocks.iter().all(|block| block.speech.is_none()));
    }
}
