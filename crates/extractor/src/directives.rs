//! What a site says about the use of a page: `noindex` and `nofollow`, in the header `X-Robots-Tag`
//! and in `<meta name="robots">`.
//!
//! In: headers, a tree, and the name by which the site knows us. Out: the sum of all that forbids.

use scraper::{Html, Node};

/// Directives that have a value of their own; what else stands before a colon is an agent's name.
const WITH_VALUE: [&str; 4] = [
    "max-image-preview",
    "max-snippet",
    "max-video-preview",
    "unavailable_after",
];

/// What must not be done with a page. Source: the specifications of the large search engines, which
/// agree on these two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// Its text must not be found.
    pub(crate) no_index: bool,
    /// Its links must not be followed.
    pub(crate) no_follow: bool,
}

impl Directives {
    pub(crate) fn of(headers: &[String], html: &Html, agent: &str) -> Self {
        let mut found = Self::default();
        for header in headers {
            found.add_header(header, agent);
        }
        let elements = html.tree.values().filter_map(Node::as_element);
        for element in elements.filter(|element| element.name() == "meta") {
            let name = element.attr("name").unwrap_or_default().trim();
            let concerns_us =
                name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case(agent);
            if concerns_us {
                let content = element.attr("content").unwrap_or_default();
                content
                    .split(|c: char| c == ',' || c.is_whitespace())
                    .for_each(|word| found.add(word));
            }
        }
        found
    }

    /// A name and a colon address one agent, until another name comes.
    fn add_header(&mut self, header: &str, agent: &str) {
        let mut concerns_us = true;
        for part in header.split(',') {
            let mut word = part.trim();
            if let Some((name, rest)) = word.split_once(':') {
                let name = name.trim();
                if WITH_VALUE.iter().any(|it| name.eq_ignore_ascii_case(it)) {
                    continue;
                }
                concerns_us = name.eq_ignore_ascii_case(agent);
                word = rest.trim();
            }
            if concerns_us {
                self.add(word);
            }
        }
    }

    fn add(&mut self, word: &str) {
        let is = |directive: &str| word.eq_ignore_ascii_case(directive);
        self.no_index |= is("noindex") || is("none");
        self.no_follow |= is("nofollow") || is("none");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[&str], page: &str) -> (bool, bool) {
        let headers: Vec<String> = headers.iter().map(|&it| it.to_owned()).collect();
        let found = Directives::of(&headers, &Html::parse_document(page), "speechmill");
        (found.no_index, found.no_follow)
    }

    #[test]
    fn headers_hold_for_everybody_or_for_the_agent_that_they_name() {
        for (headers, expected) in [
            (&["noindex"] as &[&str], (true, false)),
            (&["NoFollow , noarchive"], (false, true)),
            (&["none"], (true, true)),
            (&["all", "index, follow"], (false, false)),
            (&["otherbot: none"], (false, false)),
            (&["otherbot: noindex, nofollow"], (false, false)),
            (&["SpeechMill: noindex, nofollow"], (true, true)),
            (&["otherbot: noindex, speechmill: nofollow"], (false, true)),
            (&["otherbot: nofollow", "noindex"], (true, false)),
            (&["max-snippet: 20, noindex"], (true, false)),
            (
                &["unavailable_after: 25 Jun 2031 15:00:00 PST, nofollow"],
                (false, true),
            ),
            (&["noindexing"], (false, false)),
            (&[""], (false, false)),
        ] {
            assert_eq!(found(headers, ""), expected, "{headers:?}");
        }
    }

    #[test]
    fn elements_hold_for_everybody_or_for_the_agent_that_they_name() {
        for (page, expected) in [
            ("<meta name=robots content='noindex'>", (true, false)),
            (
                "<META NAME=' ROBOTS ' CONTENT='NOINDEX,NOFOLLOW'>",
                (true, true),
            ),
            ("<meta name=robots content='index nofollow'>", (false, true)),
            ("<meta name=speechmill content=none>", (true, true)),
            ("<meta name=otherbot content=none>", (false, false)),
            (
                "<meta name=robots content=all><meta name=Speechmill content=nofollow>",
                (false, true),
            ),
            ("<meta name=keywords content=noindex>", (false, false)),
            ("<p name=robots content=noindex>", (false, false)),
            ("<meta name=robots>", (false, false)),
        ] {
            assert_eq!(found(&[], page), expected, "{page}");
        }
    }

    #[test]
    fn what_forbids_adds_up() {
        let page = "<meta name=robots content=nofollow>";
        assert_eq!(found(&["noindex"], page), (true, true));
    }
}
