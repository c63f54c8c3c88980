//! `speechmill status`: at a glance, and where each URL is and why.

use testkit::{Reply, eventually};

use crate::lab::{Lab, keys, speech};

#[tokio::test]
async fn a_server_that_nobody_has_used_has_nothing_to_show() {
    let lab = Lab::start().await;
    let ended = lab.run(&["status"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("no dead letters"), "{ended:?}");
    assert!(
        ended.out.contains("index speeches: not there yet"),
        "{ended:?}"
    );
    let json = lab.json(&["status"]).await;
    assert_eq!(
        keys(&json[0]),
        [
            "bursts",
            "consumers",
            "dead",
            "ends",
            "index",
            "is_store_full",
            "streams"
        ]
    );
    let url = lab.run(&["status", "https://example.com/"]).await;
    assert_eq!(url.code, Some(1), "{url:?}");
    assert_eq!(url.out, "https://example.com/  unknown\n");
}

#[tokio::test]
async fn every_url_is_told_of_on_its_way_to_the_index() {
    let mut lab = Lab::start().await;
    lab.site.page("/1.html", speech(1));
    lab.submit(&["/1.html"]).await;
    let status = lab.reaches("/1.html", "submitted").await;
    assert_eq!(status["url_id"], lab.url_id("/1.html"));

    lab.start_role("crawler").await;
    let status = lab.reaches("/1.html", "fetched").await;
    assert!(status["at"].is_string(), "{status}");
    lab.start_role("extractor").await;
    let status = lab.reaches("/1.html", "extracted").await;
    assert_eq!(status["speeches"][0]["state"], "extracted");
    lab.start_role("indexer").await;
    let status = lab.reaches("/1.html", "indexed").await;
    assert_eq!(keys(&status["speeches"][0]), ["speech_id", "state"]);
    for key in ["url", "url_id", "state", "at", "speeches"] {
        assert!(status.get(key).is_some(), "{key} is not in {status}");
    }

    // Once more, and behind the crawler nobody works.
    lab.stop_role("extractor").await;
    lab.site.page("/1.html", speech(2));
    lab.submit(&["/1.html"]).await;
    lab.reaches("/1.html", "fetched").await;

    let overview = lab.json(&["status"]).await;
    assert_eq!(overview[0]["index"]["num_documents"], 1, "{overview:?}");
    let stream = &overview[0]["streams"][0];
    assert_eq!(
        keys(stream),
        [
            "max_bytes",
            "name",
            "num_bytes",
            "num_messages",
            "oldest_at"
        ]
    );
    let consumer = &overview[0]["consumers"][0];
    assert_eq!(
        keys(consumer),
        [
            "name",
            "num_held",
            "num_pending",
            "num_redelivered",
            "num_waiting",
            "stream"
        ]
    );
    let text = lab.run(&["status"]).await;
    assert!(text.out.contains("nobody pulls"), "{text:?}");
}

#[tokio::test]
async fn a_url_that_waits_says_for_what_and_for_how_long() {
    let mut lab = Lab::without_index().await;
    lab.site.page("/busy.html", Reply::status(503));
    lab.site.page("/slow.html", Reply::hang());
    lab.start_role_with("crawler", |options| {
        options
            .env("SPEECHMILL_RETRY_BASE", "1h")
            .env("SPEECHMILL_RETRY_CAP", "1h")
    })
    .await;
    lab.submit(&["/busy.html"]).await;
    let busy = lab.reaches("/busy.html", "deferred").await;
    assert_eq!(
        (&busy["code"], &busy["attempts"]),
        (&"http_503".into(), &1.into())
    );
    assert!(busy["at"].is_string(), "{busy}");
    let url = lab.site.url("/busy.html");
    let text = lab.run(&["status", &url]).await;
    assert!(
        text.out
            .contains("deferred (http_503), failed attempts: 1, until "),
        "{text:?}"
    );
    lab.submit(&["/slow.html"]).await;
    let slow = lab.reaches("/slow.html", "queued").await;
    assert!(slow["at"].is_string(), "{slow}");
}

#[tokio::test]
async fn a_url_that_ended_without_a_speech_says_why() {
    let mut lab = Lab::start().await;
    let notice = "<html><head><title>通知</title></head><body><p>本站维护中。</p></body></html>";
    lab.site.page("/empty.html", Reply::html(notice));
    lab.site.page("/forbidden.html", Reply::status(403));
    lab.site.page("/broken.html", Reply::status(500));
    for role in ["crawler", "extractor", "indexer"] {
        lab.start_role(role).await;
    }
    lab.submit(&[
        "/empty.html",
        "/forbidden.html",
        "/broken.html",
        "/gone.html",
    ])
    .await;
    let nowhere = "http://no-such-host.invalid/";
    let private = "http://10.0.0.1/private.html";
    lab.json(&["submit", "--every", "7d", nowhere, private])
        .await;
    lab.publish("crawl.submit", b"nonsense").await;

    let empty = lab.reaches("/empty.html", "skipped").await;
    assert!(empty["code"].is_string(), "{empty}");
    let gone = lab.reaches("/gone.html", "skipped").await;
    assert_eq!(gone["code"], "gone");
    for (url, code, attempts) in [
        (&*lab.site.url("/forbidden.html"), "http_403", 1),
        (&lab.site.url("/broken.html"), "http_500", 3),
        (nowhere, "dns_failed", 3),
        (private, "address_not_public", 1),
        ("nonsense", "malformed_url", 1),
    ] {
        let dead = lab.url_reaches(url, "dead").await;
        assert_eq!(
            (&dead["code"], &dead["attempts"]),
            (&code.into(), &attempts.into())
        );
        let error = dead["error"].as_str().unwrap();
        assert!(!error.is_empty() && !error.contains('\n'), "{dead}");
        let text = lab.run(&["status", url]).await;
        assert_eq!(text.code, Some(0), "{text:?}");
        assert!(text.out.contains(&format!("dead ({code})")), "{text:?}");
        assert!(text.out.contains(error), "{text:?}");
    }
    assert!(
        lab.url_reaches(nowhere, "dead").await["error"]
            .as_str()
            .unwrap()
            .contains("given up after 3 attempts: no-such-host.invalid can't be resolved")
    );
    let overview = lab.json(&["status"]).await;
    assert_eq!(
        overview[0]["dead"]["crawler"]["http_403"], 1,
        "{overview:?}"
    );

    // Without their letters, they are remembered as dropped.
    let dropped = lab.run(&["dead", "drop", "--stage", "crawler"]).await;
    assert_eq!(dropped.out, "dropped: 3\n", "{dropped:?}");
    let broken = lab.reaches("/broken.html", "dropped").await;
    assert_eq!(broken["code"], "http_500");
    lab.reaches("/forbidden.html", "dropped").await;
}

#[tokio::test]
async fn a_url_that_keeps_being_deferred_never_looks_as_if_it_had_ended() {
    let mut lab = Lab::without_index().await;
    lab.site.page("/flaky.html", Reply::status(500));
    lab.start_role_with("crawler", |options| {
        options
            .env("SPEECHMILL_MAX_ATTEMPTS", "25")
            .env("SPEECHMILL_RETRY_BASE", "1ms")
            .env("SPEECHMILL_RETRY_CAP", "20ms")
    })
    .await;
    lab.submit(&["/flaky.html"]).await;
    eventually("it is dead, and was on its way until then", async || {
        let status = lab.status(&lab.site.url("/flaky.html")).await;
        let state = status["state"].as_str().unwrap();
        if state == "dead" {
            assert_eq!(lab.site.hits("/flaky.html"), 25);
            return Some(());
        }
        assert!(
            ["submitted", "queued", "deferred"].contains(&state),
            "{status}"
        );
        None
    })
    .await;
}

#[tokio::test]
async fn a_page_that_waits_to_be_extracted_again_is_not_at_its_end() {
    let mut lab = Lab::start().await;
    lab.site.page("/1.html", speech(1));
    for role in ["crawler", "extractor", "indexer"] {
        lab.start_role(role).await;
    }
    lab.submit(&["/1.html"]).await;
    lab.reaches("/1.html", "indexed").await;
    lab.stop_role("extractor").await;
    let subject = format!("page.again.{}", lab.url_id("/1.html"));
    lab.publish(&subject, b"").await;
    assert_eq!(
        lab.status(&lab.site.url("/1.html")).await["state"],
        "fetched"
    );
    lab.start_role("extractor").await;
    lab.reaches("/1.html", "indexed").await;
}

#[tokio::test]
async fn a_meilisearch_that_is_away_is_the_reason_that_is_told() {
    let mut lab = Lab::without_index().await;
    lab.site.page("/1.html", speech(1));
    lab.start_role("crawler").await;
    lab.start_role("extractor").await;
    lab.submit(&["/1.html"]).await;
    let status = lab.reaches("/1.html", "extracted").await;
    assert_eq!(status["code"], "meilisearch_unavailable", "{status}");
}

#[tokio::test]
async fn a_page_that_loses_its_speech_keeps_it_and_one_that_is_gone_takes_it_along() {
    let mut lab = Lab::start().await;
    let empty = "<html><head><title>通知</title></head><body><p>本站维护中。</p></body></html>";
    let pages = [speech(1), Reply::html(empty), Reply::status(404)];
    lab.site.sequence("/1.html", pages);
    for role in ["crawler", "extractor", "indexer"] {
        lab.start_role(role).await;
    }
    let url = lab.site.url("/1.html");
    lab.json(&["submit", "--wait", &url]).await;
    let skipped = lab.json(&["submit", "--wait", &url]).await;
    assert_eq!(skipped[0]["state"], "skipped", "{skipped:?}");
    assert_eq!(skipped[0]["speeches"][0]["state"], "indexed", "{skipped:?}");
    let gone = lab.json(&["submit", "--wait", &url]).await;
    assert_eq!(gone[0]["code"], "gone", "{gone:?}");
    eventually("the speech is withdrawn", async || {
        let overview = lab.json(&["status"]).await;
        (overview[0]["index"]["num_documents"] == 0).then_some(())
    })
    .await;
}
