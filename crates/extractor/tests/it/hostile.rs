//! Pages that nobody meant to be read: any bytes, deep nesting. No panic, and an answer in time.

use extractor::{ExtractError, Extraction, HostMemory, MAX_BYTES, PageView, extract};
use messages::CanonicalUrl;
use proptest::prelude::*;
use sites::Sites;

fn run(body: &[u8], content_type: Option<&str>) -> Result<Extraction, ExtractError> {
    run_at("https://library.example/article/7.html", content_type, body)
}

/// A page of this address, with no profile but ours and no memory.
pub(crate) fn run_at(
    url: &str,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Extraction, ExtractError> {
    let url: CanonicalUrl = url.parse().unwrap();
    let page = PageView {
        url: &url,
        final_url: &url,
        content_type,
        robots_tags: &[],
        agent: "speechmill",
        body,
        parts: &[],
        lost_part: None,
    };
    extract(&page, &Sites::builtin(), &HostMemory::empty())
}

const PROSE: &str = "各乡镇要提高认识，压实责任，确保春耕生产各项工作落到实处，取得实效。";

#[test]
fn ten_thousand_nested_elements_do_not_overflow_an_ordinary_stack() {
    let page = format!(
        "<title>讲话</title>{}{}",
        "<div>".repeat(10_000),
        PROSE.repeat(9)
    );
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let found = thread.spawn(move || run(page.as_bytes(), None)).unwrap();
    let found = found.join().unwrap().unwrap();
    assert_eq!(found.speeches[0].text, PROSE.repeat(9));
}

#[test]
fn nesting_that_the_second_opinion_may_see_does_not_overflow_either() {
    let page = format!(
        "<title>讲话</title>{}<p>{PROSE}</p><a href=/1>{PROSE}</a>",
        "<div><b>".repeat(120)
    );
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let found = thread.spawn(move || run(page.as_bytes(), None)).unwrap();
    assert!(found.join().unwrap().is_ok());
}

#[test]
fn what_can_not_be_processed_has_a_code() {
    let large = vec![b'a'; MAX_BYTES + 1];
    assert_eq!(run(&large, None).unwrap_err().code(), "page_too_large");
    let image = run(b"\x89PNG", Some("image/png")).unwrap_err();
    assert_eq!(image.code(), "not_html");
    assert_eq!(run(b"%PDF-1.7", None).unwrap_err().code(), "not_html");
    let packed = run(b"\x1f\x8b\x08", Some("application/gzip")).unwrap_err();
    assert_eq!(packed.code(), "not_html");
    let deep = "<div>".repeat(1_500_000);
    assert_eq!(run(deep.as_bytes(), None).unwrap_err().code(), "too_deep");
    assert_eq!(run(b"", None).unwrap().skip.unwrap().code(), "no_main_text");
}

/// What a page is called that gives a speech, a skip or an error.
fn answer(page: &str) -> String {
    match run(page.as_bytes(), Some("text/html; charset=utf-8")) {
        Err(error) => error.code().to_owned(),
        Ok(found) => match found.skip {
            Some(skip) => skip.code().to_owned(),
            None => found.speeches[0].text.clone(),
        },
    }
}

/// What is written for each of many numbers.
fn many(count: usize, write: impl Fn(usize) -> String) -> String {
    (0..count).map(write).collect()
}

#[test]
fn a_tag_of_ten_thousand_attributes_does_not_hide_the_text() {
    let text = PROSE.repeat(9);
    let names = many(10_000, |n| format!(" a{n}"));
    let values = many(10_000, |n| format!("a{n}='>'/"));
    for page in [
        format!("<title>讲话</title><p{names}>{text}"),
        format!("<title>讲话</title><p {values}>{text}"),
        format!("<title>讲话</title><p>{text}</p{names}>"),
        format!("<title>讲话</title><p>{text}</p><p{names}"),
        format!("<title>讲话</title><body{names}><p>{text}</p>"),
        format!(
            "<title>讲话</title>{}<p>{text}</p>",
            many(10_000, |n| format!("<body b{n}>"))
        ),
        format!("<title>讲话</title><script>'<p{names}>'</script><p>{text}</p>"),
        format!("<title>讲话</title><!--<p{names}>--><p>{text}</p>"),
    ] {
        assert!(answer(&page).contains(&text), "{:.60}", &page[24..]);
    }
}

#[test]
fn a_picture_in_the_page_itself_and_a_long_value_do_not_hide_the_text() {
    let text = PROSE.repeat(9);
    let picture = "iVBORw0KGgo/".repeat(200_000);
    let value = "{\"a\": 1}, ".repeat(20_000).replace('"', "&quot;");
    let page = format!(
        "<title>讲话</title><p><img src='data:image/png;base64,{picture}'>{text}</p><p data-json=\"{value}\">"
    );
    assert_eq!(answer(&page), text);
}

#[test]
fn formatting_that_is_never_closed_and_ends_that_end_nothing_are_refused() {
    for page in [
        many(20_000, |n| format!("<font a={n}>")),
        many(300, |n| {
            let attributes = many(100, |n| format!(" b{n}"));
            format!("<b c{n}{attributes}>{}", "<div>".repeat(20))
        }),
        format!("{}{}", "<span>".repeat(9_000), "</li>".repeat(100_000)),
        format!("<b>{}{}", "<div>".repeat(9_000), "&amp;".repeat(100_000)),
        many(1_000, |_| format!("{}</body><!---->", "<div>".repeat(98))),
        "&".repeat(2_500_000),
    ] {
        let code = answer(&page);
        assert!(
            ["too_deep", "too_many_nodes"].contains(&&*code),
            "{code}: {page:.40}"
        );
    }
}

#[test]
fn titles_and_headings_without_end_are_cut() {
    let text = PROSE.repeat(9);
    let tails = "_县网".repeat(50_000);
    for page in [
        format!("<title>在会议上的讲话{tails}</title><p>{text}</p>"),
        format!("<meta property=og:title content='在会议上的讲话{tails}'><p>{text}</p>"),
        format!(
            "<title>讲话</title>{}<p>{text}</p>",
            "<h1><div>".repeat(1_000)
        ),
        format!(
            "<title>讲话</title>{}<p>{text}</p>",
            "<div class=title>".repeat(1_000)
        ),
        format!(
            "<title>讲话</title>{}<p>{text}</p>",
            "<a href=1><object>".repeat(20)
        ),
    ] {
        let found = run(page.as_bytes(), Some("text/html; charset=utf-8")).unwrap();
        let titles: Vec<usize> = found
            .speeches
            .iter()
            .map(|it| it.title.chars().count())
            .collect();
        assert!(titles.iter().all(|&chars| chars < 8_000), "{titles:?}");
    }
}

#[test]
fn so_much_of_anything_gives_an_answer() {
    for (unit, expected) in [
        ("<p>x", "no_main_text"),
        ("<br>x", "no_main_text"),
        ("<a href=/1.html>x</a>", "no_main_text"),
        ("<table><tr><td>", "no_main_text"),
        ("<table>x", "no_main_text"),
        ("<select><option>", "no_main_text"),
        ("<svg><math>", "no_main_text"),
        ("<template>", "no_main_text"),
        ("<!-- -->", "no_main_text"),
        ("<script></script>", "no_main_text"),
        ("<p a='>x", "no_main_text"),
        ("\u{3000}\r\n", "no_main_text"),
        ("&#", "no_main_text"),
        ("<", "no_main_text"),
    ] {
        assert_eq!(answer(&unit.repeat(2_000)), expected, "{unit}");
    }
    for unit in [
        "同志们：",
        "要讲三点，",
        "谢谢大家！",
        "某X月，",
        "一、抓，",
    ] {
        let line = unit.repeat(5_000);
        assert_eq!(
            answer(&format!("<title>讲话</title><p>{line}</p>")),
            line,
            "{unit}"
        );
    }
    let lines = many(3_000, |n| format!("<p>第{n}条，我们要抓落实，抓好工作。"));
    assert_eq!(answer(&lines).lines().count(), 3_000);
    let list = many(3_000, |n| format!("<a href=/{n}.html>讲话第{n}号文件</a>"));
    assert_eq!(answer(&list), "list_page");
}

fn charset() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![
        Just("text/html; charset=utf-8".to_owned()),
        Just("text/html; charset=gb2312".to_owned()),
        Just("text/html; charset=big5".to_owned()),
        Just("text/html; charset=utf-16".to_owned()),
        "text/html; charset=[a-z0-9-]{0,12}",
        ".{0,20}",
    ])
}

/// Fragments of markup and text in any order: closer to pages than bytes are.
pub(crate) fn markup() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        Just("<div class=content>".to_owned()),
        Just("</div>".to_owned()),
        Just("<p>".to_owned()),
        Just("<br>".to_owned()),
        Just("<table><tr><td>".to_owned()),
        Just("</table>".to_owned()),
        Just("<a href='/x/1.html'>".to_owned()),
        Just("</a>".to_owned()),
        Just("<title>".to_owned()),
        Just("<h1>".to_owned()),
        Just("<script>".to_owned()),
        Just("<!--".to_owned()),
        Just("<select><option>".to_owned()),
        Just("<svg><math>".to_owned()),
        Just("<frameset>".to_owned()),
        Just("<template>".to_owned()),
        Just("一、".to_owned()),
        Just("（二）".to_owned()),
        Just("同志们：".to_owned()),
        Just("20240230:".to_owned()),
        Just("2024年13月40日 99:99".to_owned()),
        Just("请登录后查看".to_owned()),
        Just(PROSE.to_owned()),
        "\\PC{0,12}",
    ];
    proptest::collection::vec(fragment, 0..60).prop_map(|parts| parts.concat())
}

/// The same of sitemaps and feeds.
fn xml() -> impl Strategy<Value = String> {
    let root = prop_oneof![
        Just("<urlset>"),
        Just("<sitemapindex>"),
        Just("<rss><channel>"),
        Just("<feed>"),
        Just("<rdf:RDF>"),
        Just("<?xml version='1.1'?><!DOCTYPE rss [<!ENTITY a '&a;'>]><rss>"),
    ];
    let fragment = prop_oneof![
        Just("<url><loc>https://library.example/1.html".to_owned()),
        Just("</loc></url>".to_owned()),
        Just("<item><link>".to_owned()),
        Just("</link></item>".to_owned()),
        Just("<entry><link rel='alternate' href='/2.html'/>".to_owned()),
        Just("<link href=&#x0; rel>".to_owned()),
        Just("<guid isPermaLink=false>".to_owned()),
        Just("<![CDATA[".to_owned()),
        Just("]]>".to_owned()),
        Just("<!--".to_owned()),
        Just("<?".to_owned()),
        Just("&a;&amp;&#1114112;&".to_owned()),
        Just("</".to_owned()),
        "\\PC{0,12}",
    ];
    let fragments = proptest::collection::vec(fragment, 0..60);
    (root, fragments).prop_map(|(root, parts)| format!("{root}{}", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_bytes_give_an_answer(body in proptest::collection::vec(any::<u8>(), 0..2_000), kind in charset()) {
        let _ = run(&body, kind.as_deref());
    }

    #[test]
    fn any_markup_gives_an_answer_and_the_same_one_twice(page in markup(), kind in charset()) {
        let first = run(page.as_bytes(), kind.as_deref());
        prop_assert_eq!(first, run(page.as_bytes(), kind.as_deref()));
    }

    #[test]
    fn any_sitemap_or_feed_gives_its_links(text in xml()) {
        let found = run(text.as_bytes(), Some("text/xml")).unwrap();
        prop_assert!(found.speeches.is_empty());
        let code = found.skip.unwrap().code();
        prop_assert!(["sitemap", "sitemap_index", "feed"].contains(&code));
    }

    #[test]
    fn any_packed_bytes_give_an_answer(tail in proptest::collection::vec(any::<u8>(), 0..400)) {
        let body = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &tail].concat();
        let _ = run(&body, Some("application/gzip"));
    }
}
