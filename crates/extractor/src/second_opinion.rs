//! The second opinion: a readability-like extractor, asked where the first is unsure.
//!
//! In: the page's text. Out: blocks of what it holds for the article. It works on a tree of its own
//! without bounds and recurses, so odd pages and those that nest deeply are kept from it, and a panic
//! in it is no panic of ours.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dom_smoothie::{Config, Readability};
use scraper::Html;

use crate::blocks::flatten;
use crate::dom::Dom;

/// Characters below which it tries again with weaker rules.
const CHAR_THRESHOLD: usize = 150;

/// Nesting that its recursion is trusted with.
const MAX_DEPTH: usize = 256;

/// Bytes of a page that it is asked about.
const MAX_BYTES: usize = 2 * 1024 * 1024;

pub(crate) fn ask(page: &str, dom: &Dom) -> Option<Vec<String>> {
    if !dom.is_ordinary || dom.depth > MAX_DEPTH || page.len() > MAX_BYTES {
        return None;
    }
    let config = Config {
        char_threshold: CHAR_THRESHOLD,
        disable_json_ld: true,
        max_elements_to_parse: 0,
        ..Config::default()
    };
    let grab = || {
        let mut readability = Readability::new(page, None, Some(config)).ok()?;
        let article = readability.parse().ok()?;
        Some(article.content.to_string())
    };
    let content = catch_unwind(AssertUnwindSafe(grab)).ok()??;
    let flat = flatten(&Html::parse_document(&content));
    Some(flat.blocks.into_iter().map(|block| block.text).collect())
}
