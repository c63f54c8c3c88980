//! Addresses inside the operator's network are not asked, whichever way a URL leads there.

use testkit::{FakeSite, Reply};
use worker::Outcome;

use crate::it::lab::Lab;

#[tokio::test]
async fn a_literal_address_that_is_not_allowed_is_not_asked() {
    let lab = Lab::start_with(&[]).await;
    lab.expect_dead("/1", Reply::html("secret"), "address_not_public")
        .await;
    assert!(lab.site.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_asked() {
    let lab = Lab::start_with(&[]).await;
    let url = format!("http://localhost:{}/", lab.site.addr().port());
    lab.admit(&url).await;
    assert_eq!(
        lab.fetch().await,
        Outcome::Dead("address_not_public".to_owned())
    );
    assert!(lab.site.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_the_operator_allows_is_asked() {
    let lab = Lab::start_with(&["--allow-address", "localhost"]).await;
    lab.site.page("/", Reply::html("ours"));
    let url = format!("http://localhost:{}/", lab.site.addr().port());
    lab.admit(&url).await;
    assert_eq!(lab.fetch().await, Outcome::Ack);
    assert_eq!(lab.site.hits("/"), 1);
}

#[tokio::test]
async fn a_redirect_to_an_address_inside_is_not_followed() {
    let lab = Lab::start().await;
    let inside = FakeSite::start_on("127.0.0.2:0").await;
    inside.page("/", Reply::html("secret"));
    lab.expect_dead("/1", Reply::redirect(inside.url("/")), "address_not_public")
        .await;
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_to_what_is_no_page_of_the_web_is_not_followed() {
    let lab = Lab::start().await;
    lab.expect_dead("/1", Reply::redirect("file:///etc/passwd"), "bad_redirect")
        .await;
    lab.expect_dead(
        "/2",
        Reply::redirect("http://me:secret@127.0.0.1/"),
        "bad_redirect",
    )
    .await;
}
