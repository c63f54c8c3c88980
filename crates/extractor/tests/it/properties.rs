//! What holds for every page: a speech is made of its page's text, its own text extracted again is the same,
//! and what no reader sees of the markup changes nothing. For the golden pages and for generated ones.

use std::fs;
use std::path::Path;

use extractor::Extraction;
use messages::Speech;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use scraper::{Html, Node};
use sites::charset;
use unicode_normalization::UnicodeNormalization;

use crate::golden::folders;
use crate::hostile::run_at;

/// Elements whose content is no text for readers, as a line is read.
const NOT_TEXT: &str = "audio button canvas embed head iframe input link map math meta noframes noscript object \
    option script select style svg template textarea video wbr";

fn extracted(url: &str, content_type: Option<&str>, body: &[u8]) -> Extraction {
    run_at(url, content_type, body).unwrap()
}

/// A page of a library that nobody knows.
fn unknown(page: &str) -> Extraction {
    let utf8 = Some("text/html; charset=utf-8");
    extracted(
        "https://library.example/article/7.html",
        utf8,
        page.as_bytes(),
    )
}

struct Golden {
    name: String,
    url: String,
    content_type: Option<String>,
    body: Vec<u8>,
}

fn golden() -> Vec<Golden> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let cases = folders(&root).into_iter().flat_map(|site| folders(&site));
    let read = |case: std::path::PathBuf| {
        let address = fs::read_to_string(case.join("url.txt")).unwrap();
        let mut lines = address.lines().map(ToOwned::to_owned);
        Golden {
            name: case.strip_prefix(&root).unwrap().display().to_string(),
            url: lines.next().unwrap(),
            content_type: lines.next(),
            body: fs::read(case.join("page.html")).unwrap(),
        }
    };
    cases.map(read).collect()
}

impl Golden {
    fn speeches(&self) -> Vec<Speech> {
        extracted(&self.url, self.content_type.as_deref(), &self.body).speeches
    }
}

/// Without white space and what is invisible; compatibility ideographs as the characters that they are.
fn bare(text: &str) -> String {
    let is_seen = |c: &char| {
        !(c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}'))
    };
    let unified = text.chars().flat_map(|c| -> Vec<char> {
        match c {
            '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}' => c.nfd().collect(),
            _ => vec![c],
        }
    });
    unified.filter(is_seen).collect()
}

/// The page's text; `hidden` elements within lines, which some sites use against copying, may be left out.
fn text_of(page: &str, with_hidden: bool) -> String {
    let html = Html::parse_document(page);
    let is_read = |node: &Node| {
        node.as_element().is_none_or(|element| {
            let style = element.attr("style").unwrap_or_default().to_lowercase();
            let style: String = style.split_whitespace().collect();
            let is_hidden = style.contains("display:none") || style.contains("visibility:hidden");
            !NOT_TEXT
                .split_whitespace()
                .any(|name| name == element.name())
                && (with_hidden || !is_hidden)
        })
    };
    let texts = html.root_element().descendants().filter_map(|node| {
        let text = node.value().as_text()?;
        node.ancestors()
            .all(|node| is_read(node.value()))
            .then(|| text.to_string())
    });
    bare(&texts.collect::<String>())
}

/// The first paragraph that is not on the page.
fn foreign<'a>(page: &str, speeches: &'a [Speech]) -> Option<&'a str> {
    let texts = [text_of(page, true), text_of(page, false)];
    let mut lines = speeches.iter().flat_map(|speech| speech.text.lines());
    lines.find(|line| {
        let line = bare(line);
        !texts.iter().any(|text| text.contains(&line))
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A speech as the plainest page that there is.
fn plain(title: &str, text: &str) -> String {
    let title = escaped(title);
    let paragraphs = escaped(text).replace('\n', "</p>\n<p>");
    format!("<title>{title}</title>\n<h1>{title}</h1>\n<div>\n<p>{paragraphs}</p>\n</div>\n")
}

/// Title and text of the only speech.
fn only(found: &Extraction) -> Option<(&str, &str)> {
    let [speech] = &found.speeches[..] else {
        return None;
    };
    Some((&speech.title, &speech.text))
}

/// Every so many golden pages: each of them takes a while.
const GOLDEN_STEP: usize = 8;

#[test]
fn lines_of_golden_speeches_stand_on_their_page_and_extracted_again_they_are_the_same() {
    for page in golden().into_iter().step_by(GOLDEN_STEP) {
        let speeches = page.speeches();
        let text = charset::decode(&page.body, page.content_type.as_deref())
            .unwrap()
            .text;
        assert_eq!(foreign(&text, &speeches), None, "{}", page.name);
        for speech in speeches {
            let again = unknown(&plain(&speech.title, &speech.text));
            let expected = Some((&*speech.title, &*speech.text));
            assert_eq!(only(&again), expected, "{}", page.name);
        }
    }
}

const SENTENCES: [&str; 8] = [
    "各乡镇要提高认识，压实责任，确保春耕生产各项工作落到实处，取得实效。",
    "去年以来，全县上下迎难而上，经济社会发展取得了新的成绩，群众得到了实惠。",
    "同时也要清醒地看到，我们的工作还有不少差距，任务十分繁重。",
    "要坚持问题导向，查漏补缺，把短板补齐，把弱项做强。",
    "领导干部要带头学习，带头调研，带头到一线去解决问题！",
    "什么是好作风？就是群众看得见、摸得着的实际行动。",
    "这项工作抓得怎么样，年底要逐项检查，逐项评比。",
    "希望大家以这次会议为新的起点，振奋精神，再立新功。",
];

const TITLES: [&str; 4] = [
    "在青石县春耕工作会议上的讲话",
    "在全县教育工作大会上的讲话",
    "在青年干部座谈会上的发言",
    "在学校开学典礼上的致辞",
];

/// A page in parts, so that it can be written in several ways.
#[derive(Debug, Clone)]
struct Parts {
    title: &'static str,
    paragraphs: Vec<String>,
    num_links: usize,
    marks: Vec<(Index, &'static str)>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let sentences = proptest::collection::vec(select(&SENTENCES[..]), 1..4);
    let paragraphs = proptest::collection::vec(sentences, 3..10);
    let marks =
        proptest::collection::vec((any::<Index>(), select(&["b", "span", "font"][..])), 0..4);
    let all = (select(&TITLES[..]), paragraphs, 0_usize..12, marks);
    all.prop_map(|(title, paragraphs, num_links, marks)| Parts {
        title,
        paragraphs: paragraphs
            .iter()
            .map(|sentences| sentences.concat())
            .collect(),
        num_links,
        marks,
    })
}

/// How a page is written: what a reader sees is the same.
#[derive(Debug, Clone, Copy)]
struct Style {
    gap: &'static str,
    is_reversed: bool,
    quote: char,
}

fn style() -> impl Strategy<Value = Style> {
    let gap = select(&["", "\n", "\r\n\t\t", "  ", "\n<!-- -->\n"][..]);
    (gap, any::<bool>(), select(&['"', '\''][..])).prop_map(|(gap, is_reversed, quote)| Style {
        gap,
        is_reversed,
        quote,
    })
}

impl Style {
    fn tag(self, name: &str, attributes: &[(&str, &str)]) -> String {
        let quote = self.quote;
        let write = |(name, value): &(&str, &str)| format!(" {name}={quote}{value}{quote}");
        let attributes: String = if self.is_reversed {
            attributes.iter().rev().map(write).collect()
        } else {
            attributes.iter().map(write).collect()
        };
        format!("<{name}{attributes}>")
    }
}

impl Parts {
    fn write(&self, style: Style) -> String {
        let link = |number: usize| {
            let href = format!("/list/{number}.html");
            let tag = style.tag(
                "a",
                &[("href", &href), ("title", "栏目"), ("class", "item")],
            );
            format!("<li>{tag}栏目之{number}</a></li>")
        };
        let mut lines = vec![
            format!("<html><head><title>{}</title></head><body>", self.title),
            style.tag("ul", &[("class", "menu"), ("id", "top")]),
        ];
        lines.extend((0..self.num_links).map(link));
        lines.push("</ul>".to_owned());
        lines.push(style.tag(
            "div",
            &[("class", "content"), ("id", "main"), ("align", "left")],
        ));
        lines.push(format!("<h1>{}</h1>", self.title));
        let paragraphs = self.paragraphs.iter().enumerate();
        lines.extend(paragraphs.map(|(at, text)| self.paragraph(at, text, style)));
        lines.push("</div></body></html>".to_owned());
        lines.join(style.gap)
    }

    /// Some paragraphs have a mark around their first words.
    fn paragraph(&self, at: usize, text: &str, style: Style) -> String {
        let open = style.tag("p", &[("style", "text-indent: 2em"), ("class", "a b")]);
        let mut marks = self.marks.iter();
        let mark = marks.find(|(index, _)| index.index(self.paragraphs.len()) == at);
        let Some((_, name)) = mark else {
            return format!("{open}{text}</p>");
        };
        let (first, rest) = text.split_at("各乡镇".len());
        let inner = style.tag(name, &[("style", "color: red"), ("class", "c")]);
        format!("{open}{inner}{first}</{name}>{rest}</p>")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_generated_speech_is_found_however_its_page_is_written(parts in parts(), one in style(), other in style()) {
        let first = unknown(&parts.write(one));
        let second = unknown(&parts.write(other));
        prop_assert_eq!(only(&first), only(&second));
        let text = parts.paragraphs.join("\n");
        prop_assert_eq!(only(&first), Some((parts.title, &*text)));
    }

    #[test]
    fn a_generated_speech_extracted_again_is_the_same(parts in parts(), style in style()) {
        let found = unknown(&parts.write(style));
        let (title, text) = only(&found).unwrap();
        let again = unknown(&plain(title, text));
        prop_assert_eq!(only(&again), Some((title, text)));
    }

    #[test]
    fn every_line_stands_on_the_page_whatever_the_page_is(page in crate::hostile::markup()) {
        let found = unknown(&page);
        prop_assert_eq!(foreign(&page, &found.speeches), None);
    }
}
