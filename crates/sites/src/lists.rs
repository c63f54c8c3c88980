//! A list that goes on over several pages: which addresses are its pages.
//!
//! In: the address of one page of a list, and others. Out: whether they are pages of the same list, near
//! enough to its beginning. They lead as far as the first page does, so that what is submitted is the
//! list and not its first page. Fetches nothing.

use messages::CanonicalUrl;

use crate::parts::{Numbering, trs};
use crate::{Scope, Sites};

/// Pages of a list that count as the list, where no profile says it: the rest is a link deeper each.
pub(crate) const MAX_LIST_PAGES: u32 = 20;

impl Sites {
    /// Whether `page` belongs to the same list as `list`, and is one of its first pages.
    pub fn is_page_of_list(&self, page: &CanonicalUrl, list: &CanonicalUrl) -> bool {
        if page.host() != list.host() || self.scope_of_page(page) != Scope::List {
            return false;
        }
        let profile = self.for_host(&list.host());
        let max = profile.map_or(MAX_LIST_PAGES, |profile| profile.max_list_pages);
        let bases = Numbering::bases(list);
        let mut numbers = bases.iter().filter_map(|base| base.number_in(page));
        numbers.any(|number| number <= max)
    }
}

/// The next page of a list whose script writes the links (TRS): `index.html`, `index_1.html`, ….
pub fn next_page_of_list(list: &CanonicalUrl, script: &str) -> Option<CanonicalUrl> {
    let (num_pages, name, extension) = trs(script)?;
    let bases = Numbering::bases(list);
    let page = |number: u32| list.join(&format!("{name}_{number}.{extension}")).ok();
    let first = list.join(&format!("{name}.{extension}")).ok()?;
    let is_first = *list == first || list.as_url().path().ends_with('/');
    let number = if is_first {
        0
    } else {
        bases.iter().find_map(|base| base.number_in(list))?
    };
    let next = number + 1;
    (next < num_pages).then(|| page(next)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        text.parse().unwrap()
    }

    #[test]
    fn the_pages_of_a_list_are_told_from_other_lists() {
        let sites = Sites::empty();
        for (list, page, expected) in [
            ("https://a.cn/list.html", "https://a.cn/list_7.html", true),
            ("https://a.cn/list_2.html", "https://a.cn/list_3.html", true),
            (
                "https://a.cn/list_2.html",
                "https://a.cn/list_20.html",
                true,
            ),
            (
                "https://a.cn/list_2.html",
                "https://a.cn/list_21.html",
                false,
            ),
            ("https://a.cn/x/", "https://a.cn/x/index_1.html", true),
            (
                "https://a.cn/x/index_1.html",
                "https://a.cn/x/index_2.html",
                true,
            ),
            ("https://a.cn/list/2/", "https://a.cn/list/3/", true),
            ("https://a.cn/list/2.html", "https://a.cn/list/3.html", true),
            ("https://a.cn/list?page=2", "https://a.cn/list?page=3", true),
            ("https://a.cn/list", "https://a.cn/list?page=2", true),
            (
                "https://a.cn/list_2.html",
                "https://a.cn/lists_3.html",
                false,
            ),
            ("https://a.cn/list.html", "https://a.cn/tags_2.html", false),
            ("https://a.cn/list.html", "https://b.cn/list_2.html", false),
            ("https://a.cn/list.html", "https://a.cn/17_2.html", false),
        ] {
            let is_page = sites.is_page_of_list(&url(page), &url(list));
            assert_eq!(is_page, expected, "{list} {page}");
        }
    }

    #[test]
    fn a_list_without_links_to_its_pages_says_in_a_script_how_many_there_are() {
        let script = "createPageHTML(3, 0, \"index\", \"html\");";
        let next = |list: &str| next_page_of_list(&url(list), script).map(String::from);
        let page = |number: u32| Some(format!("https://a.cn/x/index_{number}.html"));
        assert_eq!(next("https://a.cn/x/"), page(1));
        assert_eq!(next("https://a.cn/x/index.html"), page(1));
        assert_eq!(next("https://a.cn/x/index_1.html"), page(2));
        assert_eq!(next("https://a.cn/x/index_2.html"), None);
        assert_eq!(
            next_page_of_list(&url("https://a.cn/x/"), "var a = 1"),
            None
        );
    }
}
