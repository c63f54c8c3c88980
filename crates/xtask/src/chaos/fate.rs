//! The pages of the site: what becomes of each, declared before anything runs.

use std::fmt::Write as _;

use testkit::Reply;

use crate::bench::texts;
use crate::dice::Dice;

const TOPICS: [&str; 5] = ["河道治理", "社区养老", "粮食生产", "校园安全", "冬季供暖"];
const SENTENCES: usize = 8;

/// How a page must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// As a document.
    Healthy,
    /// As the document of the version that was served last.
    Changing,
    /// It never was: 404 or 410.
    Gone(u16),
    /// It is there at first, and gone in the end.
    Vanishing,
    /// A page without a speech.
    Barren,
    /// Can never be fetched.
    Broken(Break),
}

/// What is wrong with a page for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    Forbidden,
    Failing,
    Silent,
    Picture,
}

impl Fate {
    /// Of the pages of a site of this seed.
    pub(super) fn of(dice: &mut Dice) -> Self {
        match dice.below(1_000) {
            0..500 => Self::Healthy,
            500..750 => Self::Changing,
            750..790 => Self::Gone(404),
            790..820 => Self::Gone(410),
            820..870 => Self::Vanishing,
            870..930 => Self::Barren,
            930..960 => Self::Broken(Break::Forbidden),
            960..975 => Self::Broken(Break::Failing),
            975..978 => Self::Broken(Break::Silent),
            _ => Self::Broken(Break::Picture),
        }
    }

    /// Whether a document is to be there once this version was the last one served.
    pub(super) fn has_document(self, served: u32) -> bool {
        match self {
            Self::Healthy | Self::Changing => true,
            Self::Vanishing => served == 1,
            Self::Gone(_) | Self::Barren | Self::Broken(_) => false,
        }
    }

    /// Whether `speechmill status` may say so of it in the end.
    pub(super) fn allows(self, state: &str, code: &str, served: u32) -> bool {
        match self {
            _ if self.has_document(served) => state == "indexed",
            // Who came late has never seen it.
            Self::Vanishing => state == "withdrawn" || (state, code) == ("skipped", "gone"),
            Self::Healthy | Self::Changing | Self::Gone(_) => (state, code) == ("skipped", "gone"),
            Self::Barren => {
                state == "skipped" && matches!(code, "no_main_text" | "list_page" | "login_page")
            }
            // These are tried again and again, and the last time the whole site may have been in a mood.
            Self::Broken(Break::Failing | Break::Silent) => state == "dead",
            Self::Broken(why) => state == "dead" && why.code() == Some(code),
        }
    }
}

impl Break {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Forbidden => Some("http_403"),
            Self::Picture => Some("not_html"),
            Self::Failing | Self::Silent => None,
        }
    }

    /// What is answered, always.
    pub(super) fn reply(self) -> Reply {
        match self {
            Self::Forbidden => Reply::status(403),
            Self::Failing => Reply::status(500),
            Self::Silent => Reply::hang(),
            Self::Picture => Reply::bytes("image/png", *b"\x89PNG\r\n\x1a\n"),
        }
    }
}

/// A speech; no other page and no other version of this one has a sentence of it.
pub(super) fn speech(number: usize, version: u32) -> String {
    let mut dice = Dice::new((number as u64) << 20 | u64::from(version));
    let topic = dice.pick(&TOPICS);
    let title = format!("在全县{topic}工作第{}次推进会上的讲话", number + 1);
    let mut body = format!("<p>同志们：</p><p>　　{}</p>", mark(number, version));
    for of in 0..SENTENCES {
        let sentence = texts::sentence(&mut dice, topic);
        let _ = write!(
            body,
            "<p>　　第{number}号文稿第{version}稿第{of}条，{sentence}</p>"
        );
    }
    page(&title, &format!("{body}<p>　　谢谢大家！</p>"))
}

/// By this sentence a document is known to be of this version.
pub(super) fn mark(number: usize, version: u32) -> String {
    format!("会议讨论了第{number}号文稿，这一稿是第{version}稿，请各单位认真研究落实。")
}

/// A page of menus and links to these.
pub(super) fn barren(links: &[String]) -> String {
    let items: Vec<String> = links
        .iter()
        .map(|path| {
            format!("<li><a href=\"{path}\">推进会上的讲话</a><span>2024-03-05</span></li>")
        })
        .collect();
    let items = items.concat();
    page("领导讲话", &format!("<ul class=\"list\">{items}</ul>"))
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>{title}_青石文库</title></head><body>\
         <div class=\"nav\"><ul><li>领导讲话</li><li>工作总结</li><li>会员服务</li></ul></div>\
         <div class=\"main\"><h1>{title}</h1>\
         <div class=\"info\"><span>发布时间：2024-03-05</span></div>\
         <div id=\"content\">{body}</div></div>\
         <div class=\"footer\"><p>版权所有 青石文库</p></div></body></html>"
    )
}
