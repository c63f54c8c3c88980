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

use crate::blocks::flatten;
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

/// The page in its own kind of tree, without what it drops unread.
fn copy(dom: &Dom) -> Document {
    let document = Document::default();
    let tree = &document.tree;
    let mut open = vec![tree.root_id()];
    walk(dom.html.tree.root(), &mut |step| {
        let parent = open.last().copied().unwrap_or(tree.root_id());
        match step {
            Step::Open(_, element) => {
                if is_unread(element) {
                    return false;
                }
                let data =
                    dom_query::Element::new(element.name.clone(), attributes(element), None, false);
                let id = tree.create_node(NodeData::Element(data));
                tree.append_child_of(&parent, &id);
                open.push(id);
            }
            Step::Close(_) => {
                open.pop();
            }
            Step::Text(text) => tree.append_child_data_of(
                &parent,
                NodeData::Text {
                    contents: text.text.clone(),
                },
            ),
        }
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
