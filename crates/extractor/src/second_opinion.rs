//! The second opinion: a readability-like extractor, asked where the first is unsure.
//!
//! In: the page's tree. Out: lines of what it holds for the article. It works on a copy without bounds
//! and recurses, so odd pages and those that nest deeply are kept from it, and a panic in it is no panic
//! of ours.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dom_query::{Document, NodeData, NodeRef};
use dom_smoothie::{Config, Readability};
use html5ever::Attribute;
use scraper::node::{Element, Text};
use scraper::{Html, Node};

use crate::blocks::{flatten, is_block};
use crate::dom::{Dom, Step, walk};

/// Characters below which it tries again with weaker rules.
const CHAR_THRESHOLD: usize = 150;

/// Nesting that its recursion is trusted with.
const MAX_DEPTH: usize = 256;

pub(crate) fn ask(dom: &Dom) -> Option<Vec<String>> {
    if !dom.is_ordinary || dom.depth > MAX_DEPTH {
        return None;
    }
    let config = Config {
        char_threshold: CHAR_THRESHOLD,
        disable_json_ld: true,
        max_elements_to_parse: 0,
        ..Config::default()
    };
    let grab = || {
        let mut readability = Readability::with_document(copy(dom), None, Some(config)).ok()?;
        readability.parse().ok()?;
        let article = readability.doc.select_single(ARTICLE);
        Some(lines(article.nodes().first()?))
    };
    catch_unwind(AssertUnwindSafe(grab)).ok()?
}

/// Where it leaves the article.
const ARTICLE: &str = "#readability-page-1";

/// The page in its own kind of tree, without what it drops unread, and without white space at the edges
/// of blocks: on many pages every other node is such.
fn copy(dom: &Dom) -> Document {
    let document = Document::default();
    let tree = &document.tree;
    let mut open = vec![tree.root_id()];
    let mut at_edge = true;
    let mut gap: Option<&Text> = None;
    walk(dom.html.tree.root(), &mut |step| {
        if let Step::Open(_, element) = &step
            && is_unread(element)
        {
            return false;
        }
        let text = |text: &Text| NodeData::Text {
            contents: text.text.clone(),
        };
        let parent = open.last().copied().unwrap_or(tree.root_id());
        let is_edge = match &step {
            Step::Open(_, element) | Step::Close(element) => is_block(element),
            Step::Text(_) => false,
        };
        if let Some(gap) = gap.take().filter(|_| !is_edge) {
            tree.append_child_data_of(&parent, text(gap));
        }
        match step {
            Step::Open(_, element) => {
                let (name, attributes) = (element.name.clone(), attributes(element));
                let data = dom_query::Element::new(name, attributes, None, false);
                let id = tree.create_node(NodeData::Element(data));
                tree.append_child_of(&parent, &id);
                open.push(id);
            }
            Step::Close(_) => {
                open.pop();
            }
            Step::Text(it) if it.trim().is_empty() => {
                gap = Some(it).filter(|_| !at_edge);
                return true;
            }
            Step::Text(it) => tree.append_child_data_of(&parent, text(it)),
        }
        at_edge = is_edge;
        true
    });
    document
}

fn is_unread(element: &Element) -> bool {
    matches!(
        element.name(),
        "script" | "noscript" | "style" | "template" | "base" | "link"
    )
}

fn attributes(element: &Element) -> Vec<Attribute> {
    let all = element.attrs.iter();
    all.map(|(name, value)| Attribute {
        name: name.clone(),
        value: value.clone(),
    })
    .collect()
}

/// The blocks of an article.
fn lines(article: &NodeRef<'_>) -> Vec<String> {
    let mut html = Html::new_document();
    let mut parent = html.tree.root().id();
    let mut node = *article;
    loop {
        let copied = node.query(|node| match &node.data {
            NodeData::Element(element) => Some(Node::Element(Element::new(
                element.name.clone(),
                Vec::new(),
            ))),
            NodeData::Text { contents } => Some(Node::Text(Text {
                text: contents.clone(),
            })),
            _ => None,
        });
        let id = copied.flatten().and_then(|copied| {
            let mut parent = html.tree.get_mut(parent)?;
            Some(parent.append(copied).id())
        });
        if let (Some(id), Some(child)) = (id, node.first_child()) {
            (parent, node) = (id, child);
            continue;
        }
        loop {
            if node.id == article.id {
                let flat = flatten(&html);
                return flat.blocks.into_iter().map(|block| block.text).collect();
            }
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            let (Some(above), Some(copied)) = (
                node.parent(),
                html.tree.get(parent).and_then(|it| it.parent()),
            ) else {
                return Vec::new();
            };
            (node, parent) = (above, copied.id());
        }
    }
}
