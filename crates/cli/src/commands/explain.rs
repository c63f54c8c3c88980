//! `speechmill extract --explain`: why a page gave what it gave, block by block, for a terminal.
//!
//! In: the extractor's explanation. Out: one line a block, kept or dropped and by which rule. Colour only
//! on a terminal, and not where `NO_COLOR` is set.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};

use extractor::{Explanation, Fate, HostMemory, PageView, explain};
use sites::Sites;

use crate::exit::End;
use crate::output;

/// Characters of a block that are shown.
const SHOWN: usize = 60;

/// Columns of the rule's name.
const RULE: usize = 16;

/// Prints the explanation of a page; `json`: as one value.
pub(crate) fn run(page: &PageView<'_>, sites: &Sites, json: bool) -> anyhow::Result<End> {
    let explanation = explain(page, sites, &HostMemory::empty())?;
    if json {
        output::json(&explanation)?;
    } else {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        let paint = Paint(io::stdout().is_terminal() && !no_color);
        output::line(text(&explanation, &paint).trim_end())?;
    }
    Ok(if explanation.skip.is_some() {
        End::Nothing
    } else {
        End::Done
    })
}

/// Colours, or none.
struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

fn text(explanation: &Explanation, paint: &Paint) -> String {
    let mut out = opinions(explanation);
    out.push('\n');
    for fate in &explanation.blocks {
        out.push_str(&line(fate, explanation.titles.len(), paint));
        out.push('\n');
    }
    out
}

/// What the two extractors said, what was made of it, and what came out.
fn opinions(explanation: &Explanation) -> String {
    let mut out = String::new();
    let mut add = |name: &str, what: &str| {
        let _ = writeln!(out, "{name:<RULE$}{}", plain(what));
    };
    match &explanation.first {
        None => add("first opinion", "no text"),
        Some(first) => add(
            "first opinion",
            &format!(
                "{}, {} blocks, margin {:.2}, purity {:.2}: {}",
                first.element,
                first.num_blocks,
                first.margin,
                first.purity,
                if first.is_sure { "sure" } else { "not sure" }
            ),
        ),
    }
    match &explanation.second {
        None => add("second opinion", "none"),
        Some(second) => add(
            "second opinion",
            &format!(
                "{} lines, purity {:.2}, agreement {:.2}: {}",
                second.num_lines,
                second.purity,
                second.agreement,
                if second.is_taken {
                    "taken"
                } else {
                    "not taken"
                }
            ),
        ),
    }
    for (number, title) in (1..).zip(&explanation.titles) {
        add(&format!("speech {number}"), title);
    }
    if let Some(code) = explanation.skip {
        add("skip", code);
    }
    out
}

fn line(fate: &Fate, num_speeches: usize, paint: &Paint) -> String {
    let mut shown: String = plain(&fate.text).chars().take(SHOWN).collect();
    if shown.len() < fate.text.len() {
        shown.push('…');
    }
    let rule = fate.rule.as_deref().unwrap_or_default();
    let (sign, code, why) = match fate.speech {
        Some(number) if num_speeches > 1 => ('+', "32", format!("speech {number}")),
        Some(_) => ('+', "32", String::new()),
        None => ('-', "2", rule.to_owned()),
    };
    paint.with(code, &format!("{sign} {why:<RULE$}{shown}"))
}

/// A text from the web for a terminal: no control characters but our own.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(speech: Option<usize>, rule: Option<&str>, text: &str) -> Fate {
        Fate {
            speech,
            rule: rule.map(ToOwned::to_owned),
            mass: 0.0,
            link_share: 0.0,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_block_is_a_line_with_its_rule() {
        let kept = fate(Some(1), None, "同志们：");
        let dropped = fate(None, Some("meta"), "来源：\u{1b}[31m日报");
        let plain = Paint(false);
        assert_eq!(line(&kept, 1, &plain), "+                 同志们：");
        assert_eq!(line(&kept, 2, &plain), "+ speech 1        同志们：");
        assert_eq!(
            line(&dropped, 1, &plain),
            "- meta            来源： [31m日报"
        );
        let painted = line(&kept, 1, &Paint(true));
        assert!(painted.starts_with("\u{1b}[32m+") && painted.ends_with("\u{1b}[0m"));
    }
}
