//! robots.txt of all kinds: what is asked, what is not, and what becomes of what must not be asked.

use std::time::Duration;

use messages::{CanonicalUrl, RobotsRecord};
use testkit::{FakeSite, Reply, eventually};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use worker::Outcome;
use worker::topology::Bucket;

use crate::it::lab::Lab;

const FILE: &str = "/robots.txt";

/// A site whose pages are all there, under these rules.
async fn lab(rules: Reply) -> Lab {
    lab_with(rules, &["--allow-address", "127.0.0.1"]).await
}

async fn lab_with(rules: Reply, arguments: &[&str]) -> Lab {
    let lab = Lab::start_with(arguments).await;
    lab.site.otherwise(Reply::html("here"));
    lab.site.page(FILE, rules);
    lab
}

/// Fetches a page, and says whether the site was asked for it.
async fn is_asked(lab: &Lab, path: &str) -> bool {
    assert_eq!(lab.crawl(path).await, Outcome::Ack, "{path}");
    let hits = lab.site.hits(path);
    assert_eq!(lab.page(path).await.is_some(), hits > 0, "{path}");
    hits > 0
}

async fn code_of(lab: &Lab, path: &str) -> Option<String> {
    lab.crawl_record(path).await.unwrap().code
}

/// Seconds until a deferred request is due.
async fn wait_of(lab: &Lab, path: &str) -> i64 {
    let schedule = lab.schedule(path).await;
    let at = OffsetDateTime::parse(schedule.strip_prefix("@at ").unwrap(), &Rfc3339).unwrap();
    (at - OffsetDateTime::now_utc()).whole_seconds()
}

#[tokio::test]
async fn a_site_without_rules_is_asked_for_them_once() {
    let lab = lab(Reply::status(404)).await;
    assert!(is_asked(&lab, "/1").await && is_asked(&lab, "/2").await);
    let paths: Vec<_> = lab.site.requests().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, [FILE, "/1", "/2"]);
    let asked = &lab.site.requests_to(FILE)[0];
    let agent = asked.header("User-Agent").unwrap();
    assert!(agent.starts_with("speechmill/"), "{agent}");
}

#[tokio::test]
async fn a_page_that_the_rules_forbid_is_a_named_skip_and_nothing_else() {
    let rules = "User-agent: *\nDisallow: /a\nAllow: /a/open*.html$\n";
    let lab = lab(Reply::text(rules)).await;
    for (path, expected) in [
        ("/a/secret.html", false),
        ("/a/open/1.html", true),
        ("/a/open/1.html?print", false),
        ("/b", true),
    ] {
        assert_eq!(is_asked(&lab, path).await, expected, "{path}");
        let code = (!expected).then(|| "robots_denied".to_owned());
        assert_eq!(code_of(&lab, path).await, code, "{path}");
        assert!(lab.due(path).await.is_none() && lab.later(path).await.is_none());
    }
    assert!(lab.dead().await.is_empty());
}

#[tokio::test]
async fn rules_that_change_withdraw_nothing() {
    let ways = ["--allow-address", "127.0.0.1", "--robots-ttl", "1ms"];
    let lab = lab_with(Reply::status(404), &ways).await;
    lab.site.page("/1", Reply::html("here").etag("v1"));
    assert!(is_asked(&lab, "/1").await);
    let page = lab.page("/1").await;
    lab.site
        .page(FILE, Reply::text("User-agent: *\nDisallow: /\n"));
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    assert_eq!((lab.site.hits("/1"), lab.site.hits(FILE)), (1, 2));
    assert_eq!(lab.page("/1").await, page);
    let record = lab.crawl_record("/1").await.unwrap();
    assert_eq!(record.code.as_deref(), Some("robots_denied"));
    assert_eq!((record.etag.as_deref(), record.misses), (Some("\"v1\""), 0));
}

#[tokio::test]
async fn the_group_of_our_name_holds_and_the_page_knows_the_name() {
    let rules = "User-agent: *\nDisallow: /\n\nUser-agent: OurBot\nDisallow: /a\n";
    let ways = [
        "--allow-address",
        "127.0.0.1",
        "--user-agent",
        "ourbot/2.0 (test)",
    ];
    let lab = lab_with(Reply::text(rules), &ways).await;
    assert!(!is_asked(&lab, "/a").await && is_asked(&lab, "/b").await);
    assert_eq!(lab.response("/b").await.agent.as_deref(), Some("ourbot"));
}

#[tokio::test]
async fn a_site_that_fails_to_show_its_rules_is_left_alone_until_it_heals() {
    let ways = ["--allow-address", "127.0.0.1", "--retry-base", "10ms"];
    let lab = lab_with(Reply::status(500), &ways).await;
    for path in ["/1", "/2"] {
        assert!(!is_asked(&lab, path).await);
        let code = code_of(&lab, path).await;
        assert_eq!(code.as_deref(), Some("robots_unreachable"));
    }
    let rules = "User-agent: *\nDisallow: /2\n";
    lab.site.page(FILE, Reply::text(rules));
    for path in ["/1", "/2"] {
        let due = eventually("it is due again", async || lab.due(path).await).await;
        assert_eq!(due.attempt, 0);
    }
    for _ in 0..2 {
        assert_eq!(lab.fetch().await, Outcome::Ack);
    }
    assert_eq!(lab.response("/1").await.status, 200);
    let code = code_of(&lab, "/2").await;
    assert_eq!(code.as_deref(), Some("robots_denied"));
    assert_eq!(lab.site.hits("/2"), 0);
    assert!(lab.dead().await.is_empty());
}

#[tokio::test]
async fn a_site_that_does_not_get_its_rules_across_is_not_asked_for_pages() {
    let ways = ["--allow-address", "127.0.0.1", "--fetch-timeout", "300ms"];
    let slow = Reply::text("User-agent: *\nAllow: /\n").slow(1, Duration::from_millis(200));
    for rules in [
        Reply::hang(),
        Reply::close(),
        slow,
        Reply::text("User-agent: *\nAllow: /\n").cut_after(5),
        Reply::raw("nonsense\r\n\r\n"),
        Reply::status(503),
    ] {
        let lab = lab_with(rules.clone(), &ways).await;
        assert!(!is_asked(&lab, "/1").await, "{rules:?}");
        let code = code_of(&lab, "/1").await;
        assert_eq!(code.as_deref(), Some("robots_unreachable"), "{rules:?}");
        assert_eq!(lab.later("/1").await.unwrap().attempt, 0, "{rules:?}");
    }
}

#[tokio::test]
async fn a_site_may_say_when_to_ask_for_its_rules_again() {
    let rules = Reply::status(429).header("Retry-After", "600");
    let lab = lab(rules).await;
    for path in ["/1", "/2"] {
        assert!(!is_asked(&lab, path).await);
        let wait = wait_of(&lab, path).await;
        assert!((590..=600).contains(&wait), "{wait}");
    }
    assert_eq!(lab.site.hits(FILE), 1);
}

#[tokio::test]
async fn refusals_and_what_is_no_robots_txt_allow_everything() {
    for rules in [
        Reply::status(401),
        Reply::status(403),
        Reply::status(410),
        Reply::status(302),
        Reply::html("<p>404<br>Disallow: /"),
        Reply::redirect("/robots.txt"),
        Reply::redirect("ftp://a.cn/robots.txt"),
    ] {
        let lab = lab(rules.clone()).await;
        assert!(is_asked(&lab, "/1").await, "{rules:?}");
    }
}

#[tokio::test]
async fn rules_are_read_whatever_their_type_and_as_far_as_their_limit() {
    let mut lines = "User-agent: *\nDisallow: /a\n".to_owned();
    lines.push_str(&"# nothing\n".repeat(60_000));
    lines.push_str("Disallow: /b\n");
    let lab = lab(Reply::bytes("application/pdf", lines).gzip()).await;
    assert!(!is_asked(&lab, "/a").await && is_asked(&lab, "/b").await);
    let endless = FakeSite::start().await;
    let piece = "User-agent: *\nDisallow: /a\n".repeat(1_000);
    endless.page(FILE, Reply::endless(piece, Duration::ZERO));
    let url: CanonicalUrl = endless.url("/a").parse().unwrap();
    lab.admit(url.as_str()).await;
    assert_eq!(lab.fetch().await, Outcome::Ack);
    let record = lab.crawl_record_of(&url).await.unwrap();
    assert_eq!(record.code.as_deref(), Some("robots_denied"));
}

#[tokio::test]
async fn five_redirects_lead_to_the_rules_of_the_host_that_was_asked_and_six_do_not() {
    for (num_redirects, expected) in [(5, false), (6, true)] {
        let elsewhere = FakeSite::start().await;
        let lab = lab(Reply::redirect(elsewhere.url("/1"))).await;
        for n in 1..num_redirects {
            let next = Reply::redirect(format!("/{}", n + 1)).with_status(301);
            elsewhere.page(&format!("/{n}"), next);
        }
        let rules = Reply::text("User-agent: *\nDisallow: /a\n");
        elsewhere.page(&format!("/{num_redirects}"), rules);
        assert_eq!(is_asked(&lab, "/a").await, expected, "{num_redirects}");
    }
}

#[tokio::test]
async fn rules_are_not_fetched_from_an_address_inside() {
    let inside = FakeSite::start_on("127.0.0.2:0").await;
    let lab = lab(Reply::redirect(inside.url(FILE))).await;
    assert!(is_asked(&lab, "/1").await);
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_to_another_host_is_under_the_rules_of_that_host() {
    let lab = lab(Reply::status(404)).await;
    let other = FakeSite::start().await;
    other.page(FILE, Reply::text("User-agent: *\nDisallow: /\n"));
    lab.site.page("/1", Reply::redirect(other.url("/1")));
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    let code = code_of(&lab, "/1").await;
    assert_eq!(code.as_deref(), Some("robots_denied"));
    let paths: Vec<_> = other.requests().into_iter().map(|it| it.path).collect();
    assert_eq!(paths, [FILE]);
}

#[tokio::test]
async fn rules_are_shared_by_all_crawlers() {
    let rules = "User-agent: *\nDisallow: /a\nSitemap: https://a.cn/s.xml\n";
    let lab = lab(Reply::text(rules)).await;
    assert!(is_asked(&lab, "/1").await);
    let other = lab.second_crawler(&["--allow-address", "127.0.0.1"]);
    lab.queue("/a", 0).await;
    assert_eq!(lab.fetch_by(&other).await, Outcome::Ack);
    assert_eq!((lab.site.hits(FILE), lab.site.hits("/a")), (1, 0));
    let host = lab.url("/").host();
    let sitemaps = other.robots().sitemaps(&host).await.unwrap();
    assert_eq!(sitemaps, ["https://a.cn/s.xml".parse().unwrap()]);
    let key = RobotsRecord::key(&host);
    let record = lab.broker.record::<RobotsRecord>(Bucket::Hosts, &key).await;
    let record = record.unwrap().unwrap().value;
    let lifetime = record.expires_at - record.fetched_at;
    assert_eq!((record.status, lifetime.whole_hours()), (200, 24));
}

#[tokio::test]
async fn rules_are_fetched_again_when_their_time_is_over() {
    let ways = ["--allow-address", "127.0.0.1", "--robots-ttl", "1ms"];
    let lab = lab_with(Reply::status(404), &ways).await;
    lab.crawl("/1").await;
    lab.crawl("/2").await;
    assert_eq!(lab.site.hits(FILE), 2);
}

#[tokio::test]
async fn a_record_that_is_not_understood_counts_as_none() {
    let lab = lab(Reply::text("User-agent: *\nDisallow: /a\n")).await;
    let key = RobotsRecord::key(&lab.url("/").host());
    let written = lab.broker.write_record(Bucket::Hosts, &key, &"nonsense");
    written.await.unwrap();
    assert!(!is_asked(&lab, "/a").await);
}

#[tokio::test]
async fn the_operator_may_ignore_the_rules_of_hosts_that_are_allowed_by_name() {
    let rules = Reply::text("User-agent: *\nDisallow: /\n");
    let own = [
        "--allow-address",
        "127.0.0.1,localhost",
        "--ignore-robots",
        "127.0.0.1",
    ];
    let lab = lab_with(rules, &own).await;
    assert!(is_asked(&lab, "/1").await);
    assert_eq!(lab.site.hits(FILE), 0);
    let url = format!("http://localhost:{}/2", lab.site.addr().port());
    lab.admit(&url).await;
    assert_eq!(lab.fetch().await, Outcome::Ack);
    assert_eq!((lab.site.hits(FILE), lab.site.hits("/2")), (1, 0));
}

#[tokio::test]
async fn a_crawl_delay_is_kept_as_far_as_it_is_in_reason() {
    let rules = Reply::text("User-agent: *\nCrawl-delay: 86400\n");
    let lab = lab_with(rules, &["--allow-address", "127.0.0.1", "--delay", "1ms"]).await;
    assert!(is_asked(&lab, "/1").await && !is_asked(&lab, "/2").await);
    assert_eq!(lab.later("/2").await.unwrap().attempt, 0);
    let wait = wait_of(&lab, "/2").await;
    assert!((280..=330).contains(&wait), "{wait}");
}

#[tokio::test]
async fn what_a_site_says_of_a_page_travels_with_it() {
    let lab = Lab::start().await;
    let reply = Reply::html("here")
        .header("X-Robots-Tag", "noindex, nofollow")
        .header("X-Robots-Tag", "otherbot: none");
    lab.site.page("/1", reply);
    lab.crawl("/1").await;
    let page = lab.response("/1").await;
    assert_eq!(page.robots_tags, ["noindex, nofollow", "otherbot: none"]);
    assert_eq!(page.agent, None);
}
