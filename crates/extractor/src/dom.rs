//! Text to a tree, within bounds.
//!
//! The parser is fed in slices and stopped when the tree grows too large, too deep, or dear: its
//! time is the sum of the depths of all nodes, and misnested formatting elements multiply nodes.
//! Nothing here or later recurses over the tree.

use ego_tree::NodeRef;
use html5ever::driver::{self, ParseOpts};
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::node::Element;
use scraper::{Html, HtmlTreeSink, Node};

use crate::ExtractError;

/// Nodes of a tree, at most.
const MAX_NODES: usize = 500_000;

/// Nesting, at most.
const MAX_DEPTH: usize = 20_000;

/// Sum of the depths of all nodes, at most: some seconds of parsing.
const MAX_WORK: usize = 400_000_000;

/// Bytes fed between two looks at the tree.
const SLICE_BYTES: usize = 512;

/// A parsed page.
pub(crate) struct Dom {
    pub(crate) html: Html,
    /// Of the deepest node that was seen; a lower bound.
    pub(crate) depth: usize,
}

pub(crate) fn parse(text: &str) -> Result<Dom, ExtractError> {
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut parser = driver::parse_document(sink, ParseOpts::default());
    let mut budget = Budget::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (slice, tail) = rest.split_at(slice_end(rest));
        parser.process(StrTendril::from_slice(slice));
        let mut html = parser.tokenizer.sink.sink.0.borrow_mut();
        // One for each odd tag, and nobody reads them.
        html.errors.clear();
        budget.spend(&html)?;
        drop(html);
        rest = tail;
    }
    Ok(Dom {
        html: parser.finish(),
        depth: budget.depth,
    })
}

fn slice_end(text: &str) -> usize {
    let mut end = text.len().min(SLICE_BYTES);
    while !text.is_char_boundary(end) {
        end += 1;
    }
    end
}

#[derive(Default)]
struct Budget {
    nodes: usize,
    depth: usize,
    work: usize,
}

impl Budget {
    fn spend(&mut self, html: &Html) -> Result<(), ExtractError> {
        let nodes = html.tree.values().len();
        let depth = html
            .tree
            .nodes()
            .next_back()
            .map_or(0, |node| node.ancestors().count());
        self.work = self
            .work
            .saturating_add(nodes.saturating_sub(self.nodes).saturating_mul(depth));
        self.nodes = nodes;
        self.depth = self.depth.max(depth);
        if nodes > MAX_NODES {
            return Err(ExtractError::TooManyNodes { limit: MAX_NODES });
        }
        if depth > MAX_DEPTH || self.work > MAX_WORK {
            return Err(ExtractError::TooDeep {
                depth,
                limit: MAX_DEPTH,
            });
        }
        Ok(())
    }
}

/// A step of a walk over a tree.
pub(crate) enum Step<'a> {
    /// An element begins; `false` from the visitor leaves its subtree out, its end too.
    Open(NodeRef<'a, Node>, &'a Element),
    /// An element ends.
    Close(&'a Element),
    /// Text.
    Text(&'a str),
}

/// Walks a subtree in reading order, without recursion.
pub(crate) fn walk<'a>(root: NodeRef<'a, Node>, visit: &mut impl FnMut(Step<'a>) -> bool) {
    let mut node = root;
    loop {
        let enter = match node.value() {
            Node::Element(element) => visit(Step::Open(node, element)),
            Node::Text(text) => {
                visit(Step::Text(text));
                false
            }
            Node::Document | Node::Fragment => true,
            _ => false,
        };
        if enter {
            if let Some(child) = node.first_child() {
                node = child;
                continue;
            }
            close(node, visit);
        }
        loop {
            if node.id() == root.id() {
                return;
            }
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            let Some(parent) = node.parent() else { return };
            node = parent;
            close(node, visit);
        }
    }
}

fn close<'a>(node: NodeRef<'a, Node>, visit: &mut impl FnMut(Step<'a>) -> bool) {
    if let Node::Element(element) = node.value() {
        visit(Step::Close(element));
    }
}

/// All text below a node, white space collapsed.
pub(crate) fn text_of(node: NodeRef<'_, Node>) -> String {
    let mut text = String::new();
    walk(node, &mut |step| match step {
        Step::Open(_, element) => {
            if element.name() == "br" {
                text.push(' ');
            }
            !matches!(element.name(), "script" | "style" | "noscript")
        }
        Step::Text(piece) => {
            text.push_str(piece);
            true
        }
        Step::Close(_) => true,
    });
    crate::normalise::line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_meets_text_in_reading_order_and_leaves_subtrees_out() {
        let html = Html::parse_document("<p>a<script>x</script><b>b<i>c</i></b>d<br>e</p>f");
        let mut seen = String::new();
        walk(html.tree.root(), &mut |step| match step {
            Step::Open(_, element) => element.name() != "script",
            Step::Text(text) => {
                seen.push_str(text);
                true
            }
            Step::Close(element) => {
                if element.name() == "p" {
                    seen.push('|');
                }
                true
            }
        });
        assert_eq!(seen, "abcde|f");
    }

    #[test]
    fn ten_thousand_nested_elements_are_parsed_and_a_million_are_refused() {
        let deep = parse(&"<div>".repeat(10_000)).unwrap();
        assert!(deep.depth >= 9_000, "{}", deep.depth);
        assert_eq!(text_of(deep.html.tree.root()), "");
        let refused = parse(&"<div>".repeat(1_000_000)).err().unwrap();
        assert_eq!(refused.code(), "too_deep");
    }

    #[test]
    fn misnested_formatting_cannot_multiply_nodes_without_end() {
        let mut page = String::new();
        for n in 0..20_000 {
            page.push_str("<p>x<font color=");
            page.push_str(&n.to_string());
            page.push('>');
        }
        let refused = parse(&page).err().unwrap();
        assert!(
            matches!(refused.code(), "too_many_nodes" | "too_deep"),
            "{refused}"
        );
    }
}
