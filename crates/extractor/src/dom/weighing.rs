//! What stands between tokenizer and tree: weighs what the tree will cost, and lets it grow so far.
//!
//! In: tokens. Out: a tree, or why it was refused.

use std::cell::{Cell, RefCell};

use html5ever::interface::TreeSink;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, Token, TokenSink, TokenSinkResult};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use memchr::memmem;
use scraper::{Html, HtmlTreeSink};

use super::Dom;
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

/// Tokens between two looks at the tree.
const STRIDE: usize = 64;

type NodeId = <HtmlTreeSink as TreeSink>::Handle;

/// Hands every token on, and weighs it: by how often the open elements will be walked for it.
pub(super) struct Weighing<'a> {
    builder: TreeBuilder<NodeId, HtmlTreeSink>,
    /// What the tokenizer has not seen.
    input: &'a BufferQueue,
    /// What the tree has not seen of a text that may go on.
    text: RefCell<StrTendril>,
    budget: RefCell<Budget>,
    /// Attributes that the root may still get.
    root_attributes: Cell<usize>,
}

impl TokenSink for Weighing<'_> {
    type Handle = NodeId;

    fn process_token(&self, mut token: Token, line: u64) -> TokenSinkResult<NodeId> {
        let mut budget = self.budget.borrow_mut();
        budget.tokens += 1;
        match &mut token {
            // Nobody reads them, and there may be one for each byte.
            Token::ParseError(_) => return TokenSinkResult::Continue,
            // Pieces of it come apart, and are one text in the end.
            Token::CharacterTokens(text) => {
                let mut before = self.text.borrow_mut();
                if before.is_empty() {
                    std::mem::swap(&mut *before, text);
                } else {
                    before.push_tendril(text);
                }
                return TokenSinkResult::Continue;
            }
            Token::TagToken(tag) => self.weigh(tag, &mut budget),
            _ => {}
        }
        if budget.tokens - budget.paid >= STRIDE {
            budget.spend(&self.builder.sink);
        }
        if budget.refusal.is_some() {
            return TokenSinkResult::Continue;
        }
        drop(budget);
        let text = self.text.take();
        if !text.is_empty() {
            let _ = self
                .builder
                .process_token(Token::CharacterTokens(text), line);
        }
        let raw = match &token {
            Token::TagToken(tag) if matches!(&*tag.name, "script" | "style") => {
                Some(tag.name.clone())
            }
            _ => None,
        };
        let result = self.builder.process_token(token, line);
        // As the builder says: within an image of SVG such a tag is one like any other.
        if let (Some(name), TokenSinkResult::RawData(_)) = (raw, &result) {
            self.take_raw(&name, line);
        }
        result
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder
            .adjusted_current_node_present_but_not_in_html_namespace()
    }
}

impl<'a> Weighing<'a> {
    pub(super) fn new(input: &'a BufferQueue) -> Self {
        let tree = HtmlTreeSink::new(Html::new_document());
        Self {
            builder: TreeBuilder::new(tree, TreeBuilderOpts::default()),
            input,
            text: RefCell::default(),
            budget: RefCell::default(),
            root_attributes: Cell::new(MAX_ROOT_ATTRIBUTES),
        }
    }

    /// The tree, when the tokenizer has come to its end.
    pub(super) fn finish(self) -> Result<Dom, ExtractError> {
        let mut budget = self.budget.into_inner();
        budget.spend(&self.builder.sink);
        match budget.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(Dom {
                depth: budget.depth,
                is_ordinary: budget.tokens <= ORDINARY_TOKENS,
                html: self.builder.sink.finish(),
            }),
        }
    }

    /// Hands the text of a script or a style on at once: the tokenizer would look at each character.
    /// What holds a comment is left to it, for that may hide the end.
    fn take_raw(&self, name: &str, line: u64) {
        let Some(rest) = self.input.pop_front() else {
            return;
        };
        let length = raw_length(&rest, name);
        let raw = &rest[..length.unwrap_or_default()];
        if !raw.is_empty() {
            let raw = rest.subtendril(0, index(raw.len()));
            let _ = self
                .builder
                .process_token(Token::CharacterTokens(raw), line);
        }
        let from = raw.len();
        self.input
            .push_front(rest.subtendril(index(from), index(rest.len() - from)));
    }

    fn weigh(&self, tag: &mut Tag, budget: &mut Budget) {
        if is_formatting(tag) {
            budget.compared += 10 + 20 * tag.attrs.len();
            // To close it, elements up to it are walked again and again.
            budget.weight += 8;
        } else if matches!(&*tag.name, "html" | "body") {
            let left = self.root_attributes.get();
            tag.attrs.truncate(left);
            self.root_attributes.set(left - tag.attrs.len());
        }
    }
}

/// Bytes before the tag that ends a script or a style, if nothing else could end it, nor hide its end.
///
/// Source: the HTML standard, 13.2.5.3 and 13.2.5.4 (raw text, script data).
fn raw_length(text: &str, name: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let end = memmem::find_iter(bytes, b"</").find(|&at| {
        let tag = &bytes[at + 2..];
        let is_name = tag
            .get(..name.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()));
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        is_name && tag.get(name.len()).is_some_and(ends)
    })?;
    let is_plain = memmem::find(&bytes[..end], b"<!--").is_none() && !text[..end].contains('\0');
    is_plain.then_some(end)
}

/// A page is far shorter than 4 GiB.
fn index(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
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

/// What a page has cost, and what it will cost.
#[derive(Default)]
struct Budget {
    tokens: usize,
    /// Of them, those that are paid.
    paid: usize,
    nodes: usize,
    depth: usize,
    work: usize,
    /// What will be walked besides one way for each token and node.
    weight: usize,
    /// What will be walked for each formatting element that is open.
    compared: usize,
    /// Why the tree grows no more.
    refusal: Option<ExtractError>,
}

impl Budget {
    fn spend(&mut self, tree: &HtmlTreeSink) {
        let mut html = tree.0.borrow_mut();
        // One for each odd tag, and nobody reads them.
        html.errors.clear();
        let nodes = html.tree.values().len();
        let num_new = nodes - self.nodes;
        // Only elements are as deep as what is open: a comment may stand beside the body.
        let mut new = html.tree.nodes().rev().take(num_new);
        let element = new.find(|node| node.value().is_element());
        let depth = element.map_or(0, |node| node.ancestors().count());
        let weight = std::mem::take(&mut self.weight) + (self.tokens - self.paid);
        self.paid = self.tokens;
        self.nodes = nodes;
        self.depth = self.depth.max(depth);
        let walked = num_new.max(weight).saturating_mul(self.depth);
        let others = self.depth.saturating_sub(ORDINARY_DEPTH);
        let compared = std::mem::take(&mut self.compared).saturating_mul(others);
        self.work = self.work.saturating_add(walked).saturating_add(compared);
        if self.refusal.is_none() {
            self.refusal = self.refused();
        }
    }

    fn refused(&self) -> Option<ExtractError> {
        if self.tokens > MAX_TOKENS {
            return Some(ExtractError::TooManyNodes { limit: MAX_TOKENS });
        }
        if self.nodes > MAX_NODES {
            return Some(ExtractError::TooManyNodes { limit: MAX_NODES });
        }
        (self.depth > MAX_DEPTH || self.work > MAX_WORK).then_some(ExtractError::TooDeep {
            depth: self.depth,
            limit: MAX_DEPTH,
        })
    }
}
