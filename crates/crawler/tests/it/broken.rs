//! Pages that can never work: each is a dead letter with its own code, and nothing else happens.

use std::time::Duration;

use testkit::Reply;

use crate::it::lab::Lab;

#[tokio::test]
async fn a_page_that_we_may_not_see_is_a_dead_letter() {
    let lab = Lab::start().await;
    lab.expect_dead("/1", Reply::status(403), "http_403").await;
    lab.expect_dead("/2", Reply::status(302), "http_302").await;
    let letters = lab.dead().await;
    assert!(letters.iter().all(|letter| letter.headers.attempts == 1));
}

#[tokio::test]
async fn redirects_that_lead_nowhere_are_a_dead_letter() {
    let lab = Lab::start().await;
    lab.site.page("/b", Reply::redirect("/a"));
    lab.expect_dead("/a", Reply::redirect("/b"), "redirect_loop")
        .await;
    for n in 1..=6 {
        lab.site
            .page(&format!("/{n}"), Reply::redirect(format!("/{}", n + 1)));
    }
    lab.expect_dead("/0", Reply::redirect("/1"), "too_many_redirects")
        .await;
    assert_eq!((lab.site.hits("/5"), lab.site.hits("/6")), (1, 0));
}

#[tokio::test]
async fn a_page_larger_than_the_limit_is_a_dead_letter_however_it_is_packed() {
    let lab = Lab::start_with(&["--max-body-mib", "1", "--allow-address", "127.0.0.1"]).await;
    let large = "a".repeat(1024 * 1024 + 1);
    lab.expect_dead("/plain", Reply::html(large.as_str()), "body_too_large")
        .await;
    lab.expect_dead(
        "/gzip",
        Reply::html(large.as_str()).gzip(),
        "body_too_large",
    )
    .await;
    let endless = Reply::endless(vec![b'a'; 64 * 1024], Duration::ZERO);
    lab.expect_dead("/endless", endless, "body_too_large").await;
}

#[tokio::test]
async fn a_page_that_would_not_fit_into_a_message_is_a_dead_letter() {
    let lab = Lab::start_with(&["--max-body-mib", "7", "--allow-address", "127.0.0.1"]).await;
    // Noise, which no compression makes smaller.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(6_400_000)
    .collect();
    lab.expect_dead("/1", Reply::bytes("text/html", noise), "body_too_large")
        .await;
}

#[tokio::test]
async fn what_is_no_page_of_text_is_a_dead_letter_before_its_body_is_read() {
    let lab = Lab::start().await;
    lab.expect_dead(
        "/1",
        Reply::bytes("application/pdf", "%PDF").slow(1, Duration::from_secs(600)),
        "not_html",
    )
    .await;
    lab.expect_dead("/2", Reply::bytes("text/css", "p {}"), "not_html")
        .await;
}
