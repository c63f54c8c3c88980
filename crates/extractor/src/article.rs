//! The further pages of an article: their texts are put behind the first one's, so that what was one
//! text is one again.
//!
//! In: the first page's text, and the other pages. Out: the whole text, and where on which page it
//! ends. What every page repeats, its title and the lines around it, stays away.

use sites::{Profile, charset};

use crate::blocks::{Flat, flatten};
use crate::body::Body;
use crate::extract::main_text;
use crate::normalise::num_chars;
use crate::page::PartView;
use crate::{HostMemory, completeness, dom, profile, structure};

/// Lines at the start of a page that may be repeated on the next, and lines at its end.
const REPEATED: usize = 8;

/// A shorter last line is no paragraph that was cut in two: it is a heading.
const CUT_CHARS: usize = 40;

/// How an article of several pages ends.
#[derive(Default)]
pub(crate) struct Ending {
    /// The last page that has text, and where its text stands; none: there is only the first page.
    pub(crate) last: Option<(Flat, (usize, usize))>,
    /// The code of why a part is not there.
    pub(crate) lost: Option<String>,
    /// Characters that the charsets of the parts have no meaning for.
    pub(crate) replaced: usize,
}

/// Puts the parts behind the first page's text.
pub(crate) fn join(
    body: &mut Body,
    parts: &[PartView<'_>],
    profile: Option<&Profile>,
    memory: &HostMemory,
) -> Ending {
    let mut ending = Ending::default();
    let heads = |body: &Body| {
        let text = body.paragraphs.iter().take(REPEATED);
        body.before.iter().chain(text).cloned().collect::<Vec<_>>()
    };
    let first = heads(body);
    for part in parts {
        match read(part, profile, memory) {
            Ok((flat, text, replaced)) => {
                ending.replaced += replaced;
                append(&mut body.paragraphs, &text.paragraphs, &first);
                body.confidence = body.confidence.min(text.confidence);
                body.removed.extend(text.removed);
                ending.last = Some((flat, text.span));
            }
            Err(code) => ending.lost = Some(code.to_owned()),
        }
    }
    ending
}

fn read(
    part: &PartView<'_>,
    profile: Option<&Profile>,
    memory: &HostMemory,
) -> Result<(Flat, Body, usize), &'static str> {
    let decoded =
        charset::decode(part.body, part.content_type).map_err(|_| "charset_undecodable")?;
    let dom = dom::parse(&sites::bound_attributes(&decoded.text)).map_err(|error| error.code())?;
    let mut flat = flatten(&dom.html);
    memory.mark(&mut flat);
    let applied = profile.map(|profile| profile::apply(profile, &dom, &flat));
    let opinions = main_text(&dom, &flat, applied.as_ref(), memory);
    let body = opinions.body.ok_or("no_main_text")?;
    Ok((flat, body, decoded.replaced))
}

fn append(text: &mut Vec<String>, part: &[String], first: &[String]) {
    let is_head = |line: &&String| first.contains(line);
    let num_heads = part.iter().take(REPEATED).take_while(is_head).count();
    let part = &part[num_heads..];
    let longest = part.len().min(text.len()).min(REPEATED);
    let overlap = (1..=longest).rev().find(|&n| text.ends_with(&part[..n]));
    let mut part = part[overlap.unwrap_or(0)..].iter();
    if let (Some(last), Some(line)) = (text.last_mut(), part.as_slice().first())
        && overlap.is_none()
        && num_chars(last) >= CUT_CHARS
        && completeness::is_cut(last)
        && !structure::is_heading_alone(line)
    {
        last.push_str(line);
        part.next();
    }
    text.extend(part.cloned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &[&str], part: &[&str], first: &[&str]) -> Vec<String> {
        let own = |lines: &[&str]| {
            lines
                .iter()
                .map(|&line| line.to_owned())
                .collect::<Vec<_>>()
        };
        let mut text = own(text);
        append(&mut text, &own(part), &own(first));
        text
    }

    #[test]
    fn what_every_page_repeats_stands_once() {
        let text = joined(
            &["一。", "二。"],
            &["讲话", "2024年", "三。"],
            &["讲话", "2024年"],
        );
        assert_eq!(text, ["一。", "二。", "三。"]);
        let text = joined(&["一。", "二。"], &["一。", "二。", "三。"], &[]);
        assert_eq!(text, ["一。", "二。", "三。"]);
        assert_eq!(joined(&["一。"], &["一。"], &[]), ["一。"]);
    }

    #[test]
    fn a_sentence_that_was_cut_in_two_is_one_again() {
        let cut = "全县上下要统一思想、提高认识、凝聚共识、担当作为，把今年确定的各项重点工作抓紧抓好抓出";
        let text = joined(&[cut], &["成效来。", "同志们！"], &[]);
        assert_eq!(text, [&format!("{cut}成效来。"), "同志们！"]);
        assert_eq!(joined(&["二、抓落实"], &["要抓实。"], &[]).len(), 2);
        assert_eq!(joined(&[cut], &["三、强保障"], &[]).len(), 2);
    }
}
