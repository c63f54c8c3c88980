//! A profile as it stands in its file: the TOML tables, and their fields turned into what they stand
//! for, or an error that says which of them is wrong and why.

use std::fmt::Display;

use regex::Regex;
use scraper::Selector;
use serde::Deserialize;

use super::{Check, Selectors};
use crate::SiteError;
use crate::lists::MAX_LIST_PAGES;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) site_name: Option<String>,
    pub(super) hosts: Vec<String>,
    #[serde(default)]
    pub(super) family: bool,
    #[serde(default)]
    pub(super) scope: ScopeTable,
    #[serde(default)]
    pub(super) selectors: SelectorTable,
    #[serde(default)]
    pub(super) scripts: ScriptTable,
    #[serde(default)]
    pub(super) noise: NoiseTable,
    #[serde(default)]
    pub(super) wall: WallTable,
    #[serde(default)]
    pub(super) check: Check,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeTable {
    #[serde(default)]
    pub(super) detail: Vec<String>,
    #[serde(default)]
    pub(super) list: Vec<String>,
    #[serde(default)]
    pub(super) part: Vec<String>,
    #[serde(default = "default_depth")]
    pub(super) max_depth: u32,
    #[serde(default = "default_list_pages")]
    pub(super) max_list_pages: u32,
}

impl Default for ScopeTable {
    fn default() -> Self {
        Self {
            detail: Vec::new(),
            list: Vec::new(),
            part: Vec::new(),
            max_depth: default_depth(),
            max_list_pages: default_list_pages(),
        }
    }
}

fn default_depth() -> u32 {
    1
}

fn default_list_pages() -> u32 {
    MAX_LIST_PAGES
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SelectorTable {
    pub(super) title: Vec<String>,
    pub(super) body: Vec<String>,
    pub(super) remove: Vec<String>,
    pub(super) published: Vec<String>,
    pub(super) views: Vec<String>,
    pub(super) author: Vec<String>,
    pub(super) source: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ScriptTable {
    pub(super) published: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NoiseTable {
    pub(super) lines: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WallTable {
    pub(super) marks: Vec<String>,
}

/// Turns the fields of one file into what they stand for, or says which of them is wrong.
pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
}

impl Reader<'_> {
    fn bad(&self, field: &'static str, reason: String) -> SiteError {
        SiteError::BadField {
            file: self.file.to_owned(),
            field,
            reason,
        }
    }

    pub(super) fn tables(&self, text: &str) -> Result<File, SiteError> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            SiteError::Malformed {
                file: self.file.to_owned(),
                line: 1 + before.map_or(0, |before| before.matches('\n').count()),
                reason: error.message().lines().collect::<Vec<_>>().join("; "),
            }
        })
    }

    pub(super) fn check_name(&self, name: &str) -> Result<(), SiteError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(allowed) {
            let reason = format!("{name:?} is not made of a-z, 0-9 and -");
            return Err(self.bad("name", reason));
        }
        Ok(())
    }

    pub(super) fn check_hosts(&self, hosts: &[String]) -> Result<(), SiteError> {
        if hosts.is_empty() {
            return Err(self.bad("hosts", "name at least one host".to_owned()));
        }
        for host in hosts {
            let bare = host.strip_prefix("*.").unwrap_or(host);
            let odd = |c: char| c.is_whitespace() || c.is_uppercase() || "*/@".contains(c);
            if bare.is_empty() || bare.contains(odd) {
                let reason = format!(
                    "{host:?} is neither a lower-case host nor *.host; leave out https:// and paths"
                );
                return Err(self.bad("hosts", reason));
            }
        }
        Ok(())
    }

    pub(super) fn check_share(&self, share: f64) -> Result<(), SiteError> {
        if (0.0..=1.0).contains(&share) {
            return Ok(());
        }
        Err(self.bad(
            "check.max_link_share",
            format!("{share} is not between 0 and 1"),
        ))
    }

    pub(super) fn patterns(
        &self,
        field: &'static str,
        given: &[String],
    ) -> Result<Vec<Regex>, SiteError> {
        let compile = |pattern: &String| {
            Regex::new(pattern).map_err(|error| {
                let reason = format!("'{pattern}' is no regular expression: {}", short(&error));
                self.bad(field, reason)
            })
        };
        given.iter().map(compile).collect()
    }

    /// A pattern that does not say where that which is looked for stands would be of no use.
    pub(super) fn patterns_of(
        &self,
        field: &'static str,
        given: &[String],
        group: &str,
    ) -> Result<Vec<Regex>, SiteError> {
        let patterns = self.patterns(field, given)?;
        for pattern in &patterns {
            if pattern.capture_names().flatten().all(|name| name != group) {
                let reason = format!("'{pattern}' must have a group (?P<{group}>…)");
                return Err(self.bad(field, reason));
            }
        }
        Ok(patterns)
    }

    pub(super) fn selectors(&self, given: &SelectorTable) -> Result<Selectors, SiteError> {
        Ok(Selectors {
            title: self.compile("selectors.title", &given.title)?,
            body: self.compile("selectors.body", &given.body)?,
            remove: self.compile("selectors.remove", &given.remove)?,
            published: self.compile("selectors.published", &given.published)?,
            views: self.compile("selectors.views", &given.views)?,
            author: self.compile("selectors.author", &given.author)?,
            source: self.compile("selectors.source", &given.source)?,
        })
    }

    fn compile(&self, field: &'static str, given: &[String]) -> Result<Vec<Selector>, SiteError> {
        let compile = |text: &String| {
            Selector::parse(text).map_err(|error| {
                let reason = format!("'{text}' is no CSS selector: {}", short(&error));
                self.bad(field, reason)
            })
        };
        given.iter().map(compile).collect()
    }
}

/// What is wrong, without the lines before it that show where: an error is one line.
fn short(error: &impl Display) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}
