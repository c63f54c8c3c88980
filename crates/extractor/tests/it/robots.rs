//! Pages whose site says what must not be done with them.

use extractor::{Extraction, HostMemory, PageView, extract};
use messages::CanonicalUrl;
use sites::Sites;

const PROSE: &str = "各乡镇要提高认识，压实责任，确保春耕生产各项工作落到实处，取得实效。";

fn run(body: &str, head: &str, headers: &[&str], agent: &str) -> Extraction {
    let url: CanonicalUrl = "https://library.example/article/7.html".parse().unwrap();
    let headers: Vec<String> = headers.iter().map(|&it| it.to_owned()).collect();
    let page = format!("<head>{head}</head><body>{body}</body>");
    let page = PageView {
        url: &url,
        final_url: &url,
        content_type: Some("text/html; charset=utf-8"),
        robots_tags: &headers,
        agent,
        body: page.as_bytes(),
        parts: &[],
        lost_part: None,
    };
    extract(&page, &Sites::builtin(), &HostMemory::empty()).unwrap()
}

fn speech() -> String {
    let prose = format!("<p>{PROSE}</p>").repeat(9);
    format!("<h1>在春耕生产会议上的讲话</h1><div>{prose}</div>")
}

fn list() -> String {
    let item = |n| format!("<li><a href='/article/{n}00.html'>在第{n}次春耕生产会议上的讲话</a>");
    (0..12).map(item).collect::<Vec<_>>().concat()
}

/// Whether there is a speech, the code of the skip, and the number of links.
fn what(extraction: &Extraction) -> (bool, Option<&'static str>, usize) {
    (
        !extraction.speeches.is_empty(),
        extraction.skip.map(extractor::Skip::code),
        extraction.links.len(),
    )
}

#[test]
fn a_page_that_must_not_be_found_still_leads_on() {
    assert_eq!(
        what(&run(&speech(), "", &[], "speechmill")),
        (true, None, 0)
    );
    let free = run(&list(), "", &[], "speechmill");
    assert_eq!(what(&free), (false, Some("list_page"), 12));
    for (head, headers) in [
        ("<meta name='robots' content='noindex'>", &[] as &[&str]),
        ("", &["noindex"]),
    ] {
        let hidden = run(&speech(), head, headers, "speechmill");
        assert_eq!(what(&hidden), (false, Some("noindex"), 0));
        let hidden = run(&list(), head, headers, "speechmill");
        assert_eq!(what(&hidden), (false, Some("noindex"), 12));
        assert_eq!(hidden.links, free.links);
    }
}

#[test]
fn a_page_whose_links_must_not_be_followed_is_read_and_leads_nowhere() {
    for (head, headers) in [
        ("<meta name='robots' content='nofollow'>", &[] as &[&str]),
        ("", &["nofollow"]),
    ] {
        let alone = run(&speech(), head, headers, "speechmill");
        assert_eq!(what(&alone), (true, None, 0));
        let alone = run(&list(), head, headers, "speechmill");
        assert_eq!(what(&alone), (false, Some("list_page"), 0));
    }
    let nothing = run(&list(), "", &["none"], "speechmill");
    assert_eq!(what(&nothing), (false, Some("noindex"), 0));
}

#[test]
fn what_is_said_to_others_does_not_concern_us() {
    let head = "<meta name='otherbot' content='none'>";
    let headers = ["otherbot: noindex", "ourbot: noindex"];
    let code = |agent| what(&run(&speech(), head, &headers, agent)).1;
    assert_eq!(
        (code("speechmill"), code("OurBot")),
        (None, Some("noindex"))
    );
}
