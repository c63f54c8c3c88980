//! `speechmill submit`: what reaches the queue, and what is said about it.

use worker::topology::SUBMIT;

use crate::lab::{Lab, ended, keys, speech};

#[tokio::test]
async fn urls_come_from_arguments_from_standard_input_and_from_files() {
    let lab = Lab::without_index().await;
    let one = lab.run(&["submit", "https://example.com/1"]).await;
    assert_eq!(
        (one.code, &*one.out),
        (Some(0), "1 URL submitted\n"),
        "{one:?}"
    );
    let text = "\u{feff}https://example.com/2\r\n# a comment\r\n\r\n  HTTPS://EXAMPLE.com:443/2#x\r\n\
                https://example.com/3\r\n";
    let two = lab.run_with(&["submit", "-"], text).await;
    assert_eq!(
        (two.code, &*two.out),
        (Some(0), "2 URLs submitted\n"),
        "{two:?}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    let four = lab
        .run_with(
            &["submit", "https://example.com/4", "-", "--file", path],
            "https://example.com/5",
        )
        .await;
    assert_eq!(
        (four.code, &*four.out),
        (Some(0), "4 URLs submitted\n"),
        "{four:?}"
    );
    let state = lab
        .broker()
        .await
        .stream_state(SUBMIT)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(state.num_messages, 3, "one message for each call");
}

#[tokio::test]
async fn receipts_are_sequences_of_the_queue() {
    let lab = Lab::without_index().await;
    let urls = ["https://example.com/1", "https://example.com/2"];
    let receipts = lab.json(&["submit", urls[0], urls[1]]).await;
    assert_eq!(receipts.len(), 2);
    for (receipt, url) in receipts.iter().zip(urls) {
        assert_eq!(keys(receipt), ["receipt", "url", "url_id"]);
        assert_eq!(receipt["url"], url);
        assert_eq!(receipt["receipt"], 1);
    }
    let again = lab.json(&["submit", "--refetch", urls[0], urls[1]]).await;
    assert_eq!(
        (&again[0]["receipt"], &again[1]["receipt"]),
        (&2.into(), &3.into())
    );
}

#[tokio::test]
async fn bad_lines_are_named_each_and_the_good_ones_are_submitted() {
    let lab = Lab::without_index().await;
    let text = "https://example.com/good\nnonsense\nftp://example.com/x\n";
    let ended = lab.run_with(&["submit", "-"], text).await;
    assert_eq!(ended.code, Some(1), "a script must notice: {ended:?}");
    assert_eq!(ended.out, "1 URL submitted\n");
    let lines: Vec<&str> = ended.err.lines().collect();
    assert_eq!(lines.len(), 2, "{ended:?}");
    assert!(
        lines[0].starts_with("speechmill: not submitted: "),
        "{ended:?}"
    );
    assert!(
        lines[0].contains("nonsense") && lines[1].contains("ftp"),
        "{ended:?}"
    );
    let status = lab.status("https://example.com/good").await;
    assert_eq!(status["state"], "submitted");
}

#[tokio::test]
async fn thousands_of_urls_are_submitted_in_few_messages() {
    let lab = Lab::without_index().await;
    let urls: Vec<String> = (0..3_000)
        .map(|n| format!("https://example.com/{n}"))
        .collect();
    let urls = urls.join("\n");
    let ended = lab.run_with(&["submit", "-", "--json"], &urls).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let receipts = ended.lines();
    assert_eq!(receipts.len(), 3_000);
    assert_eq!(receipts[2_999]["url"], "https://example.com/2999");
    assert_eq!(receipts[2_999]["receipt"], 6);
}

#[tokio::test]
async fn a_full_queue_is_an_error_that_says_how_far_it_came() {
    let lab = Lab::without_index().await;
    let urls: Vec<String> = (0..20_000)
        .map(|n| format!("https://example.com/{n}/{}", "a".repeat(1_000)))
        .collect();
    let urls = urls.join("\n");
    let options = lab
        .command(["submit", "-"])
        .env("SPEECHMILL_PAGES_MAX_MIB", "16");
    let ended = ended(options, &urls).await;
    ended.only_says(1, &["of 20000 URLs", "no room"]);
    let state = lab
        .broker()
        .await
        .stream_state(SUBMIT)
        .await
        .unwrap()
        .unwrap();
    let number = state.num_messages * 500;
    assert!(
        ended.err.contains(&format!("submitted {number} of")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn an_interval_leaves_a_schedule_in_hours() {
    let mut lab = Lab::without_index().await;
    lab.site.page("/1.html", speech(1));
    lab.start_role("crawler").await;
    let url = lab.site.url("/1.html");
    let submitted = lab.run(&["submit", "--every", "7d", &url]).await;
    assert_eq!(submitted.code, Some(0), "{submitted:?}");
    let status = lab.reaches("/1.html", "fetched").await;
    assert_eq!(status["every"], "168h", "{status}");
    let stream = lab.outside().await.get_stream("CRAWL").await.unwrap();
    let subject = format!("crawl.recrawl.{}", lab.url_id("/1.html"));
    let schedule = stream.direct_get_last_for_subject(subject).await.unwrap();
    assert_eq!(
        schedule.headers.get("Nats-Schedule").unwrap().as_str(),
        "@every 168h"
    );
}

#[tokio::test]
async fn waiting_again_waits_for_the_new_fetch_and_gives_up_in_time() {
    let mut lab = Lab::start().await;
    lab.site.sequence("/1.html", [speech(1), speech(2)]);
    for role in ["crawler", "extractor", "indexer"] {
        lab.start_role(role).await;
    }
    let url = lab.site.url("/1.html");
    for number in 1..=2 {
        let fate = lab.json(&["submit", "--wait", &url]).await;
        assert_eq!(fate[0]["state"], "indexed", "{fate:?}");
        assert_eq!(
            lab.site.hits("/1.html"),
            number,
            "it waits for the fetch it asked for"
        );
    }
    let found = lab.json(&["search", "粮食生产"]).await;
    assert_eq!(found[0]["hits"][0]["url"], url, "the new text is there");

    lab.site.page("/bad.html", testkit::Reply::status(403));
    let bad = lab.site.url("/bad.html");
    let dead = lab.run(&["submit", "--wait", &bad]).await;
    assert_eq!(dead.code, Some(1), "{dead:?}");
    assert!(dead.out.contains("dead (http_403)"), "{dead:?}");
    lab.stop_role("crawler").await;
    let late = lab
        .run(&["submit", "--wait", "--timeout", "100ms", &url])
        .await;
    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(late.out.contains("submitted"), "{late:?}");
}
