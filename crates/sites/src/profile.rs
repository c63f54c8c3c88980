//! One site as data: a TOML text goes in, a checked profile with compiled patterns comes out.
//!
//! Never touches a page: the extractor applies the selectors and the self-check.

use messages::{CanonicalUrl, Host};
use regex::Regex;
use scraper::Selector;
use serde::Deserialize;

use crate::{Scope, SiteError};

/// What is known of one site.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Short name: the record's `profile`.
    pub name: String,
    /// The site's name, as people write it.
    pub site_name: Option<String>,
    /// Where things stand on a page: hints, never the truth.
    pub selectors: Selectors,
    /// Whole lines that are no part of a text.
    pub noise: Vec<Regex>,
    /// Words that say that the rest is behind a login or a payment.
    pub wall_marks: Vec<String>,
    /// What the selectors must find, lest the profile counts as broken.
    pub check: Check,
    /// Links followed from a submitted page.
    pub max_depth: u32,
    /// Where the profile came from, for messages.
    pub(crate) file: String,
    pub(crate) hosts: Vec<String>,
    detail: Vec<Regex>,
    list: Vec<Regex>,
    part: Vec<Regex>,
}

/// Selectors in order of preference; the first that finds text wins.
#[derive(Debug, Clone, Default)]
pub struct Selectors {
    /// The title.
    pub title: Vec<Selector>,
    /// The element that holds the text.
    pub body: Vec<Selector>,
    /// Subtrees of the body that are no text.
    pub remove: Vec<Selector>,
    /// The time of publication.
    pub published: Vec<Selector>,
    /// The view counter.
    pub views: Vec<Selector>,
    /// The author.
    pub author: Vec<Selector>,
    /// The source.
    pub source: Vec<Selector>,
}

/// The self-check of a profile on one page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The body has at least so many characters, white space not counted.
    #[serde(default)]
    pub min_chars: usize,
    /// Links hold at most this share of the body.
    #[serde(default = "default_link_share")]
    pub max_link_share: f64,
    /// A title must be found.
    #[serde(default)]
    pub needs_title: bool,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            min_chars: 0,
            max_link_share: default_link_share(),
            needs_title: false,
        }
    }
}

fn default_link_share() -> f64 {
    0.3
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    site_name: Option<String>,
    hosts: Vec<String>,
    #[serde(default)]
    scope: ScopeTable,
    #[serde(default)]
    selectors: SelectorTable,
    #[serde(default)]
    noise: NoiseTable,
    #[serde(default)]
    wall: WallTable,
    #[serde(default)]
    check: Check,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeTable {
    #[serde(default)]
    detail: Vec<String>,
    #[serde(default)]
    list: Vec<String>,
    #[serde(default)]
    part: Vec<String>,
    #[serde(default = "default_depth")]
    max_depth: u32,
}

impl Default for ScopeTable {
    fn default() -> Self {
        Self {
            detail: Vec::new(),
            list: Vec::new(),
            part: Vec::new(),
            max_depth: default_depth(),
        }
    }
}

fn default_depth() -> u32 {
    1
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SelectorTable {
    title: Vec<String>,
    body: Vec<String>,
    remove: Vec<String>,
    published: Vec<String>,
    views: Vec<String>,
    author: Vec<String>,
    source: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NoiseTable {
    lines: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WallTable {
    marks: Vec<String>,
}

impl Profile {
    /// Reads a profile; `file` is only named in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, SiteError> {
        let given: File = toml::from_str(text).map_err(|source| SiteError::Malformed {
            file: file.to_owned(),
            source: Box::new(source),
        })?;
        let reader = Reader { file };
        reader.check_name(&given.name)?;
        reader.check_hosts(&given.hosts)?;
        reader.check_share(given.check.max_link_share)?;
        Ok(Self {
            name: given.name,
            site_name: given.site_name,
            hosts: given.hosts,
            detail: reader.patterns("scope.detail", &given.scope.detail)?,
            list: reader.patterns("scope.list", &given.scope.list)?,
            part: reader.patterns("scope.part", &given.scope.part)?,
            max_depth: given.scope.max_depth,
            selectors: reader.selectors(&given.selectors)?,
            noise: reader.patterns("noise.lines", &given.noise.lines)?,
            wall_marks: given.wall.marks,
            check: given.check,
            file: file.to_owned(),
        })
    }

    /// Whether the profile is for this host, given with or without its port.
    pub fn covers(&self, host: &Host) -> bool {
        self.hosts.iter().any(|pattern| covers(pattern, host))
    }

    /// What a page is to this site, by its address alone.
    pub fn in_scope(&self, url: &CanonicalUrl) -> Scope {
        if !self.covers(&url.host()) {
            return Scope::Out;
        }
        let path = path_and_query(url);
        if self.detail.iter().any(|pattern| pattern.is_match(path)) {
            Scope::Detail
        } else if self.list.iter().any(|pattern| pattern.is_match(path)) {
            Scope::List
        } else {
            Scope::Out
        }
    }

    /// Which part of an article a page is, by its address: the group `part` of the patterns.
    pub(crate) fn part_number(&self, url: &CanonicalUrl) -> Option<u32> {
        let path = path_and_query(url);
        let found = self.part.iter().find_map(|p| p.captures(path))?;
        found.name("part")?.as_str().parse().ok()
    }

    /// Whether its articles come in parts whose addresses it knows.
    pub(crate) fn knows_parts(&self) -> bool {
        !self.part.is_empty()
    }

    /// The library's own number of a detail page.
    pub fn source_id(&self, url: &CanonicalUrl) -> Option<String> {
        let path = path_and_query(url);
        let found = self.detail.iter().find_map(|p| p.captures(path))?;
        Some(found.name("source_id")?.as_str().to_owned())
    }
}

fn covers(pattern: &str, host: &Host) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.name().ends_with(suffix),
        None => pattern == host.as_str() || pattern == host.name(),
    }
}

fn path_and_query(url: &CanonicalUrl) -> &str {
    &url.as_url()[url::Position::BeforePath..url::Position::AfterQuery]
}

/// Turns the fields of one file into what they stand for, or says which of them is wrong.
struct Reader<'a> {
    file: &'a str,
}

impl Reader<'_> {
    fn bad(&self, field: &'static str, reason: String) -> SiteError {
        SiteError::BadField {
            file: self.file.to_owned(),
            field,
            reason,
        }
    }

    fn check_name(&self, name: &str) -> Result<(), SiteError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(allowed) {
            let reason = format!("{name:?} is not made of a-z, 0-9 and -");
            return Err(self.bad("name", reason));
        }
        Ok(())
    }

    fn check_hosts(&self, hosts: &[String]) -> Result<(), SiteError> {
        if hosts.is_empty() {
            return Err(self.bad("hosts", "a profile needs a host".to_owned()));
        }
        for host in hosts {
            let bare = host.strip_prefix("*.").unwrap_or(host);
            let odd = |c: char| c.is_whitespace() || c.is_uppercase() || "*/@".contains(c);
            if bare.is_empty() || bare.contains(odd) {
                let reason = format!("{host:?} is neither a lower-case host nor *.host");
                return Err(self.bad("hosts", reason));
            }
        }
        Ok(())
    }

    fn check_share(&self, share: f64) -> Result<(), SiteError> {
        if (0.0..=1.0).contains(&share) {
            return Ok(());
        }
        Err(self.bad(
            "check.max_link_share",
            format!("{share} is not between 0 and 1"),
        ))
    }

    fn patterns(&self, field: &'static str, given: &[String]) -> Result<Vec<Regex>, SiteError> {
        let compile = |pattern: &String| {
            Regex::new(pattern).map_err(|error| self.bad(field, format!("{pattern:?}: {error}")))
        };
        given.iter().map(compile).collect()
    }

    fn selectors(&self, given: &SelectorTable) -> Result<Selectors, SiteError> {
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
            Selector::parse(text).map_err(|error| self.bad(field, format!("{text:?}: {error}")))
        };
        given.iter().map(compile).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        name = "library"
        hosts = ["*.wenku.example", "127.0.0.1:8080"]
        [scope]
        detail = ['^/a/(?P<source_id>\d+)\.html$']
        list = ['^/list']
    "#;

    fn url(text: &str) -> CanonicalUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_host_is_matched_exactly_or_by_its_suffix() {
        let profile = Profile::parse("small.toml", SMALL).unwrap();
        for (given, expected) in [
            ("https://www.wenku.example/", true),
            ("https://wenku.example/", false),
            ("https://evilwenku.example/", false),
            ("http://127.0.0.1:8080/", true),
            ("http://127.0.0.1:8081/", false),
        ] {
            assert_eq!(profile.covers(&url(given).host()), expected, "{given}");
        }
    }

    #[test]
    fn addresses_tell_details_from_lists() {
        let profile = Profile::parse("small.toml", SMALL).unwrap();
        let detail = url("https://www.wenku.example/a/17.html");
        assert_eq!(profile.in_scope(&detail), Scope::Detail);
        assert_eq!(profile.source_id(&detail).as_deref(), Some("17"));
        let list = url("https://www.wenku.example/list?page=2");
        assert_eq!(profile.in_scope(&list), Scope::List);
        let other = url("https://other.example/a/17.html");
        assert_eq!(profile.in_scope(&other), Scope::Out);
    }

    #[test]
    fn each_mistake_names_the_file_and_the_field() {
        for (text, code, words) in [
            ("name = ", "profile_malformed", "bad.toml"),
            ("name = \"a\"\nhosts = []", "profile_bad_field", "hosts"),
            (
                "name = \"A b\"\nhosts = [\"a.cn\"]",
                "profile_bad_field",
                "name",
            ),
            (
                "name = \"a\"\nhosts = [\"a.cn\"]\n[scope]\ndetail = [\"(\"]",
                "profile_bad_field",
                "scope.detail",
            ),
            (
                "name = \"a\"\nhosts = [\"a.cn\"]\n[selectors]\nbody = [\"[[\"]",
                "profile_bad_field",
                "selectors.body",
            ),
            (
                "name = \"a\"\nhosts = [\"a.cn\"]\n[selectors]\nbdy = [\"p\"]",
                "profile_malformed",
                "bad.toml",
            ),
        ] {
            let error = Profile::parse("bad.toml", text).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            let shown = error.to_string();
            assert!(
                shown.contains("bad.toml") && shown.contains(words),
                "{shown}"
            );
        }
    }
}
