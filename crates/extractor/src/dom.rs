//! Text to a tree, within bounds.
//!
//! The parser is fed in slices and stopped when the tree grows too large, too deep, or dear: for every
//! tag it walks the elements that are open, and misnested formatting elements multiply nodes. Nothing
//! here or later recurses over the tree.

use std::cell::Cell;

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use html5ever::interface::TreeSink;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use scraper::node::Element;
use scraper::{Html, HtmlTreeSink, Node};

use crate::ExtractError;

/// Nodes of a tree, at most.
const MAX_NODES: usize = 200_000;

/// Nesting, at most.
const MAX_DEPTH: usize = 20_000;

/// Open elements walked, at most: about half a second of parsing.
const MAX_WORK: usize = 100_000_000;

/// Nesting up to which no page's formatting elements are too many to compare.
const ORDINARY_DEPTH: usize = 64;

/// Attributes that the tags `html` and `body` may have in all: each is sought among the others.
const MAX_ROOT_ATTRIBUTES: usize = 512;

/// Tokens of a page, at most.
const MAX_TOKENS: usize = 2_000_000;

/// Tokens of a page that was not made to take time.
const ORDINARY_TOKENS: usize = 100_000;

/// Bytes fed between two looks at the tree.
const SLICE_BYTES: usize = 512;

/// Bytes of an element's text, at most, and nodes among which it is looked for: more is no title.
const MAX_TEXT: usize = 8_000;
const MAX_STEPS: usize = 2_000;

/// A parsed page.
pub(crate) struct Dom {
    pub(crate) html: Html,
    /// Of the deepest node that was seen; a lower bound.
    pub(crate) depth: usize,
    /// Whether a parser without bounds may be trusted with the page.
    pub(crate) is_ordinary: bool,
}

pub(crate) fn parse(text: &str) -> Result<Dom, ExtractError> {
    let tree = HtmlTreeSink::new(Html::new_document());
    let builder = TreeBuilder::new(tree, TreeBuilderOpts::default());
    let tokenizer = Tokenizer::new(Weighing::new(builder), TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut budget = Budget::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (slice, tail) = rest.split_at(slice_end(rest));
        input.push_back(StrTendril::from_slice(slice));
        // A script that ends hands control back; what it would write is not ours to know.
        while !input.is_empty() {
            let _ = tokenizer.feed(&input);
        }
        budget.spend(&tokenizer.sink)?;
        rest = tail;
    }
    tokenizer.end();
    budget.spend(&tokenizer.sink)?;
    Ok(Dom {
        depth: budget.depth,
        is_ordinary: budget.tokens <= ORDINARY_TOKENS,
        html: tokenizer.sink.builder.sink.finish(),
    })
}

fn slice_end(text: &str) -> usize {
    let mut end = text.len().min(SLICE_BYTES);
    while !text.is_char_boundary(end) {
        end += 1;
    }
    end
}

type NodeId = <HtmlTreeSink as TreeSink>::Handle;

/// Hands every token on, and weighs it: by how often the open elements will be walked for it.
struct Weighing {
    builder: TreeBuilder<NodeId, HtmlTreeSink>,
    tokens: Cell<usize>,
    weight: Cell<usize>,
    /// What will be walked for each formatting element that is open.
    compared: Cell<usize>,
    /// Attributes that the root may still get.
    root_attributes: Cell<usize>,
}

impl TokenSink for Weighing {
    type Handle = NodeId;

    fn process_token(&self, mut token: Token, line: u64) -> TokenSinkResult<NodeId> {
        match &mut token {
            // Nobody reads them, and there may be one for each byte.
            Token::ParseError(_) => return TokenSinkResult::Continue,
            Token::TagToken(tag) => self.weigh(tag),
            _ => {}
        }
        self.tokens.set(self.tokens.get() + 1);
        self.builder.process_token(token, line)
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder
            .adjusted_current_node_present_but_not_in_html_namespace()
    }
}

impl Weighing {
    fn new(builder: TreeBuilder<NodeId, HtmlTreeSink>) -> Self {
        Self {
            builder,
            tokens: Cell::new(0),
            weight: Cell::new(0),
            compared: Cell::new(0),
            root_attributes: Cell::new(MAX_ROOT_ATTRIBUTES),
        }
    }

    fn weigh(&self, tag: &mut Tag) {
        if is_formatting(tag) {
            let compared = 10 + 20 * tag.attrs.len();
            self.compared.set(self.compared.get() + compared);
            // To close it, elements up to it are walked again and again.
            self.weight.set(self.weight.get() + 8);
        } else if matches!(&*tag.name, "html" | "body") {
            let left = self.root_attributes.get();
            tag.attrs.truncate(left);
            self.root_attributes.set(left - tag.attrs.len());
        }
    }
}

/// Elements that the parser opens again where they were not closed. Of `a` and `nobr` it never has two.
fn is_formatting(tag: &Tag) -> bool {
    matches!(
        &*tag.name,
        "b" | "big"
            | "code"
            | "em"
            | "font"
            | "i"
            | "s"
            | "small"
            | "strike"
            | "strong"
            | "tt"
            | "u"
    )
}

#[derive(Default)]
struct Budget {
    tokens: usize,
    nodes: usize,
    depth: usize,
    work: usize,
}

impl Budget {
    fn spend(&mut self, sink: &Weighing) -> Result<(), ExtractError> {
        let mut html = sink.builder.sink.0.borrow_mut();
        // One for each odd tag, and nobody reads them.
        html.errors.clear();
        let nodes = html.tree.values().len();
        let num_new = nodes - self.nodes;
        // Only elements are as deep as what is open: a comment may stand beside the body.
        let mut new = html.tree.nodes().rev().take(num_new);
        let element = new.find(|node| node.value().is_element());
        let depth = element.map_or(0, |node| node.ancestors().count());
        let tokens = sink.tokens.get();
        let weight = sink.weight.take() + (tokens - self.tokens);
        self.tokens = tokens;
        self.nodes = nodes;
        self.depth = self.depth.max(depth);
        let walked = num_new.max(weight).saturating_mul(self.depth);
        let others = self.depth.saturating_sub(ORDINARY_DEPTH);
        let compared = sink.compared.take().saturating_mul(others);
        self.work = self.work.saturating_add(walked).saturating_add(compared);
        if tokens > MAX_TOKENS {
            return Err(ExtractError::TooManyNodes { limit: MAX_TOKENS });
        }
        if nodes > MAX_NODES {
            return Err(ExtractError::TooManyNodes { limit: MAX_NODES });
        }
        if depth > MAX_DEPTH || self.work > MAX_WORK {
            return Err(ExtractError::TooDeep {
                depth: self.depth,
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

/// The text below a node, white space collapsed; of a long one its beginning.
pub(crate) fn text_of(node: NodeRef<'_, Node>) -> String {
    let mut text = String::new();
    for edge in node.traverse().take(MAX_STEPS) {
        let Edge::Open(node) = edge else { continue };
        match node.value() {
            Node::Element(element) if element.name() == "br" => text.push(' '),
            Node::Text(piece) if is_read(node) => {
                let left = MAX_TEXT.saturating_sub(text.len());
                text.push_str(&piece[..piece.floor_char_boundary(left)]);
            }
            _ => {}
        }
        if text.len() + 3 >= MAX_TEXT {
            break;
        }
    }
    crate::normalise::line(&text)
}

fn is_read(text: NodeRef<'_, Node>) -> bool {
    let parent = text.parent();
    let element = parent.as_ref().and_then(|node| node.value().as_element());
    element.is_none_or(|it| !matches!(it.name(), "script" | "style" | "noscript"))
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

    #[test]
    fn bounds_change_nothing_of_a_page_within_them() {
        for page in [
            "<!DOCTYPE html><title>a&amp</title><body class=x><p>b<b>c<p>d</b>&copy<table>e<tr><td>f</table>",
            "<<p>a</>b<!-->c<svg><![CDATA[<p>]]><title>d</svg><script>'<p a b'<!--<script>x</script>",
            "<html a><body b><html c><body d><a href=1>e<a href=2>f<select><p>g<option>h<template><td>i",
            "\u{feff}a\r\n<pre>\nb\0</pre><p a=1 a=2 b = 'x>y' c/d=e>中文&#x4e2d;&#20013<p \n",
        ] {
            let expected = Html::parse_document(page).html();
            assert_eq!(parse(page).unwrap().html.html(), expected, "{page}");
        }
    }
}
