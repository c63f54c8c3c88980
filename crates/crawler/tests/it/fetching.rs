//! Fetches that end well: pages, redirects, pages that are gone.

use std::time::Duration;

use messages::{ContentHash, Page};
use testkit::Reply;
use worker::Outcome;

use crate::it::lab::Lab;

const LIMIT: usize = 1024 * 1024;

#[tokio::test]
async fn a_page_is_published_with_its_record() {
    let lab =
        Lab::start_with(&["--allow-address", "127.0.0.1", "--contact", "mailto:a@b.cn"]).await;
    let text = "<html><body>同志们</body></html>";
    let reply = Reply::html(text)
        .etag("v1")
        .header("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT");
    lab.site.page("/1", reply);
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    let page = lab.response("/1").await;
    assert_eq!((page.status, page.depth), (200, 0));
    assert_eq!(page.final_url, lab.url("/1"));
    assert_eq!(
        page.content_type.as_deref(),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.content_hash, ContentHash::of(text.as_bytes()));
    assert_eq!(page.body.decompress(LIMIT).unwrap(), text.as_bytes());
    let record = lab.crawl_record("/1").await.unwrap();
    assert_eq!((record.status, record.code, record.misses), (200, None, 0));
    assert_eq!(record.content_hash, Some(page.content_hash));
    assert_eq!(record.etag.as_deref(), Some("\"v1\""));
    assert_eq!(
        record.last_modified.as_deref(),
        Some("Fri, 02 Jan 2026 03:04:05 GMT")
    );
    assert!(lab.due("/1").await.is_none() && lab.dead().await.is_empty());
    let requests = lab.site.requests_to("/1");
    let agent = requests[0].header("User-Agent").unwrap();
    assert!(
        agent.starts_with("speechmill/") && agent.ends_with(" (+mailto:a@b.cn)"),
        "{agent}"
    );
}

#[tokio::test]
async fn bytes_in_another_charset_are_not_touched() {
    let lab = Lab::start().await;
    let gbk = b"<p>\xcd\xac\xd6\xbe\xc3\xc7</p>";
    lab.site.page(
        "/1",
        Reply::bytes("text/html; charset=gb2312", gbk.to_vec()),
    );
    lab.crawl("/1").await;
    let page = lab.response("/1").await;
    assert_eq!(page.body.decompress(LIMIT).unwrap(), gbk);
    assert_eq!(
        page.content_type.as_deref(),
        Some("text/html; charset=gb2312")
    );
}

#[tokio::test]
async fn a_compressed_page_is_unpacked() {
    let lab = Lab::start().await;
    let text = "讲话".repeat(1_000);
    lab.site.page("/1", Reply::html(text.as_str()).gzip());
    lab.crawl("/1").await;
    assert_eq!(
        lab.response("/1").await.body.decompress(LIMIT).unwrap(),
        text.as_bytes()
    );
    let accepted = lab.site.requests_to("/1")[0]
        .header("Accept-Encoding")
        .unwrap()
        .to_owned();
    for coding in ["gzip", "br", "deflate", "zstd"] {
        assert!(accepted.contains(coding), "{accepted}");
    }
}

#[tokio::test]
async fn a_slow_page_within_the_limit_arrives() {
    let lab = Lab::start().await;
    lab.site.page(
        "/1",
        Reply::html("0123456789").slow(2, Duration::from_millis(20)),
    );
    lab.crawl("/1").await;
    assert_eq!(
        lab.response("/1").await.body.decompress(LIMIT).unwrap(),
        b"0123456789"
    );
}

#[tokio::test]
async fn a_redirect_is_followed_and_the_page_says_where_it_was() {
    let lab = Lab::start().await;
    lab.site.page(
        "/1",
        Reply::redirect("/2?utm_source=x#top").with_status(301),
    );
    lab.site.page(
        "/2",
        Reply::redirect(lab.site.url("/讲话.html")).with_status(307),
    );
    lab.site
        .page("/%E8%AE%B2%E8%AF%9D.html", Reply::html("there"));
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    let page = lab.response("/1").await;
    assert_eq!(page.url, lab.url("/1"));
    assert_eq!(page.final_url, lab.url("/讲话.html"));
}

#[tokio::test]
async fn a_page_that_is_gone_is_published_as_gone() {
    let lab = Lab::start().await;
    lab.site
        .sequence("/1", [Reply::html("here").etag("v1"), Reply::status(410)]);
    lab.crawl("/1").await;
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    match lab.page("/1").await {
        Some(Page::Gone(gone)) => assert_eq!((gone.url, gone.status), (lab.url("/1"), 410)),
        other => panic!("not gone: {other:?}"),
    }
    let record = lab.crawl_record("/1").await.unwrap();
    assert_eq!((record.status, record.code.as_deref()), (410, Some("gone")));
    assert_eq!((record.etag, record.misses), (None, 1));
    assert_eq!(lab.crawl("/never").await, Outcome::Ack);
    assert!(matches!(lab.page("/never").await, Some(Page::Gone(gone)) if gone.status == 404));
    assert!(lab.dead().await.is_empty());
}

#[tokio::test]
async fn a_site_that_says_unchanged_to_one_who_did_not_ask_leaves_the_page_as_it_is() {
    let lab = Lab::start().await;
    lab.site
        .sequence("/1", [Reply::html("here"), Reply::status(304)]);
    lab.crawl("/1").await;
    let page = lab.page("/1").await;
    assert_eq!(lab.crawl("/1").await, Outcome::Dead("http_304".to_owned()));
    assert_eq!(lab.page("/1").await, page);
}
