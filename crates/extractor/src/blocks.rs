//! A tree flattened to blocks: one for each stretch of text between block-level tags or `<br>`.
//!
//! Out: the blocks in reading order, each with its mass, and the elements they stand in, in document
//! order, so that a subtree is a range. Mass is text that reads like prose.

use std::collections::HashMap;
use std::sync::LazyLock;

use ego_tree::NodeRef;
use html5ever::{LocalName, local_name};
use scraper::node::Element;
use scraper::{Html, Node};

use crate::dom::{Step, walk};
use crate::normalise::{self, is_letter, is_mark};

/// Tags that begin and end a block.
const BLOCK: &str = "address article aside blockquote body center dd details dialog dir div dl dt fieldset \
     figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hr html li main menu nav \
     ol p pre section table tbody td tfoot th thead title tr ul";

/// Tags whose content is never text for readers.
const NOT_TEXT: &str = "audio button canvas embed head iframe input link map math meta noframes noscript object \
     option script select style svg template textarea video wbr";

/// Whole tokens of class or id that name what is around a text.
const NOISE_TOKENS: &str = "ad ads advert advertisement banner bdshare bdsharebuttonbox breadcrumb breadcrumbs \
     comment comments copyright crumb crumbs disclaimer dqwz editor editors footer footers \
     hot jiathis login mbx menu modal nav navbar navigation page pager pages pagination popup \
     prevnext print qr qrcode rank ranking recommend recommendation recommended related \
     relate relnews rights share sharing sidebar subscribe tag tags toolbar weizhi ewm \
     fenxiang xgwz xgyd xiangguan tuijian remen paihang pinglun banquan dibu daohang topnav \
     bottomnav erweima shoucang dayin guanbi guanggao";

/// What an element is to the text in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Block,
    Break,
    Link,
    NotText,
    Inline,
}

static ROLES: LazyLock<HashMap<LocalName, Role>> = LazyLock::new(|| {
    let block = BLOCK.split_whitespace().map(|tag| (tag, Role::Block));
    let not_text = NOT_TEXT.split_whitespace().map(|tag| (tag, Role::NotText));
    let others = [("a", Role::Link), ("br", Role::Break)];
    let all = block.chain(not_text).chain(others);
    all.map(|(tag, role)| (tag.into(), role)).collect()
});

/// The tokens by their length.
static NOISE: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    let mut by_length = Vec::new();
    for token in NOISE_TOKENS.split_whitespace() {
        if by_length.len() <= token.len() {
            by_length.resize(token.len() + 1, Vec::new());
        }
        by_length[token.len()].push(token);
    }
    by_length
});

/// Whether an element begins and ends a block.
pub(crate) fn is_block(element: &Element) -> bool {
    role(element) == Role::Block
}

fn role(element: &Element) -> Role {
    let found = ROLES.get(&element.name.local);
    found.copied().unwrap_or(Role::Inline)
}

/// An element that may hold blocks.
pub(crate) struct Elem {
    /// Index of the parent; the root is its own.
    pub(crate) parent: usize,
    /// One past the last descendant.
    pub(crate) end: usize,
    pub(crate) depth: usize,
    /// Its name, or a style, says that it is around the text.
    pub(crate) noisy: bool,
    pub(crate) node: ego_tree::NodeId,
}

/// A stretch of text.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) text: String,
    /// Index of the nearest block-level element.
    pub(crate) elem: usize,
    /// Han and alphanumeric characters.
    pub(crate) chars: usize,
    /// Those of them inside links.
    pub(crate) link_chars: usize,
    /// Marks of prose among ，。；！？,;!?
    pub(crate) marks: usize,
    pub(crate) mass: f64,
    /// Other pages of its host have it too: it has no mass.
    pub(crate) known: bool,
}

impl Block {
    /// Share of the characters inside links.
    pub(crate) fn link_share(&self) -> f64 {
        self.link_chars as f64 / self.chars.max(1) as f64
    }
}

/// A page as blocks.
pub(crate) struct Flat {
    pub(crate) elems: Vec<Elem>,
    pub(crate) blocks: Vec<Block>,
}

pub(crate) fn flatten(html: &Html) -> Flat {
    let body = html.tree.nodes().find(
        |node| matches!(node.value(), Node::Element(e) if matches!(e.name(), "body" | "frameset")),
    );
    let root = body.unwrap_or_else(|| html.tree.root());
    let mut state = State::new(root.id());
    walk(root, &mut |step| match step {
        Step::Open(node, element) => state.open(node, element),
        Step::Close(element) => state.close(element),
        Step::Text(text) => state.text(text),
    });
    state.finish()
}

struct State {
    elems: Vec<Elem>,
    blocks: Vec<Block>,
    /// Open elements; those of them that are block-level; how many are links.
    open: Vec<(usize, Role)>,
    open_blocks: Vec<usize>,
    links: usize,
    buffer: String,
    owner: Option<usize>,
    link_chars: usize,
}

impl State {
    fn new(root: ego_tree::NodeId) -> Self {
        let elem = Elem {
            parent: 0,
            end: 0,
            depth: 0,
            noisy: false,
            node: root,
        };
        Self {
            elems: vec![elem],
            blocks: Vec::new(),
            open: vec![(0, Role::Block)],
            open_blocks: vec![0],
            links: 0,
            buffer: String::new(),
            owner: None,
            link_chars: 0,
        }
    }

    fn open(&mut self, node: NodeRef<'_, Node>, element: &Element) -> bool {
        let role = role(element);
        if role == Role::NotText || (role == Role::Inline && is_trap(node, element)) {
            return false;
        }
        if element.name.local == local_name!("body") {
            return true;
        }
        let parent = self.open.last().map_or(0, |(parent, _)| *parent);
        let index = self.elems.len();
        self.elems.push(Elem {
            parent,
            end: index + 1,
            depth: self.elems[parent].depth + 1,
            noisy: is_noisy(element),
            node: node.id(),
        });
        self.open.push((index, role));
        match role {
            Role::Block => {
                self.flush();
                self.open_blocks.push(index);
            }
            Role::Break => self.flush(),
            Role::Link => self.links += 1,
            Role::NotText | Role::Inline => {}
        }
        true
    }

    fn close(&mut self, element: &Element) -> bool {
        if element.name.local == local_name!("body") {
            return true;
        }
        let Some((index, role)) = self.open.pop() else {
            return true;
        };
        self.elems[index].end = self.elems.len();
        match role {
            Role::Block => {
                self.flush();
                self.open_blocks.pop();
            }
            Role::Link => self.links = self.links.saturating_sub(1),
            Role::Break | Role::NotText | Role::Inline => {}
        }
        true
    }

    fn text(&mut self, text: &str) -> bool {
        if text.chars().all(char::is_whitespace) {
            // It still parts two words of one line.
            if self.owner.is_some() {
                self.buffer.push(' ');
            }
            return true;
        }
        self.owner = self.owner.or_else(|| self.open_blocks.last().copied());
        self.buffer.push_str(text);
        if self.links > 0 {
            self.link_chars += text.chars().filter(|&c| is_letter(c)).count();
        }
        true
    }

    fn flush(&mut self) {
        let text = normalise::line(&self.buffer);
        if let (false, Some(elem)) = (text.is_empty(), self.owner) {
            let mut block = Block {
                chars: text.chars().filter(|&c| is_letter(c)).count(),
                link_chars: self.link_chars,
                marks: text.chars().filter(|&c| is_mark(c)).count(),
                mass: 0.0,
                known: false,
                text,
                elem,
            };
            block.mass = mass(&block);
            self.blocks.push(block);
        }
        self.buffer.clear();
        self.owner = None;
        self.link_chars = 0;
    }

    fn finish(mut self) -> Flat {
        self.flush();
        self.elems[0].end = self.elems.len();
        Flat {
            elems: self.elems,
            blocks: self.blocks,
        }
    }
}

/// Characters that read like prose. The weights were fitted on pages with human text.
fn mass(block: &Block) -> f64 {
    if block.chars == 0 || block.link_share() > 0.5 {
        return 0.0;
    }
    let unlinked = block.chars.saturating_sub(block.link_chars);
    let weight = match (block.marks, unlinked) {
        (2.., 8..) | (1, 25..) => 1.0,
        (1, 8..) => 0.6,
        (_, 40..) => 0.4,
        _ => 0.1,
    };
    unlinked as f64 * weight
}

/// Characters that are hidden within a line, at most: more is a text that a script will show.
const LONGEST_TRAP: usize = 120;

/// Words within a line that no reader sees: some sites put them there for those who copy.
fn is_trap(node: NodeRef<'_, Node>, element: &Element) -> bool {
    let is_inline = matches!(
        element.name(),
        "span" | "font" | "i" | "em" | "b" | "strong"
    );
    let hides =
        |style: &str| declares(style, "display:none") || declares(style, "visibility:hidden");
    is_inline && element.attr("style").is_some_and(hides) && is_short(node)
}

/// Whether a style says so, in whatever letters and however it is spaced.
fn declares(style: &str, declaration: &str) -> bool {
    let (_, value) = declaration.split_once(':').unwrap_or_default();
    let mut windows = style.as_bytes().windows(value.len());
    // Most styles don't even hold the value.
    windows.any(|window| window.eq_ignore_ascii_case(value.as_bytes())) && {
        let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
        style.to_ascii_lowercase().contains(declaration)
    }
}

fn is_short(node: NodeRef<'_, Node>) -> bool {
    let mut left = LONGEST_TRAP;
    node.descendants().all(|child| {
        let text = child.value().as_text();
        let cost = text.map_or(1, |text| text.chars().count());
        left.checked_sub(cost)
            .inspect(|rest| left = *rest)
            .is_some()
    })
}

fn is_noisy(element: &Element) -> bool {
    let is_token = |word: &str| {
        let tokens = NOISE.get(word.len());
        tokens.is_some_and(|tokens| tokens.iter().any(|it| it.eq_ignore_ascii_case(word)))
    };
    matches!(element.name(), "nav" | "footer" | "aside")
        || element.attrs.iter().any(|(name, value)| match name.local {
            local_name!("hidden") => true,
            local_name!("style") => declares(value, "display:none"),
            local_name!("class") | local_name!("id") => has_word(value, is_token),
            _ => false,
        })
}

/// Whether a class or id holds one of the tokens as a whole word: `hotNews` does, `hotel` does not.
pub(crate) fn has_token(names: &str, tokens: &[&str]) -> bool {
    has_word(names, |word| {
        tokens.iter().any(|token| token.eq_ignore_ascii_case(word))
    })
}

fn has_word(names: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    let parts = names.split(|c: char| c.is_whitespace() || matches!(c, '_' | '-'));
    let mut words = parts.flat_map(words).filter(|word| !word.is_empty());
    words.any(is_wanted)
}

/// `hotNews` is two words.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let bytes = name.as_bytes();
    let is_edge =
        |&at: &usize| bytes[at - 1].is_ascii_lowercase() && bytes[at].is_ascii_uppercase();
    let edges = (1..bytes.len()).filter(is_edge).chain([name.len()]);
    edges.scan(0, |start, end| {
        Some(&name[std::mem::replace(start, end)..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(page: &str) -> Vec<Block> {
        flatten(&Html::parse_document(page)).blocks
    }

    #[test]
    fn blocks_end_at_block_level_tags_and_at_line_breaks() {
        let texts: Vec<String> = blocks("<div>一<b>二</b>三<br>四<p>五</p>六<span>七</span></div>")
            .into_iter()
            .map(|block| block.text)
            .collect();
        assert_eq!(texts, ["一二三", "四", "五", "六七"]);
    }

    #[test]
    fn words_that_nobody_sees_are_not_in_the_line() {
        let found = blocks("<p>第二季<font style='DISPLAY: none'>q7x2</font>度见开工。</p>");
        assert_eq!(found[0].text, "第二季度见开工。");
        let long = "要统一思想、提高认识。".repeat(20);
        let found = blocks(&format!("<span style='visibility: hidden'>{long}</span>"));
        assert_eq!(found[0].text, long);
    }

    #[test]
    fn links_have_no_mass_and_prose_has_all_of_it() {
        let found = blocks(
            "<p><a href=/1>关于召开会议的通知，请各单位参加</a></p>\
             <p>各单位要高度重视，加强领导，确保完成任务。</p>",
        );
        assert!(found[0].mass.abs() < f64::EPSILON);
        assert!(
            (found[1].mass - 18.0).abs() < f64::EPSILON,
            "{}",
            found[1].mass
        );
    }

    #[test]
    fn names_are_matched_as_whole_words() {
        assert!(has_token("right hot-news", &["hot"]));
        assert!(has_token("hotNews", &["hot"]));
        assert!(!has_token("hotel", &["hot"]));
    }
}
