//! Pages that are submitted again: unchanged, changed, gone, back.

use serde_json::Value;
use testkit::Reply;

use crate::mill::{Mill, ROLES};
use crate::pages::{html, speech};

/// Submits a path and waits for its end, as a user does.
async fn again(mill: &Mill, path: &str) -> Value {
    let url = mill.site.url(path);
    let (code, mut lines) = mill.command(&["submit", "--wait", &url]).await;
    assert_eq!(code, Some(0), "{lines:?}");
    lines.pop().unwrap()
}

/// The sequence of what stands on a subject.
async fn sequence(mill: &Mill, stream: &str, subject: &str) -> u64 {
    let stream = mill.outside().await.get_stream(stream).await.unwrap();
    let message = stream.direct_get_last_for_subject(subject).await;
    message.unwrap().sequence
}

#[tokio::test]
async fn an_unchanged_page_is_extracted_once_and_a_changed_one_again() {
    let mill = Mill::start().await;
    mill.site.page("/tagged.html", html(&speech(1)).etag("v1"));
    mill.site.page("/plain.html", html(&speech(2)));
    for path in ["/tagged.html", "/plain.html"] {
        let first = again(&mill, path).await;
        assert_eq!(first["state"], "indexed", "{first}");
        let page = format!("page.fetched.{}", first["url_id"].as_str().unwrap());
        let record = format!("$KV.urls.{}.extract", first["url_id"].as_str().unwrap());
        let before = (
            sequence(&mill, "PAGES", &page).await,
            sequence(&mill, "KV_urls", &record).await,
            mill.document(path).await["version"].clone(),
        );
        let second = again(&mill, path).await;
        assert_eq!(second, first, "unchanged is indexed still");
        mill.is_idle().await;
        let after = (
            sequence(&mill, "PAGES", &page).await,
            sequence(&mill, "KV_urls", &record).await,
            mill.document(path).await["version"].clone(),
        );
        assert_eq!(after, before, "{path}");
        assert_eq!(mill.site.hits(path), 2);
    }
    let asked = mill.site.requests_to("/tagged.html");
    assert_eq!(asked[1].header("If-None-Match"), Some("\"v1\""));

    mill.site.page("/tagged.html", html(&speech(3)).etag("v2"));
    let third = again(&mill, "/tagged.html").await;
    assert_eq!(third["state"], "indexed", "{third}");
    let document = mill.document("/tagged.html").await;
    assert!(
        document["title"].as_str().unwrap().contains("校园安全"),
        "{document}"
    );
    assert!(mill.dead().await.is_empty());
}

#[tokio::test]
async fn a_page_that_vanishes_is_withdrawn_and_indexed_again_when_it_is_back() {
    let mill = Mill::start().await;
    mill.site.page("/1.html", html(&speech(1)).etag("v1"));
    assert_eq!(again(&mill, "/1.html").await["state"], "indexed");
    // Not to be reached is not to be gone.
    mill.site.page("/1.html", Reply::status(403));
    mill.submit(&["/1.html"]).await;
    mill.ends("/1.html", "dead", "http_403").await;
    assert_eq!(mill.documents().await.len(), 1);
    mill.site.page("/1.html", Reply::status(410));
    let gone = again(&mill, "/1.html").await;
    assert_eq!(
        (&gone["state"], &gone["code"]),
        (&"skipped".into(), &"gone".into())
    );
    mill.is_idle().await;
    assert!(mill.documents().await.is_empty());
    mill.site.page("/1.html", html(&speech(1)).etag("v1"));
    assert_eq!(again(&mill, "/1.html").await["state"], "indexed");
    assert_eq!(mill.documents().await.len(), 1);
}

#[tokio::test]
async fn when_too_many_pages_of_a_host_vanish_at_once_the_others_wait_for_an_operator() {
    let mut mill = Mill::with_servers().await;
    mill.set("SPEECHMILL_MAX_VANISHED", "2");
    for role in ROLES {
        mill.start_role(role).await;
    }
    let paths = ["/1.html", "/2.html", "/3.html", "/4.html"];
    for (number, path) in paths.iter().enumerate() {
        mill.site.page(path, html(&speech(number)));
    }
    mill.submit(&paths).await;
    for path in paths {
        mill.reaches(path, "indexed").await;
    }
    let unwanted = |number| html(&speech(number)).header("X-Robots-Tag", "noindex");
    let replies = [
        Reply::status(404),
        unwanted(1),
        Reply::status(404),
        unwanted(3),
    ];
    for (path, reply) in paths.into_iter().zip(replies) {
        mill.site.page(path, reply);
        let fate = again(&mill, path).await;
        assert_eq!(fate["state"], "skipped", "{fate}");
    }
    mill.ends("/1.html", "skipped", "gone").await;
    mill.ends("/2.html", "skipped", "noindex").await;
    for path in ["/3.html", "/4.html"] {
        mill.ends(path, "skipped", "withdrawal_held").await;
        assert_eq!(mill.status(path).await["speeches"][0]["state"], "indexed");
    }
    mill.is_idle().await;
    assert_eq!(mill.documents().await.len(), 2);
    let (_, held) = mill.command(&["host", "held"]).await;
    assert_eq!(held[0]["host"], mill.site.host());
    assert_eq!(
        (&held[0]["num_withdrawn"], &held[0]["num_pages"]),
        (&2.into(), &2.into())
    );

    // One is back before anybody looks.
    mill.site.page("/3.html", html(&speech(2)));
    assert_eq!(again(&mill, "/3.html").await["state"], "indexed");
    let host = mill.site.host();
    let (code, released) = mill.command(&["host", "release", &host]).await;
    assert_eq!((code, &released[0]["num_released"]), (Some(0), &1.into()));
    mill.ends("/4.html", "skipped", "noindex").await;
    mill.is_idle().await;
    assert_eq!(mill.documents().await.len(), 1);
    assert!(mill.command(&["host", "held"]).await.1.is_empty());
    let (code, _) = mill.command(&["host", "release", &host]).await;
    assert_eq!(code, Some(1), "nothing is held any more");
    assert!(mill.dead().await.is_empty());

    // What a role counts last is not lost with it.
    for role in ["crawler", "extractor"] {
        mill.terminate(role).await;
    }
    let (_, status) = mill.command(&["status"]).await;
    let ends = &status[0]["ends"];
    for (stage, code) in [
        ("crawler", "gone"),
        ("extractor", "noindex"),
        ("extractor", "withdrawal_held"),
    ] {
        assert_eq!(ends[stage][code], 2, "{code}: {ends}");
    }
}
