//! The text that was found, as paragraphs, and where on the page it stands.

use messages::{Method, Removed};

use crate::blocks::Flat;
use crate::collections;
use crate::generic::Choice;
use crate::normalise::{is_han, num_chars, shorten};

/// Lines kept for audit, at most, and characters of each.
const MAX_REMOVED: usize = 50;
pub(crate) const REMOVED_CHARS: usize = 80;

/// Blocks before the text of a second opinion that may be its header.
const NEAR: usize = 8;

/// The text of a page before it is read closely.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) paragraphs: Vec<String>,
    /// Lines of the same element that stand before the text.
    pub(crate) before: Vec<String>,
    /// Indices of the page's first and last block of the text.
    pub(crate) span: (usize, usize),
    pub(crate) removed: Vec<Removed>,
    pub(crate) method: Method,
    pub(crate) confidence: f64,
    elem: Option<usize>,
}

impl Body {
    pub(crate) fn of_profile(flat: &Flat, choice: &Choice) -> Self {
        let mut body = Self::of_generic(flat, choice);
        body.method = Method::Profile;
        body.with_confidence(1.0)
    }

    pub(crate) fn of_generic(flat: &Flat, choice: &Choice) -> Self {
        let text = |i: usize| flat.blocks[i].text.clone();
        let first = choice.kept.first().copied().unwrap_or(0);
        let last = choice.kept.last().copied().unwrap_or(0);
        // Libraries link keywords wherever they stand, in the marks of a collection too.
        let unlinked =
            |i: usize| flat.blocks[i].link_chars == 0 || collections::is_mark(&flat.blocks[i].text);
        let before = choice
            .removed
            .iter()
            .filter(|(_, i)| *i < first && unlinked(*i));
        Self {
            paragraphs: choice.kept.iter().map(|&i| text(i)).collect(),
            before: before.map(|&(_, i)| text(i)).collect(),
            span: (first, last),
            removed: choice
                .removed
                .iter()
                .take(MAX_REMOVED)
                .map(|&(rule, i)| removed(rule, &flat.blocks[i].text))
                .collect(),
            method: Method::Generic,
            confidence: round(choice.margin),
            elem: Some(choice.elem),
        }
    }

    /// The second opinion works on a tree of its own: its lines are looked up among the blocks.
    pub(crate) fn of_second(flat: &Flat, first: Option<&Choice>, lines: &[String]) -> Self {
        let find = |line: &String| flat.blocks.iter().position(|block| block.text == *line);
        let rfind = |line: &String| flat.blocks.iter().rposition(|block| block.text == *line);
        let start = lines.iter().find_map(find);
        let end = lines.iter().rev().find_map(rfind);
        let fallback = first.map_or((0, 0), |choice| {
            let kept = &choice.kept;
            (
                kept.first().copied().unwrap_or(0),
                kept.last().copied().unwrap_or(0),
            )
        });
        let span = (start.unwrap_or(fallback.0), end.unwrap_or(fallback.1));
        // What stands just before the text is a matter of the page and not of who found it.
        let near = first
            .iter()
            .flat_map(|choice| &choice.removed)
            .filter(|(_, i)| *i < span.0 && i + NEAR >= span.0)
            .filter(|(_, i)| flat.blocks[*i].link_chars == 0);
        Self {
            paragraphs: lines.to_vec(),
            before: near.map(|&(_, i)| flat.blocks[i].text.clone()).collect(),
            span: (span.0, span.1.max(span.0)),
            removed: Vec::new(),
            method: Method::SecondOpinion,
            confidence: 0.0,
            elem: first.map(|choice| choice.elem),
        }
    }

    /// One speech of several: what stands above it is the line of its mark.
    pub(crate) fn child(&self, mark: &str, paragraphs: Vec<String>, removed: Vec<Removed>) -> Self {
        Self {
            paragraphs,
            before: vec![mark.to_owned()],
            removed,
            ..*self
        }
    }

    pub(crate) fn with_confidence(mut self, confidence: f64) -> Self {
        self.confidence = round(confidence);
        self
    }

    /// The element that holds the text, where the first extractor found one.
    pub(crate) fn elem(&self) -> Option<usize> {
        self.elem
    }

    pub(crate) fn num_chars(&self) -> usize {
        self.paragraphs.iter().map(|text| num_chars(text)).sum()
    }

    pub(crate) fn num_han(&self) -> usize {
        let han = |text: &String| text.chars().filter(|&c| is_han(c)).count();
        self.paragraphs.iter().map(han).sum()
    }
}

pub(crate) fn removed(rule: &str, text: &str) -> Removed {
    Removed {
        rule: rule.to_owned(),
        text: shorten(text, REMOVED_CHARS),
    }
}

/// Two decimals: what is beyond them is noise that would make records differ.
fn round(share: f64) -> f64 {
    (share.clamp(0.0, 1.0) * 100.0).round() / 100.0
}
