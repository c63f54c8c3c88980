//! Fetches that may work another time come again, later, and not for ever.

use std::time::Duration;

use testkit::{FakeSite, Reply, eventually};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use worker::Outcome;

use crate::it::lab::Lab;

#[tokio::test]
async fn a_site_that_fails_is_asked_again_later() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::status(500));
    lab.expect_again("/1", "http_500").await;
    assert_eq!(lab.crawl_record("/1").await.unwrap().status, 500);
}

#[tokio::test]
async fn a_failure_keeps_what_is_known_of_the_page() {
    let lab = Lab::start().await;
    lab.site
        .sequence("/1", [Reply::html("here").etag("v1"), Reply::status(502)]);
    lab.crawl("/1").await;
    let page = lab.page("/1").await;
    lab.crawl("/1").await;
    assert_eq!(lab.page("/1").await, page);
    let record = lab.crawl_record("/1").await.unwrap();
    assert_eq!(
        (record.code.as_deref(), record.misses),
        (Some("http_502"), 1)
    );
    assert_eq!(record.etag.as_deref(), Some("\"v1\""));
}

#[tokio::test]
async fn a_deferred_request_comes_back_and_ends_well() {
    let lab = Lab::start_with(&["--allow-address", "127.0.0.1", "--retry-base", "10ms"]).await;
    lab.site
        .sequence("/1", [Reply::status(500), Reply::html("here")]);
    lab.crawl("/1").await;
    eventually("the request is due again", async || lab.due("/1").await).await;
    assert_eq!(lab.fetch().await, Outcome::Ack);
    assert_eq!(lab.response("/1").await.status, 200);
    eventually("nothing is left", async || {
        lab.later("/1").await.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_last_attempt_ends_as_a_dead_letter_with_the_code_of_its_failure() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::status(500));
    assert_eq!(lab.crawl_again("/1", 8).await, Outcome::Ack);
    assert_eq!(lab.later("/1").await.unwrap().attempt, 9);
    assert_eq!(
        lab.crawl_again("/1", 9).await,
        Outcome::Dead("http_500".to_owned())
    );
    let letters = lab.dead().await;
    assert_eq!(letters[0].headers.attempts, 10);
    assert!(
        letters[0].headers.error.contains("500"),
        "{}",
        letters[0].headers.error
    );
}

#[tokio::test]
async fn a_site_may_say_when_to_come_again() {
    let lab = Lab::start().await;
    lab.site
        .page("/1", Reply::status(429).header("Retry-After", "600"));
    lab.expect_again("/1", "http_429").await;
    let schedule = lab.schedule("/1").await;
    let at = OffsetDateTime::parse(schedule.strip_prefix("@at ").unwrap(), &Rfc3339).unwrap();
    let wait = at - OffsetDateTime::now_utc();
    assert!((590..=600).contains(&wait.whole_seconds()), "{wait}");
}

#[tokio::test]
async fn whatever_keeps_an_answer_from_coming_has_its_code() {
    let lab = Lab::start_with(&["--allow-address", "127.0.0.1", "--fetch-timeout", "300ms"]).await;
    lab.site.page("/hang", Reply::hang());
    lab.expect_again("/hang", "timeout").await;
    let slow = Reply::html("0123456789").slow(1, Duration::from_millis(200));
    lab.site.page("/slow", slow);
    lab.expect_again("/slow", "timeout").await;
    lab.site.page("/close", Reply::close());
    lab.expect_again("/close", "answer_broken").await;
    lab.site.page("/raw", Reply::raw("nonsense\r\n\r\n"));
    lab.expect_again("/raw", "answer_broken").await;
    lab.site
        .page("/cut", Reply::html("0123456789").cut_after(3));
    lab.expect_again("/cut", "body_broken").await;
    let no_gzip = Reply::html("no gzip at all").header("Content-Encoding", "gzip");
    lab.site.page("/gzip", no_gzip);
    lab.expect_again("/gzip", "body_broken").await;
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_has_its_code() {
    let lab = Lab::start_with(&["--allow-address", "127.0.0.1,127.0.0.3"]).await;
    let gone = FakeSite::start_on("127.0.0.3:0").await;
    let port = gone.addr().port();
    drop(gone);
    for (url, code) in [
        (format!("http://127.0.0.3:{port}/"), "connect_failed"),
        ("http://nothing.invalid/".to_owned(), "dns_failed"),
    ] {
        lab.admit(&url).await;
        assert_eq!(lab.fetch().await, Outcome::Ack);
        let url = url.parse().unwrap();
        let record = lab.crawl_record_of(&url).await.unwrap();
        assert_eq!(
            (record.code.as_deref(), record.status),
            (Some(code), 0),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_host_that_answers_a_secure_request_in_plain_text_has_its_code() {
    let lab = Lab::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    lab.admit(&url).await;
    let serve = async {
        // Kept open: a reset would take the answer along.
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
            open.push(stream);
        }
    };
    tokio::select! {
        () = serve => {}
        outcome = lab.fetch() => assert_eq!(outcome, Outcome::Ack),
    }
    let record = lab.crawl_record_of(&url.parse().unwrap()).await.unwrap();
    assert_eq!(record.code.as_deref(), Some("tls_failed"));
}

#[tokio::test]
async fn a_request_whose_host_is_busy_for_long_is_deferred_without_an_attempt() {
    let lab = Lab::start_with(&["--delay", "1h"]).await;
    for n in 1..=2 {
        lab.admit(format!("http://nothing.invalid/{n}")).await;
    }
    lab.fetch().await;
    lab.fetch().await;
    for (n, attempt) in [(1, 1), (2, 0)] {
        let url = format!("http://nothing.invalid/{n}").parse().unwrap();
        assert_eq!(lab.later_of(&url).await.unwrap().attempt, attempt);
    }
}
