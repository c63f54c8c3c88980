//! Pages over TLS: which certificates are believed, which protocol is spoken, and over how many connections.

use std::time::Duration;

use testkit::{FakeSite, Reply, ServerCertificate, TestCa};
use worker::Outcome;

use crate::it::files;
use crate::it::lab::Lab;

/// A crawler that trusts this authority, and a site with this certificate.
async fn lab(trusted: &TestCa, certificate: ServerCertificate) -> Lab {
    let file = files::with(&trusted.pem());
    let path = file.path().to_str().unwrap();
    let allowed = "127.0.0.1,localhost";
    let mut lab = Lab::start_with(&["--allow-address", allowed, "--ca-file", path]).await;
    lab.site = FakeSite::start_tls(certificate).await;
    lab
}

#[tokio::test]
async fn pages_of_a_secure_site_come_over_http2_and_one_connection() {
    let ca = TestCa::new();
    let lab = lab(&ca, ca.certificate(&["127.0.0.1"])).await;
    for path in ["/1", "/2"] {
        lab.site.page(path, Reply::html("讲话").gzip());
        assert_eq!(lab.crawl(path).await, Outcome::Ack);
        assert_eq!(lab.response(path).await.status, 200);
    }
    assert!(lab.site.requests().iter().all(|it| it.version == "HTTP/2"));
    assert_eq!(lab.site.num_connections(), 1);
}

#[tokio::test]
async fn pages_of_a_site_without_http2_come_over_one_connection_too() {
    let ca = TestCa::new();
    let certificate = ca.certificate(&["127.0.0.1"]).without_http2();
    let mut lab = lab(&ca, certificate).await;
    for scheme in ["https", "http"] {
        for path in ["/1", "/2"] {
            lab.site.page(path, Reply::html("讲话"));
            assert_eq!(lab.crawl(path).await, Outcome::Ack, "{scheme}");
        }
        let requests = lab.site.requests();
        assert!(
            requests.iter().all(|it| it.version == "HTTP/1.1"),
            "{scheme}"
        );
        assert_eq!(lab.site.num_connections(), 1, "{scheme}");
        lab.site = FakeSite::start().await;
    }
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_has_its_code() {
    let (ca, stranger) = (TestCa::new(), TestCa::new());
    let here = ["127.0.0.1"];
    let mut lab = lab(&ca, stranger.certificate(&here)).await;
    lab.expect_again("/1", "tls_failed").await;
    for certificate in [
        ca.expired_certificate(&here),
        ca.certificate(&["elsewhere.example", "127.0.0.2"]),
    ] {
        lab.site = FakeSite::start_tls(certificate).await;
        lab.expect_again("/1", "tls_failed").await;
    }
    assert!(lab.site.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_for_a_name_is_good_for_that_name() {
    let ca = TestCa::new();
    let lab = lab(&ca, ca.certificate(&["localhost"])).await;
    lab.site.page("/1", Reply::html("讲话"));
    let url = format!("https://localhost:{}/1", lab.site.addr().port());
    lab.admit(&url).await;
    assert_eq!(lab.fetch().await, Outcome::Ack);
    assert_eq!(lab.site.hits("/1"), 1);
}

#[tokio::test]
async fn limits_hold_over_http2_too() {
    let ca = TestCa::new();
    let lab = lab(&ca, ca.certificate(&["127.0.0.1"])).await;
    let endless = Reply::endless(vec![b'a'; 64 * 1024], Duration::ZERO);
    lab.expect_dead("/1", endless, "body_too_large").await;
}

#[tokio::test]
async fn a_body_that_is_cut_short_over_http2_has_its_code() {
    let ca = TestCa::new();
    let lab = lab(&ca, ca.certificate(&["127.0.0.1"])).await;
    lab.site.page("/1", Reply::html("0123456789").cut_after(3));
    lab.expect_again("/1", "body_broken").await;
    lab.site.page("/2", Reply::close());
    lab.expect_again("/2", "answer_broken").await;
    let absurd = Reply::html("讲话").header("X-Absurd", "a".repeat(20_000));
    lab.site.page("/3", absurd);
    lab.expect_again("/3", "answer_broken").await;
}
