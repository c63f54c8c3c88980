//! Sites that mean harm or know no better: each ends with its code, and costs no more than its limits.

use std::time::Duration;

use testkit::Reply;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use worker::Outcome;

use crate::it::lab::Lab;

const LIMIT: usize = 1024 * 1024;

#[tokio::test]
async fn a_bomb_is_put_down_before_its_end_however_it_is_packed() {
    let lab = Lab::start_with(&["--max-body-mib", "1", "--allow-address", "127.0.0.1"]).await;
    let bomb = Reply::html("a".repeat(16 * LIMIT));
    // Whoever waits for the end of it finds it cut off.
    for (path, packed) in [
        ("/gzip", bomb.clone().gzip()),
        ("/deflate", bomb.clone().deflate()),
        ("/br", bomb.clone().brotli()),
        ("/zstd", bomb.zstd()),
    ] {
        lab.expect_dead(path, packed.cut_before_end(1), "body_too_large")
            .await;
    }
}

#[tokio::test]
async fn every_coding_is_undone_and_its_end_is_missed() {
    let lab = Lab::start().await;
    let page = || Reply::html("讲话".repeat(1_000));
    for (name, packed) in [
        ("gzip", page().gzip()),
        ("deflate", page().deflate()),
        ("br", page().brotli()),
        ("zstd", page().zstd()),
    ] {
        let (whole, cut) = (format!("/{name}"), format!("/{name}-cut"));
        lab.site.page(&whole, packed.clone());
        lab.crawl(&whole).await;
        let body = lab.response(&whole).await.body.decompress(LIMIT).unwrap();
        assert_eq!(body, "讲话".repeat(1_000).as_bytes(), "{name}");
        lab.site.page(&cut, packed.cut_before_end(1));
        lab.expect_again(&cut, "body_broken").await;
    }
}

#[tokio::test]
async fn a_coding_that_is_none_is_ignored_and_one_that_we_cannot_undo_is_a_dead_letter() {
    let lab = Lab::start().await;
    for (path, coding) in [
        ("/1", "foo"),
        ("/2", "utf-8"),
        ("/3", "identity"),
        ("/4", ""),
    ] {
        lab.site
            .page(path, Reply::html("here").header("Content-Encoding", coding));
        assert_eq!(lab.crawl(path).await, Outcome::Ack, "{coding}");
        let body = lab.response(path).await.body.decompress(LIMIT).unwrap();
        assert_eq!(body, b"here", "{coding}");
    }
    for (path, coding) in [("/5", "gzip, gzip"), ("/6", "x-gzip"), ("/7", "foo, br")] {
        let packed = Reply::html("here").header("Content-Encoding", coding);
        lab.expect_dead(path, packed, "coding_unknown").await;
    }
}

#[tokio::test]
async fn an_answer_without_a_page_is_a_dead_letter_and_an_empty_page_is_a_page() {
    let lab = Lab::start().await;
    for (path, status) in [("/1", 204), ("/2", 205), ("/3", 206)] {
        let code = format!("http_{status}");
        lab.expect_dead(path, Reply::html("").with_status(status), &code)
            .await;
    }
    lab.site.page("/4", Reply::html(""));
    assert_eq!(lab.crawl("/4").await, Outcome::Ack);
    assert!(
        lab.response("/4")
            .await
            .body
            .decompress(LIMIT)
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn absurd_headers_are_no_answer() {
    let lab = Lab::start().await;
    let many = |num| {
        (0..num).fold(Reply::html("here"), |page, n| {
            page.header(&format!("X-{n}"), "a")
        })
    };
    lab.site.page("/1", many(90));
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    lab.site.page("/2", many(500));
    lab.expect_again("/2", "answer_broken").await;
    lab.site.page(
        "/3",
        Reply::html("here").header("X-Large", "a".repeat(LIMIT)),
    );
    lab.expect_again("/3", "answer_broken").await;
    for (path, raw) in [
        ("/4", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"),
        ("/5", "HTTP/1.1 20 OK\r\n\r\n"),
        ("/6", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        ("/7", "SSH-2.0-OpenSSH_9.9\r\n"),
        ("/8", "\0\0\0\0"),
    ] {
        lab.site.page(path, Reply::raw(raw));
        lab.expect_again(path, "answer_broken").await;
    }
}

#[tokio::test]
async fn a_redirect_leads_neither_inside_nor_out_of_the_web_however_it_is_spelled() {
    let lab = Lab::start().await;
    for (n, (location, code)) in [
        ("http://2130706434/", "address_not_public"),
        ("http://0x7f.0.0.2/", "address_not_public"),
        ("//127.2/", "address_not_public"),
        ("http://[::ffff:127.0.0.2]/", "address_not_public"),
        ("http://[::ffff:7f00:2]/", "address_not_public"),
        (
            "http://169.254.169.254/latest/meta-data/",
            "address_not_public",
        ),
        ("https://10.0.0.1/", "address_not_public"),
        ("javascript:alert(1)", "bad_redirect"),
        ("data:text/html,a", "bad_redirect"),
        ("ftp://127.0.0.1/", "bad_redirect"),
        ("http://", "bad_redirect"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{n}");
        lab.expect_dead(&path, Reply::redirect(location), code)
            .await;
    }
}

#[tokio::test]
async fn what_a_site_asks_for_with_retry_after_is_granted_within_reason() {
    let lab = Lab::start_with(&[
        "--allow-address",
        "127.0.0.1",
        "--retry-base",
        "1s",
        "--retry-cap",
        "1h",
    ])
    .await;
    let in_ten_minutes = OffsetDateTime::now_utc() + Duration::from_secs(600);
    let date = in_ten_minutes.format(&Rfc2822).unwrap();
    for (path, asked, seconds) in [
        ("/1", "600", 590..=600),
        ("/2", date.as_str(), 590..=600),
        ("/3", "soon", 0..=2),
        ("/4", "99999999999999999999", 3_590..=3_600),
        ("/5", "Fri, 02 Jan 2015 03:04:05 GMT", 0..=2),
    ] {
        lab.site
            .page(path, Reply::status(500).header("Retry-After", asked));
        lab.expect_again(path, "http_500").await;
        let schedule = lab.schedule(path).await;
        let at = OffsetDateTime::parse(schedule.strip_prefix("@at ").unwrap(), &Rfc3339).unwrap();
        let wait = (at - OffsetDateTime::now_utc()).whole_seconds();
        assert!(seconds.contains(&wait), "{asked}: {wait}");
    }
}
