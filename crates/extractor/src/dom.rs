//! Text to a tree, within bounds.
//!
//! What the tokenizer finds is weighed on its way to the tree, and the tree grows no more when it is too
//! large, too deep, or dear: for every tag the parser walks the elements that are open, and misnested
//! formatting elements multiply nodes. Nothing here or later recurses over the tree.

mod weighing;

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tokenizer, TokenizerOpts};
use memchr::memchr2_iter;
use scraper::node::{Element, Text};
use scraper::{Html, Node};

use weighing::Weighing;

use crate::ExtractError;

/// Bytes of an element's text, at most, and nodes among which it is looked for: more is no title.
const MAX_TEXT: usize = 8_000;
const MAX_STEPS: usize = 2_000;

/// Bytes of a page that was not made to take time.
const ORDINARY_BYTES: usize = 2 * 1024 * 1024;

/// A parsed page.
pub(crate) struct Dom {
    pub(crate) html: Html,
    /// Of the deepest node that was seen; a lower bound.
    pub(crate) depth: usize,
    /// Whether a parser without bounds may be trusted with the page.
    pub(crate) is_ordinary: bool,
}

pub(crate) fn parse(text: &str) -> Result<Dom, ExtractError> {
    let input = BufferQueue::default();
    input.push_back(without_line_ends(text));
    let tokenizer = Tokenizer::new(Weighing::new(&input), TokenizerOpts::default());
    // A script that ends hands control back; what it would write is not ours to know.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    let mut dom = tokenizer.sink.finish()?;
    dom.is_ordinary &= text.len() <= ORDINARY_BYTES;
    Ok(dom)
}

/// The text with tabs for the ends of its lines: white space like any other, but the tokenizer would
/// hand each of them on as a text of its own.
fn without_line_ends(text: &str) -> StrTendril {
    let mut out = StrTendril::with_capacity(u32::try_from(text.len()).unwrap_or(0));
    let mut from = 0;
    for at in memchr2_iter(b'\n', b'\r', text.as_bytes()) {
        out.push_slice(&text[from..at]);
        out.push_slice("\t");
        from = at + 1;
    }
    out.push_slice(&text[from..]);
    out
}

/// A step of a walk over a tree.
pub(crate) enum Step<'a> {
    /// An element begins; `false` from the visitor leaves its subtree out, its end too.
    Open(NodeRef<'a, Node>, &'a Element),
    /// An element ends.
    Close(&'a Element),
    /// Text.
    Text(&'a Text),
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
            "<style>a\r\nb\rc</style x><script>var a = '</p>';</SCRIPT\n>d<style></style><script></script>e",
            "<script><!-- a <script> b </script> c --></script>d<script>a</scripts></script>f<style>\0</style>",
            "<svg><script>a<b>c</b></script><style>d<e></style></svg><script src=x>f</script><style>g</p",
            "\u{feff}a\r\n<pre>\nb\0</pre><p a=1 a=2 b = 'x>y' c/d=e>中文&#x4e2d;&#20013<p \n",
        ] {
            let expected = Html::parse_document(&page.replace(['\r', '\n'], "\t")).html();
            assert_eq!(parse(page).unwrap().html.html(), expected, "{page}");
        }
    }
}
