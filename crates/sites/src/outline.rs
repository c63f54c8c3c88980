//! The outline of a page: its title, its links and how much prose it holds, without a tree.
//!
//! In: the text of a page. Out: an [`Outline`]; in linear time and however deeply the page is nested,
//! so that it costs little more than reading. Finds no main text: that is the extractor's art.

use std::cell::RefCell;

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// Links kept of one page.
const MAX_LINKS: usize = 5_000;

/// Characters kept of a title, of a link's text.
const MAX_TEXT: usize = 200;

/// What a page looks like from afar.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) title: String,
    /// The address that references start from, where the page says so.
    pub(crate) base: Option<String>,
    pub(crate) links: Vec<Link>,
    /// The scripts in the page itself.
    pub(crate) scripts: String,
    /// Characters of text with a full stop in it, outside of links.
    pub(crate) num_prose: usize,
}

/// A reference, from `a` or from `link`.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: String,
    /// `rel=next`.
    pub(crate) is_next: bool,
}

impl Outline {
    pub(crate) fn of(page: &str) -> Self {
        let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(crate::bound_attributes(page).as_ref().into());
        // A script that ends hands control back; what it would write is not ours to know.
        while !input.is_empty() {
            let _ = tokenizer.feed(&input);
        }
        tokenizer.end();
        let mut seen = tokenizer.sink.0.into_inner();
        seen.end_text();
        seen.outline
    }
}

#[derive(Default)]
struct Sink(RefCell<Seen>);

#[derive(Default)]
struct Seen {
    outline: Outline,
    within: Within,
    text: String,
}

/// Where text belongs.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Within {
    #[default]
    Page,
    Link,
    Title,
    Script,
    Style,
}

impl Seen {
    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        let outline = &mut self.outline;
        match self.within {
            Within::Page if text.contains('。') => outline.num_prose += text.chars().count(),
            Within::Title if outline.title.is_empty() => outline.title = shorten(text.trim()),
            Within::Link => {
                if let Some(link) = outline.links.last_mut() {
                    link.text.push_str(text.trim());
                    link.text = shorten(&link.text);
                }
            }
            Within::Script => outline.scripts.push_str(&text),
            Within::Page | Within::Title | Within::Style => {}
        }
    }

    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        self.end_text();
        match &*tag.name {
            "a" => {
                self.within = self.link(tag);
                TokenSinkResult::Continue
            }
            "link" => {
                self.link(tag);
                TokenSinkResult::Continue
            }
            "base" => {
                self.outline.base = self.outline.base.take().or_else(|| attribute(tag, "href"));
                TokenSinkResult::Continue
            }
            "title" => self.raw(Within::Title, RawKind::Rcdata),
            "script" => self.raw(Within::Script, RawKind::ScriptData),
            "style" => self.raw(Within::Style, RawKind::Rawtext),
            "textarea" => self.raw(Within::Style, RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }

    fn raw(&mut self, within: Within, kind: RawKind) -> TokenSinkResult<()> {
        self.within = within;
        TokenSinkResult::RawData(kind)
    }

    fn link(&mut self, tag: &Tag) -> Within {
        let Some(href) = attribute(tag, "href").filter(|href| !href.trim().is_empty()) else {
            return Within::Page;
        };
        if self.outline.links.len() == MAX_LINKS {
            return Within::Page;
        }
        let rel = attribute(tag, "rel").unwrap_or_default();
        self.outline.links.push(Link {
            href: href.trim().to_owned(),
            text: String::new(),
            is_next: rel
                .split_ascii_whitespace()
                .any(|word| word.eq_ignore_ascii_case("next")),
        });
        Within::Link
    }

    fn end(&mut self, tag: &Tag) {
        // Inline marks do not interrupt a link or a sentence's paragraph.
        if self.within == Within::Link && &*tag.name != "a" {
            return;
        }
        self.end_text();
        self.within = Within::Page;
    }
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut seen = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => seen.text.push_str(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                // What stands inside a link belongs to it.
                let is_inside = seen.within == Within::Link && !is_own(&tag);
                return if is_inside {
                    TokenSinkResult::Continue
                } else {
                    seen.start(&tag)
                };
            }
            Token::TagToken(tag) => seen.end(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Tags that end a link, whether or not the page closes it.
fn is_own(tag: &Tag) -> bool {
    matches!(
        &*tag.name,
        "a" | "link" | "script" | "style" | "textarea" | "title"
    )
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    let found = tag.attrs.iter().find(|attr| &*attr.name.local == name)?;
    Some(found.value.to_string())
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_seen_with_its_title_its_links_and_its_prose() {
        let outline = Outline::of(
            "<title>讲话 &amp; 致辞</title><link rel='prefetch next' href='2.html'>\
             <script>var a = '<a href=x>';</script><style>p { a: '。' }</style>\
             <p>同志们，现在开会。</p><p>没有句号</p>\
             <a href=' 3.html '><b>下一</b><span>页</span></a><a name=x>无</a>",
        );
        assert_eq!(outline.title, "讲话 & 致辞");
        let links: Vec<(&str, &str, bool)> = outline
            .links
            .iter()
            .map(|link| (&*link.href, &*link.text, link.is_next))
            .collect();
        assert_eq!(links, [("2.html", "", true), ("3.html", "下一页", false)]);
        assert_eq!(outline.num_prose, 9);
        assert_eq!(outline.scripts, "var a = '<a href=x>';");
    }

    #[test]
    fn depth_and_broken_ends_do_no_harm() {
        for page in [
            "<div>".repeat(200_000),
            "<a href=1>".repeat(20_000),
            "<script>".to_owned(),
            "<a href='".to_owned(),
            "&#x1F600;&".to_owned(),
            "<!--".repeat(1_000),
        ] {
            let outline = Outline::of(&page);
            assert!(outline.links.len() <= MAX_LINKS);
        }
    }
}
