//! The links of a page that are in scope: those to texts first, then in the page's order, none twice.

use std::collections::HashSet;

use messages::CanonicalUrl;
use scraper::{Html, Node};
use sites::{Scope, Sites};

/// Links taken from one page, at most.
const MAX_LINKS: usize = 2_000;

pub(crate) fn in_scope(
    page: &CanonicalUrl,
    html: &Html,
    sites: &Sites,
    on_list: bool,
) -> Vec<CanonicalUrl> {
    let base = base_of(page, html);
    let mut seen = HashSet::from([page.clone()]);
    let (mut details, mut lists) = (Vec::new(), Vec::new());
    for (href, _) in anchors(html) {
        let Ok(link) = base.join(href) else { continue };
        if seen.contains(&link) {
            continue;
        }
        match sites.scope_of_link(&link, page, on_list) {
            Scope::Detail => details.push(link.clone()),
            Scope::List => lists.push(link.clone()),
            Scope::Out => continue,
        }
        seen.insert(link);
    }
    details.append(&mut lists);
    details.truncate(MAX_LINKS);
    details
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
        let found = in_scope(&page, &html, &Sites::empty(), true);
        let found: Vec<&str> = found.iter().map(CanonicalUrl::as_str).collect();
        assert_eq!(
            found,
            [
                "https://a.example/speeches/1.html",
                "https://a.example/speeches/more/"
            ]
        );
        assert!(in_scope(&page, &html, &Sites::empty(), false).is_empty());
    }

    #[test]
    fn a_base_element_moves_the_references() {
        let page: CanonicalUrl = "https://a.example/speeches/".parse().unwrap();
        let html = Html::parse_document("<base href='/texts/'><a href='1.html'>一</a>");
        let found = in_scope(&page, &html, &Sites::empty(), true);
        assert_eq!(found[0].as_str(), "https://a.example/texts/1.html");
    }
}
