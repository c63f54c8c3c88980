//! The web behind a proxy: it is asked for public addresses only, and the operator's own hosts without it.

use testkit::{FakeSite, Reply, TestCa};
use worker::Outcome;

use crate::it::files;
use crate::it::lab::Lab;

/// A public address that nobody asks: the proxy answers for it.
const PUBLIC: &str = "http://1.1.1.1";

async fn lab(proxy: &str) -> Lab {
    Lab::start_with(&["--delay", "0s", "--proxy", proxy]).await
}

/// Crawls a URL and says what its record says.
async fn crawl(lab: &Lab, url: &str) -> (u16, Option<String>) {
    lab.admit(url).await;
    assert_eq!(lab.fetch().await, Outcome::Ack, "{url}");
    let record = lab.crawl_record_of(&url.parse().unwrap()).await.unwrap();
    (record.status, record.code)
}

#[tokio::test]
async fn a_public_page_comes_through_the_proxy_though_the_proxy_is_inside() {
    let proxy = FakeSite::start().await;
    let lab = lab(&format!("http://localhost:{}", proxy.addr().port())).await;
    let url = format!("{PUBLIC}/1");
    proxy.page(&url, Reply::html("讲话"));
    assert_eq!(crawl(&lab, &url).await, (200, None));
    let asked: Vec<_> = proxy.requests().into_iter().map(|it| it.path).collect();
    assert_eq!(asked, [format!("{PUBLIC}/robots.txt"), url]);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_asked_of_the_proxy_either() {
    let proxy = FakeSite::start().await;
    proxy.otherwise(Reply::html("secret"));
    let lab = lab(&proxy.url("")).await;
    for url in [
        "http://localhost/",
        "https://localhost/",
        "http://127.0.0.2/",
    ] {
        lab.queue_url(url).await;
        let refused = Outcome::Dead("address_not_public".to_owned());
        assert_eq!(lab.fetch().await, refused, "{url}");
    }
    let url = "http://nothing.invalid/";
    assert_eq!(crawl(&lab, url).await, (0, Some("dns_failed".to_owned())));
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_through_the_proxy_does_not_lead_inside() {
    let proxy = FakeSite::start().await;
    let lab = lab(&proxy.url("")).await;
    let url = format!("{PUBLIC}/1");
    proxy.page(&url, Reply::redirect("http://localhost:8080/"));
    lab.admit(&url).await;
    let refused = Outcome::Dead("address_not_public".to_owned());
    assert_eq!(lab.fetch().await, refused);
}

#[tokio::test]
async fn a_host_that_the_operator_allows_is_asked_directly() {
    let proxy = FakeSite::start_on("127.0.0.2:0").await;
    let url = proxy.url("");
    let lab = Lab::start_with(&["--allow-address", "127.0.0.1", "--proxy", &url]).await;
    lab.site.page("/1", Reply::html("ours"));
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    assert_eq!((lab.site.hits("/1"), proxy.num_connections()), (1, 0));
}

#[tokio::test]
async fn a_secure_page_comes_through_the_proxy_and_only_the_site_sees_it() {
    let ca = TestCa::new();
    let site = FakeSite::start_tls(ca.certificate(&["1.1.1.1"])).await;
    site.page("/1", Reply::html("讲话"));
    let proxy = FakeSite::start().await;
    proxy.page("1.1.1.1:443", Reply::tunnel_to(site.addr()));
    let (url, trusted) = (proxy.url(""), files::with(&ca.pem()));
    let path = trusted.path().to_str().unwrap();
    let lab = Lab::start_with(&["--delay", "0s", "--proxy", &url, "--ca-file", path]).await;
    assert_eq!(crawl(&lab, "https://1.1.1.1/1").await, (200, None));
    assert_eq!(site.requests_to("/1")[0].version, "HTTP/2");
    assert_eq!((proxy.requests().len(), proxy.num_connections()), (1, 1));
}

#[tokio::test]
async fn a_proxy_that_does_not_lead_there_is_no_fault_of_the_page() {
    let failed = (0, Some("proxy_failed".to_owned()));
    let proxy = FakeSite::start().await;
    let lab = lab(&format!("http://me:s3cret@{}", proxy.addr())).await;
    proxy.otherwise(Reply::status(407));
    assert_eq!(crawl(&lab, &format!("{PUBLIC}/1")).await, failed);
    let password = proxy.requests()[0]
        .header("Proxy-Authorization")
        .map(ToOwned::to_owned);
    assert_eq!(password.as_deref(), Some("Basic bWU6czNjcmV0"));
    proxy.otherwise(Reply::status(502));
    assert_eq!(crawl(&lab, "https://1.1.1.1/2").await, failed);
    drop(proxy);
    assert_eq!(crawl(&lab, &format!("{PUBLIC}/3")).await, failed);
}
