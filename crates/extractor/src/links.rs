//! The links of a page: those in scope, to texts first, then in the page's order, none twice; and how
//! many are not.

use std::collections::HashSet;

use messages::CanonicalUrl;
use scraper::{Html, Node};
use sites::{Scope, Sites};

/// Links taken from one page, at most.
const MAX_LINKS: usize = 2_000;

/// What a page leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// Those to texts first, then in the page's order.
    pub(crate) in_scope: Vec<CanonicalUrl>,
    /// Pages of the web that are not followed from here.
    pub(crate) num_out_of_scope: u32,
}

impl Links {
    /// The links of an HTML page. `on_list`: the page leads to texts.
    pub(crate) fn of(page: &CanonicalUrl, html: &Html, sites: &Sites, on_list: bool) -> Self {
        let base = base_of(page, html);
        let mut seen = HashSet::new();
        let references = anchors(html).map(|(href, _)| href);
        let references = references.filter(|&href| seen.insert(href));
        let links = references.filter_map(|href| base.join(href).ok());
        let links = links.chain(on_list.then(|| next_page(page, html)).flatten());
        Self::sorted(page, links, MAX_LINKS, |link| {
            sites.scope_of_link(link, page, on_list)
        })
    }

    /// Each once, the page itself left out; at most so many that are in scope.
    pub(crate) fn sorted(
        page: &CanonicalUrl,
        links: impl Iterator<Item = CanonicalUrl>,
        max: usize,
        scope: impl Fn(&CanonicalUrl) -> Scope,
    ) -> Self {
        let mut seen = HashSet::from([page.clone()]);
        let (mut details, mut lists, mut num_out_of_scope) = (Vec::new(), Vec::new(), 0);
        for link in links {
            if !seen.insert(link.clone()) {
                continue;
            }
            match scope(&link) {
                Scope::Detail => details.push(link),
                Scope::List => lists.push(link),
                Scope::Out => num_out_of_scope += 1,
            }
        }
        details.append(&mut lists);
        details.truncate(max);
        Self {
            in_scope: details,
            num_out_of_scope,
        }
    }
}

/// The next page of a list, where a script writes the links to it.
fn next_page(page: &CanonicalUrl, html: &Html) -> Option<CanonicalUrl> {
    let scripts = html.tree.nodes().filter(|node| {
        let element = node.value().as_element();
        element.is_some_and(|element| element.name() == "script")
    });
    let mut texts = scripts.flat_map(|script| script.children());
    texts.find_map(|node| sites::next_page_of_list(page, node.value().as_text()?))
}

fn base_of(page: &CanonicalUrl, html: &Html) -> CanonicalUrl {
    let elements = html.tree.values().filter_map(Node::as_element);
    let base = elements
        .filter(|element| element.name() == "base")
        .find_map(|element| element.attr("href"));
    base.and_then(|href| page.join(href).ok())
        .unwrap_or_else(|| page.clone())
}

/// The references of all anchors that lead somewhere, with their node, in the page's order.
pub(crate) fn anchors(html: &Html) -> impl Iterator<Item = (&str, ego_tree::NodeRef<'_, Node>)> {
    html.tree.nodes().filter_map(|node| {
        let element = node.value().as_element()?;
        if element.name() != "a" {
            return None;
        }
        let href = element.attr("href")?.trim();
        let leads = !href.is_empty() && !href.starts_with('#');
        leads.then_some((href, node))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_come_first_and_nothing_twice() {
        let page: CanonicalUrl = "https://a.example/speeches/".parse().unwrap();
        let html = Html::parse_document(
            "<a href='more/'>更多</a><a href='1.html'>一</a><a href='./1.html#top'>一</a>\
             <a href='javascript:;'>登录</a><a href='https://b.example/2.html'>二</a><a href='#'>顶</a>\
             <a href='/speeches/'>本页</a>",
        );
        let links = Links::of(&page, &html, &Sites::empty(), true);
        let found: Vec<&str> = links.in_scope.iter().map(CanonicalUrl::as_str).collect();
        assert_eq!(
            found,
            [
                "https://a.example/speeches/1.html",
                "https://a.example/speeches/more/"
            ]
        );
        assert_eq!(links.num_out_of_scope, 1);
        let closed = Links::of(&page, &html, &Sites::empty(), false);
        assert_eq!((closed.in_scope.len(), closed.num_out_of_scope), (0, 3));
    }

    #[test]
    fn a_base_element_moves_the_references() {
        let page: CanonicalUrl = "https://a.example/speeches/".parse().unwrap();
        let html = Html::parse_document("<base href='/texts/'><a href='1.html'>一</a>");
        let found = Links::of(&page, &html, &Sites::empty(), true).in_scope;
        assert_eq!(found[0].as_str(), "https://a.example/texts/1.html");
    }
}
