//! One site as data: a TOML text goes in, a checked profile with compiled patterns comes out.
//!
//! Never touches a page: the extractor applies the selectors and the self-check.

mod file;

use messages::{CanonicalUrl, Host};
use regex::Regex;
use scraper::Selector;
use serde::Deserialize;

use crate::{Scope, SiteError, scope};
use file::{File, Reader};

/// What is known of one site.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Short name: the record's `profile`.
    pub name: String,
    /// The site's name, as people write it.
    pub site_name: Option<String>,
    /// Where things stand on a page: hints, never the truth.
    pub selectors: Selectors,
    /// Where the time of publication stands in a script: the group `time`, as a date or in seconds.
    pub script_times: Vec<Regex>,
    /// Whole lines that are no part of a text.
    pub noise: Vec<Regex>,
    /// Words that say that the rest is behind a login or a payment.
    pub wall_marks: Vec<String>,
    /// What the selectors must find, lest the profile counts as broken.
    pub check: Check,
    /// Links followed from a submitted page.
    pub max_depth: u32,
    /// Pages of a list that lead as far as its first one.
    pub max_list_pages: u32,
    /// Where the profile came from, for messages.
    pub(crate) file: String,
    pub(crate) hosts: Vec<String>,
    /// Its hosts are many sites with one publishing system, not one site with many hosts.
    pub(crate) is_family: bool,
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

impl Profile {
    /// Reads a profile; `file` is only named in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, SiteError> {
        let reader = Reader { file };
        let given: File = reader.tables(text)?;
        reader.check_name(&given.name)?;
        reader.check_hosts(&given.hosts)?;
        reader.check_share(given.check.max_link_share)?;
        Ok(Self {
            name: given.name,
            site_name: given.site_name,
            hosts: given.hosts,
            is_family: given.family,
            detail: reader.patterns("scope.detail", &given.scope.detail)?,
            list: reader.patterns("scope.list", &given.scope.list)?,
            part: reader.patterns_of("scope.part", &given.scope.part, "part")?,
            max_depth: given.scope.max_depth,
            max_list_pages: given.scope.max_list_pages,
            selectors: reader.selectors(&given.selectors)?,
            script_times: reader.patterns_of(
                "scripts.published",
                &given.scripts.published,
                "time",
            )?,
            noise: reader.patterns("noise.lines", &given.noise.lines)?,
            wall_marks: given.wall.marks,
            check: given.check,
            file: file.to_owned(),
        })
    }

    /// Whether a host, with or without its port, is of the profile's site. A family has no such
    /// site: each of its hosts is one of its own.
    pub fn covers(&self, host: &Host) -> bool {
        !self.is_family && self.fit(host).is_some()
    }

    /// How well the profile fits a host: the whole host best, then the longest suffix.
    pub(crate) fn fit(&self, host: &Host) -> Option<usize> {
        let fits = self.hosts.iter().filter_map(|pattern| fit(pattern, host));
        fits.max()
    }

    /// What a page is to this site, by its address alone. On a host of a family the patterns don't
    /// know every address: the others are guessed at, as on a host without a profile.
    pub fn in_scope(&self, url: &CanonicalUrl) -> Scope {
        match self.known_scope(url) {
            Scope::Out if self.is_family && self.fit(&url.host()).is_some() => scope::guess(url),
            known => known,
        }
    }

    /// The same by the patterns only.
    pub(crate) fn known_scope(&self, url: &CanonicalUrl) -> Scope {
        if self.fit(&url.host()).is_none() {
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

fn fit(pattern: &str, host: &Host) -> Option<usize> {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.name().ends_with(suffix).then_some(suffix.len()),
        None => (pattern == host.as_str() || pattern == host.name()).then_some(usize::MAX),
    }
}

fn path_and_query(url: &CanonicalUrl) -> &str {
    &url.as_url()[url::Position::BeforePath..url::Position::AfterQuery]
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
            (
                "name = \"a\"\nhosts = [\"a.cn\"]\n[scope]\npart = ['_(\\d+)']",
                "profile_bad_field",
                "(?P<part>",
            ),
        ] {
            let error = Profile::parse("bad.toml", text).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            let shown = error.to_string();
            assert!(
                shown.contains("bad.toml") && shown.contains(words),
                "{shown}"
            );
            assert!(!shown.contains('\n'), "{shown}");
        }
    }

    #[test]
    fn on_a_family_an_address_that_no_pattern_knows_is_guessed_at() {
        let text = SMALL.replace("[scope]", "family = true\n[scope]");
        let family = Profile::parse("family.toml", &text).unwrap();
        let other = url("https://www.wenku.example/b/17.html");
        assert_eq!(family.in_scope(&other), Scope::Detail);
        assert_eq!(family.known_scope(&other), Scope::Out);
        assert!(!family.covers(&other.host()), "it is a site of its own");
        let foreign = url("https://other.example/b/17.html");
        assert_eq!(family.in_scope(&foreign), Scope::Out);
    }
}
