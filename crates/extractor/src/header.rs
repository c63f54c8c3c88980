//! The lines under the title become fields: the title once more, the date in brackets, the speaker, a
//! subtitle that begins with a dash. What is not one of these begins the text.

use std::sync::LazyLock;

use messages::Removed;
use regex::Regex;
use time::Date;

use crate::body::{Body, removed};
use crate::normalise::num_chars;
use crate::speaker::{self, Said};
use crate::title::{self, Title};
use crate::{dates, kind};

/// Lines before the text that may be its header; fewer where the title is not among them.
const MAX_BEFORE: usize = 8;
const UNTITLED_BEFORE: usize = 2;

/// Characters of a line under the title, at most.
const LONGEST: usize = 60;

/// Lines over which a title may be broken.
const MAX_TITLE_LINES: usize = 3;

static BRACKETS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[（(【\[〔](.{4,40})[)）】\]〕]$").expect("a valid pattern"));

static DASH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:—|–|―|─|--|－)+\s*(.{4,58})$").expect("a valid pattern"));

static SPEAKER_LABEL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:主讲人|讲话人|演讲人|发言人|报告人|致辞人|汇报人|述职人)[:：]\s*(.{2,20})$")
        .expect("a valid pattern")
});

static WEB_DATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^20\d{2}[-/.]\d{1,2}[-/.]\d{1,2}$").expect("a valid pattern"));

/// What the lines under the title say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Header {
    pub(crate) delivered_on: Option<Date>,
    pub(crate) said: Said,
    /// The line that begins with a dash, without it.
    pub(crate) subtitle: Option<String>,
    pub(crate) removed: Vec<Removed>,
}

/// Reads the header and takes its lines from the paragraphs; `under` are lines between the title and
/// the element of the text.
pub(crate) fn take(
    body: &Body,
    title: &Title,
    under: &[&str],
    paragraphs: &mut Vec<String>,
) -> Header {
    let mut header = Header::default();
    for line in under {
        header.read_under(line);
    }
    let titled = header.read_before(&body.before, title);
    let mut taken = repeated_title(paragraphs, title);
    for line in &paragraphs[..taken] {
        header.removed.push(removed("title_repeat", line));
    }
    // Without its title above it, a short first line is as likely to be text.
    let titled = titled || taken > 0;
    while let Some(line) = paragraphs.get(taken) {
        let is_header = titled || is_marked(line);
        let Some(rule) = is_header.then(|| header.read(line)).flatten() else {
            break;
        };
        header.removed.push(removed(rule, line));
        taken += 1;
    }
    // A text that is nothing but a header is a text.
    if taken == paragraphs.len() {
        return Header::default();
    }
    paragraphs.drain(..taken);
    header
}

/// How many of the first lines are the title, broken or not.
fn repeated_title(paragraphs: &[String], title: &Title) -> usize {
    (1..=MAX_TITLE_LINES.min(paragraphs.len()))
        .find(|&lines| title::repeats(&paragraphs[..lines].concat(), title))
        .unwrap_or(0)
}

fn is_marked(line: &str) -> bool {
    BRACKETS.is_match(line) || DASH.is_match(line) || SPEAKER_LABEL.is_match(line)
}

impl Header {
    /// Reads the lines of the text's element that stand before it: those under the title, or the last
    /// few. Says whether the title is among them.
    fn read_before(&mut self, before: &[String], title: &Title) -> bool {
        let before = &before[before.len().saturating_sub(MAX_BEFORE)..];
        let at = before.iter().rposition(|line| title::repeats(line, title));
        if let Some(at) = at {
            self.removed.push(removed("title_repeat", &before[at]));
        }
        let under = at.map_or(before.len().saturating_sub(UNTITLED_BEFORE), |at| at + 1);
        for line in &before[under..] {
            if let Some(rule) = self.read(line) {
                self.removed.push(removed(rule, line));
            }
        }
        at.is_some()
    }

    /// Keeps what a line says; the rule that it falls under, if it is one of a header.
    fn read(&mut self, line: &str) -> Option<&'static str> {
        if num_chars(line) > LONGEST {
            return None;
        }
        if let Some(rule) = self.read_marked(line) {
            return Some(rule);
        }
        if WEB_DATE.is_match(line) {
            return Some("meta");
        }
        let inner = BRACKETS.captures(line).map(|found| found[1].to_owned());
        if let Some(date) = date_alone(inner.as_deref().unwrap_or(line), inner.is_some()) {
            self.delivered_on.get_or_insert(date);
            return Some("date_line");
        }
        let said = speaker::of_name(line);
        if said.speaker.is_some() && kind::of(line).is_none() {
            self.add(said);
            return Some("speaker_line");
        }
        None
    }

    /// Labels and dashes say what a line is.
    fn read_marked(&mut self, line: &str) -> Option<&'static str> {
        if let Some(found) = SPEAKER_LABEL.captures(line) {
            self.add(speaker::of_name(&found[1]));
            return Some("speaker_line");
        }
        let found = DASH.captures(line)?;
        self.add(speaker::of_title(&found[1]));
        self.subtitle.get_or_insert_with(|| found[1].to_owned());
        Some("subtitle")
    }

    /// Outside of the text's element a date is the web's, and a name alone may be anybody's.
    fn read_under(&mut self, line: &str) {
        if num_chars(line) > LONGEST || self.read_marked(line).is_some() {
            return;
        }
        let said = speaker::of_name(line);
        if said.speaker.is_some() && said.role.is_some() {
            self.add(said);
        }
    }

    fn add(&mut self, said: Said) {
        let own = &mut self.said;
        own.occasion = own.occasion.take().or(said.occasion);
        own.role = own.role.take().or(said.role);
        own.speaker = own.speaker.take().or(said.speaker);
    }
}

/// A date, and nothing that makes it the web's: in brackets words may stand beside it.
fn date_alone(line: &str, in_brackets: bool) -> Option<Date> {
    let found = dates::first(line).filter(|found| found.time.is_none())?;
    let rest = num_chars(line).saturating_sub(num_chars(&line[found.start..found.end]));
    let written_out = line[found.start..found.end].contains('年');
    (rest == 0 && (in_brackets || written_out) || in_brackets && rest <= 20).then_some(found.date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speaker::Said;
    use messages::Method;

    fn take_from(lines: &[&str]) -> (Header, Vec<String>) {
        let title = Title {
            clean: "在青石县春耕工作会议上的讲话".to_owned(),
            raw: "在青石县春耕工作会议上的讲话".to_owned(),
            ..Title::default()
        };
        let mut paragraphs: Vec<String> = lines.iter().map(|&l| l.to_owned()).collect();
        let body = Body::of_second(
            &crate::blocks::flatten(&scraper::Html::new_document()),
            None,
            &paragraphs,
        );
        assert_eq!(body.method, Method::SecondOpinion);
        let header = take(&body, &title, &[], &mut paragraphs);
        (header, paragraphs)
    }

    #[test]
    fn the_lines_under_the_title_become_fields() {
        let (header, text) = take_from(&[
            "在青石县春耕工作会议上",
            "的讲话",
            "（2024年3月5日）",
            "县委书记 李 明",
            "同志们：",
        ]);
        assert_eq!(text, ["同志们："]);
        assert_eq!(
            header.delivered_on,
            Some(time::macros::date!(2024 - 03 - 05))
        );
        assert_eq!(
            header.said,
            Said {
                occasion: None,
                speaker: Some("李明".to_owned()),
                role: Some("县委书记".to_owned()),
            }
        );
    }

    #[test]
    fn without_a_title_above_short_lines_are_text() {
        let (header, text) = take_from(&["王海", "同志们："]);
        assert_eq!(text, ["王海", "同志们："]);
        assert!(header.removed.is_empty());
    }

    #[test]
    fn a_dash_begins_a_subtitle() {
        let (header, text) = take_from(&["——王海在青石中学开学典礼上的致辞", "同学们："]);
        assert_eq!(text, ["同学们："]);
        assert_eq!(header.said.occasion.as_deref(), Some("青石中学开学典礼"));
        assert_eq!(header.said.speaker.as_deref(), Some("王海"));
    }
}
