//! All profiles by host: the built-in ones, with the operator's folder on top.
//!
//! Also the policy for hosts that no profile covers. Reads files once, at the start, and never later.

use std::path::Path;

use messages::{CanonicalUrl, Host};

use crate::{Profile, SiteError};

const BUILTIN: [(&str, &str); 1] = [(
    "xiebiwenku.toml",
    include_str!("../profiles/xiebiwenku.toml"),
)];

/// Links followed from a submitted page of a host that no profile covers.
const UNKNOWN_DEPTH: u32 = 1;

/// Files that hold no page.
const NO_PAGE: [&str; 44] = [
    "7z", "apk", "avi", "bmp", "bz2", "css", "csv", "doc", "docx", "exe", "flv", "gif", "gz",
    "ico", "iso", "jpeg", "jpg", "js", "json", "m3u8", "m4a", "mov", "mp3", "mp4", "mpg", "msi",
    "ofd", "pdf", "png", "pps", "ppt", "pptx", "rar", "rss", "svg", "swf", "tar", "tif", "txt",
    "webp", "wps", "xls", "xlsx", "zip",
];

/// First path segments, or names of pages, that lead to no text.
const NO_TEXT: [&str; 14] = [
    "about", "cart", "contact", "feedback", "help", "login", "logout", "member", "passport", "reg",
    "register", "search", "signin", "user",
];

/// Path segments, without numbers, of pages that lead to texts.
const LISTS: [&str; 14] = [
    "cate", "category", "channel", "class", "column", "index", "label", "list", "lists", "node",
    "page", "sort", "tag", "tags",
];

/// Where a host says what may be crawled (RFC 9309, section 2.3).
const ROBOTS_TXT: &str = "/robots.txt";

/// What a page is, by its address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Holds a text.
    Detail,
    /// Leads to texts.
    List,
    /// Neither, or of another site.
    Out,
}

/// The profiles that are known, the preferred first.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    profiles: Vec<Profile>,
}

impl Sites {
    /// No profile at all: every host is unknown.
    pub fn empty() -> Self {
        Self::default()
    }

    /// These profiles and no others, the preferred first.
    pub fn of(profiles: Vec<Profile>) -> Self {
        Self { profiles }
    }

    /// The profiles that come with the program.
    pub fn builtin() -> Self {
        let parse = |(file, text): &(&str, &str)| {
            Profile::parse(file, text).expect("the built-in profiles are checked by a test")
        };
        Self {
            profiles: BUILTIN.iter().map(parse).collect(),
        }
    }

    /// The built-in profiles, with every `*.toml` of a folder on top: one of the same name replaces
    /// the built-in one, and a host in both belongs to the folder's.
    pub fn load(folder: &Path) -> Result<Self, SiteError> {
        let unreadable = |path: &Path, source| SiteError::Unreadable {
            file: path.display().to_string(),
            source,
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
            let path = entry.map_err(|e| unreadable(folder, e))?.path();
            if path.extension().is_some_and(|e| e == "toml") {
                files.push(path);
            }
        }
        // The order of a folder is the file system's own; errors and precedence must not depend on it.
        files.sort();
        let mut profiles: Vec<Profile> = Vec::new();
        for path in &files {
            let text = std::fs::read_to_string(path).map_err(|e| unreadable(path, e))?;
            let profile = Profile::parse(&path.display().to_string(), &text)?;
            refuse_twice(&profiles, &profile)?;
            profiles.push(profile);
        }
        for builtin in Self::builtin().profiles {
            if profiles.iter().all(|p| p.name != builtin.name) {
                profiles.push(builtin);
            }
        }
        Ok(Self { profiles })
    }

    /// The profile that covers a host.
    pub fn for_host(&self, host: &Host) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.covers(host))
    }

    /// What a link is to the page it stands on. `on_list` says whether that page leads to texts:
    /// on a host that no profile covers, only the links of such a page are followed.
    pub fn scope_of_link(
        &self,
        link: &CanonicalUrl,
        found_on: &CanonicalUrl,
        on_list: bool,
    ) -> Scope {
        if let Some(profile) = self.for_host(&found_on.host()) {
            return profile.in_scope(link);
        }
        if !on_list || link.host() != found_on.host() {
            return Scope::Out;
        }
        unknown_scope(link)
    }

    /// What a page is that a sitemap or a feed names: such a file speaks for its own site, and where
    /// a profile covers it, for whatever else that covers.
    /// Source: the protocol of sitemaps.org, "Sitemap file location".
    pub fn scope_of_named(&self, named: &CanonicalUrl, named_by: &CanonicalUrl) -> Scope {
        if is_same_site(named, named_by) {
            return self.scope_of_page(named);
        }
        let profile = self.for_host(&named_by.host());
        profile.map_or(Scope::Out, |profile| profile.in_scope(named))
    }

    /// Whether a sitemap may lead to this one.
    pub fn may_name_sitemap(&self, named: &CanonicalUrl, named_by: &CanonicalUrl) -> bool {
        let profile = self.for_host(&named_by.host());
        is_same_site(named, named_by)
            || profile.is_some_and(|profile| profile.covers(&named.host()))
    }

    /// Whether an address is that of a sitemap, a feed or a robots.txt. These lead to all of a site,
    /// so pages don't lead to them: they are submitted, or named by one another.
    pub fn is_sitemap(url: &CanonicalUrl) -> bool {
        let url = url.as_url();
        let path = url.path().to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
        let named = |text: &str| text.to_ascii_lowercase().contains("sitemap");
        path == ROBOTS_TXT
            || ends(&[".xml", ".xml.gz"])
            || ((named(&path) || url.query().is_some_and(named))
                && !ends(&[".html", ".htm", ".shtml"]))
    }

    /// What a page is, by its address alone: known where a profile covers the host, else a guess.
    pub fn scope_of_page(&self, page: &CanonicalUrl) -> Scope {
        match self.for_host(&page.host()) {
            Some(profile) => profile.in_scope(page),
            None => unknown_scope(page),
        }
    }

    /// Links followed from a submitted page of this host.
    pub fn max_depth(&self, host: &Host) -> u32 {
        self.for_host(host)
            .map_or(UNKNOWN_DEPTH, |profile| profile.max_depth)
    }
}

fn refuse_twice(seen: &[Profile], new: &Profile) -> Result<(), SiteError> {
    for old in seen {
        let host = new.hosts.iter().find(|host| old.hosts.contains(host));
        let what = match host {
            Some(host) => format!("the host {host}"),
            None if old.name == new.name => format!("the name {}", old.name),
            None => continue,
        };
        return Err(SiteError::Twice {
            file: new.file.clone(),
            what,
            other: old.file.clone(),
        });
    }
    Ok(())
}

/// `www.` is the same site with a prefix.
fn is_same_site(one: &CanonicalUrl, other: &CanonicalUrl) -> bool {
    let (one, other) = (one.host(), other.host());
    let bare = |host: &Host| host.as_str().trim_start_matches("www.").to_owned();
    bare(&one) == bare(&other)
}

/// A number in the last segment or in the query is how libraries and news sites name their texts.
fn unknown_scope(url: &CanonicalUrl) -> Scope {
    if Sites::is_sitemap(url) {
        return Scope::Out;
    }
    let url = url.as_url();
    let segments: Vec<&str> = url
        .path_segments()
        .into_iter()
        .flatten()
        .filter(|segment| !segment.is_empty())
        .collect();
    let first = segments.first().copied().unwrap_or_default();
    let last = segments.last().copied().unwrap_or_default();
    let (name, extension) = last.rsplit_once('.').unwrap_or((last, ""));
    let is = |list: &[&str], word: &str| list.contains(&word.to_ascii_lowercase().as_str());
    if is(&NO_PAGE, extension) || is(&NO_TEXT, first) || is(&NO_TEXT, name) {
        return Scope::Out;
    }
    let numbered = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let leads_on = |segment: &&str| {
        let word = segment.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
        is(
            &LISTS,
            word.split(['_', '-', '.']).next().unwrap_or_default(),
        )
    };
    let is_list = segments.iter().any(leads_on) || leads_on(&name);
    if !is_list && (numbered(name) || url.query().is_some_and(numbered)) {
        Scope::Detail
    } else {
        Scope::List
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        text.parse().unwrap()
    }

    #[test]
    fn the_built_in_profiles_are_sound() {
        assert_eq!(Sites::builtin().profiles.len(), BUILTIN.len());
        let sites = Sites::builtin();
        let detail = url("https://www.xiebiwenku.com/index/article/detail/detail_id/1.html");
        let profile = sites.for_host(&detail.host()).unwrap();
        assert_eq!(profile.in_scope(&detail), Scope::Detail);
        assert_eq!(profile.source_id(&detail).as_deref(), Some("1"));
        for list in ["/", "/index/article/lists/cate_id/3.html"] {
            let list = detail.join(list).unwrap();
            assert_eq!(profile.in_scope(&list), Scope::List, "{list}");
        }
        for out in [
            "/index/login/index.html",
            "/index/search/index/keyword/1.html",
        ] {
            assert_eq!(profile.in_scope(&detail.join(out).unwrap()), Scope::Out);
        }
    }

    #[test]
    fn on_an_unknown_host_only_a_list_leads_on_and_only_to_the_same_host() {
        let sites = Sites::empty();
        let list = url("https://a.example/list.html");
        let scope = |link: &str, on_list| sites.scope_of_link(&url(link), &list, on_list);
        assert_eq!(scope("https://a.example/2024/17.html", true), Scope::Detail);
        assert_eq!(scope("https://a.example/view?id=17", true), Scope::Detail);
        assert_eq!(scope("https://a.example/speeches/", true), Scope::List);
        assert_eq!(scope("https://a.example/list_2.html", true), Scope::List);
        assert_eq!(scope("https://a.example/list/2.html", true), Scope::List);
        assert_eq!(
            scope("https://a.example/listed/2.html", true),
            Scope::Detail
        );
        assert_eq!(scope("https://a.example/2024/17.html", false), Scope::Out);
        assert_eq!(scope("https://b.example/2024/17.html", true), Scope::Out);
        assert_eq!(scope("https://a.example/17.pdf", true), Scope::Out);
        assert_eq!(scope("https://a.example/login.html", true), Scope::Out);
        assert_eq!(sites.max_depth(&list.host()), 1);
    }

    #[test]
    fn a_sitemap_speaks_for_its_own_site() {
        let sites = Sites::empty();
        let scope =
            |named: &str| sites.scope_of_named(&url(named), &url("https://a.example/sitemap.xml"));
        for (named, expected) in [
            ("https://a.example/2024/17.html", Scope::Detail),
            ("http://www.a.example/speeches/", Scope::List),
            ("https://b.example/2024/17.html", Scope::Out),
            ("https://news.a.example/2024/17.html", Scope::Out),
            ("https://a.example/2024/17.pdf", Scope::Out),
            ("https://a.example/login", Scope::Out),
            ("https://a.example/sitemap-2.xml", Scope::Out),
        ] {
            assert_eq!(scope(named), expected, "{named}");
        }

        let sites = Sites::builtin();
        let map = url("https://www.xiebiwenku.com/sitemap.xml");
        let scope = |named: &str| sites.scope_of_named(&map.join(named).unwrap(), &map);
        let detail = "/index/article/detail/detail_id/1.html";
        assert_eq!(scope(detail), Scope::Detail);
        assert_eq!(scope("/2024/17.html"), Scope::Out);
    }

    #[test]
    fn sitemaps_are_told_from_pages_by_their_address() {
        for (path, expected) in [
            ("/robots.txt", true),
            ("/sitemap.xml", true),
            ("/posts-2.XML.gz", true),
            ("/sitemap.txt", true),
            ("/sitemap/2", true),
            ("/?sitemap=2", true),
            ("/sitemap.html", false),
            ("/2024/17.html", false),
            ("/notes/robots.txt", false),
            ("/archive.gz", false),
        ] {
            let url = url("https://a.example/").join(path).unwrap();
            assert_eq!(Sites::is_sitemap(&url), expected, "{path}");
        }
    }

    #[test]
    fn a_folder_goes_on_top_of_the_built_in_profiles() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write(
            "demo.toml",
            "name = \"demo\"\nhosts = [\"127.0.0.1:8080\"]\n",
        )
        .unwrap();
        write("notes.txt", "no profile").unwrap();
        let sites = Sites::load(folder.path()).unwrap();
        let name = |at: &str| Some(sites.for_host(&url(at).host())?.name.clone());
        assert_eq!(name("http://127.0.0.1:8080/").as_deref(), Some("demo"));
        assert_eq!(
            name("https://www.xiebiwenku.com/").as_deref(),
            Some("xiebiwenku")
        );
        assert_eq!(name("https://a.example/"), None);

        write(
            "other.toml",
            "name = \"other\"\nhosts = [\"127.0.0.1:8080\"]\n",
        )
        .unwrap();
        let error = Sites::load(folder.path()).unwrap_err();
        assert_eq!(error.code(), "profile_twice");
        assert!(error.to_string().contains("other.toml"), "{error}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let error = Sites::load(Path::new("no-such-folder")).unwrap_err();
        assert_eq!(error.code(), "profile_unreadable");
    }
}
