//! All profiles by host: the built-in ones, with the operator's folder on top.
//!
//! Also the policy for hosts that no profile covers. Reads files once, at the start, and never later.

use std::path::Path;

use messages::{CanonicalUrl, Host};

use crate::{Profile, Scope, SiteError, scope};

macro_rules! builtin {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../profiles/", $file)))),*]
    };
}

const BUILTIN: [(&str, &str); 8] = builtin![
    "ccdi.toml",
    "govcn.toml",
    "jhsjk.toml",
    "people.toml",
    "trs.toml",
    "weixin.toml",
    "xiebiwenku.toml",
    "xinhua.toml",
];

/// Links followed from a submitted page of a host that no profile covers.
const UNKNOWN_DEPTH: u32 = 1;

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
    /// the built-in one, and a host that both name belongs to the folder's.
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

    /// The profile for a host: one that names it beats one that names a suffix of it, a longer suffix
    /// beats a shorter one, and of two that fit alike the preferred one is taken.
    pub fn for_host(&self, host: &Host) -> Option<&Profile> {
        let fits = |profile: &'_ &Profile| profile.fit(host);
        let fitting = self
            .profiles
            .iter()
            .filter(|profile| fits(profile).is_some());
        // Of equals the last is taken, hence backwards.
        fitting.rev().max_by_key(fits)
    }

    /// What a link is to the page it stands on. `on_list` says whether that page leads to texts:
    /// where no profile knows the site, only the links of such a page are followed, and not beyond
    /// its host.
    pub fn scope_of_link(
        &self,
        link: &CanonicalUrl,
        found_on: &CanonicalUrl,
        on_list: bool,
    ) -> Scope {
        let profile = self.for_host(&found_on.host());
        let is_in = match profile.filter(|profile| !profile.is_family) {
            Some(profile) => profile.covers(&link.host()),
            None => on_list && link.host() == found_on.host(),
        };
        if is_in {
            self.scope_to_follow(link)
        } else {
            Scope::Out
        }
    }

    /// What a page is that a sitemap or a feed names: such a file speaks for its own site, and where
    /// a profile covers it, for whatever else that covers.
    /// Source: the protocol of sitemaps.org, "Sitemap file location".
    pub fn scope_of_named(&self, named: &CanonicalUrl, named_by: &CanonicalUrl) -> Scope {
        if self.may_name_sitemap(named, named_by) {
            self.scope_to_follow(named)
        } else {
            Scope::Out
        }
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
        scope::is_sitemap(url)
    }

    /// What a page is, by its address alone: known where a profile covers the host, else a guess. On
    /// a host of a family, what no pattern knows is out of scope, lest a guess be taken for knowledge.
    pub fn scope_of_page(&self, page: &CanonicalUrl) -> Scope {
        match self.for_host(&page.host()) {
            Some(profile) => profile.known_scope(page),
            None => scope::guess(page),
        }
    }

    fn scope_to_follow(&self, url: &CanonicalUrl) -> Scope {
        match self.for_host(&url.host()) {
            Some(profile) => profile.in_scope(url),
            None => scope::guess(url),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        text.parse().unwrap()
    }

    /// Profiles of these hosts, each named by its place.
    fn of_hosts(hosts: &[&str]) -> Sites {
        let parse = |(place, host): (usize, &&str)| {
            let text = format!("name = \"p{place}\"\nhosts = [\"{host}\"]");
            Profile::parse("test.toml", &text).unwrap()
        };
        Sites::of(hosts.iter().enumerate().map(parse).collect())
    }

    #[test]
    fn a_whole_host_beats_a_suffix_a_longer_suffix_a_shorter_and_the_first_an_equal_one() {
        let hosts = ["*.cn", "*.a.cn", "www.a.cn", "www.a.cn", "*.a.cn"];
        let sites = of_hosts(&hosts);
        let name = |at: &str| Some(sites.for_host(&url(at).host())?.name.clone());
        assert_eq!(name("https://www.a.cn/").as_deref(), Some("p2"));
        assert_eq!(name("https://b.a.cn/").as_deref(), Some("p1"));
        assert_eq!(name("https://b.cn/").as_deref(), Some("p0"));
        assert_eq!(name("https://b.com/"), None);
    }

    #[test]
    fn a_link_between_hosts_of_one_site_is_judged_by_the_profile_of_its_own_host() {
        let wide = "name = \"wide\"\nhosts = [\"*.a.cn\"]\n[scope]\ndetail = ['^/d/']";
        let narrow = "name = \"narrow\"\nhosts = [\"b.a.cn\"]\n[scope]\ndetail = ['^/e/']";
        let parse = |text: &str| Profile::parse("test.toml", text).unwrap();
        let sites = Sites::of(vec![parse(wide), parse(narrow)]);
        let page = url("https://www.a.cn/");
        let scope = |link: &str| sites.scope_of_link(&url(link), &page, false);
        assert_eq!(scope("https://c.a.cn/d/1"), Scope::Detail);
        assert_eq!(scope("https://b.a.cn/d/1"), Scope::Out);
        assert_eq!(scope("https://b.a.cn/e/1"), Scope::Detail);
    }

    #[test]
    fn every_profile_of_the_folder_comes_with_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
        let files = std::fs::read_dir(folder).unwrap();
        let is_profile = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "toml");
        let found = files.map(|entry| entry.unwrap().path()).filter(is_profile);
        assert_eq!(found.count(), BUILTIN.len());
        assert_eq!(Sites::builtin().profiles.len(), BUILTIN.len());
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
