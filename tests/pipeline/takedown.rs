//! What an operator takes down: out of the index, out of every stream, and with a block for good.

use messages::{Message, Page, SpeechId, UrlId};
use serde_json::Value;
use testkit::{Reply, eventually};
use time::Duration;

use crate::mill::Mill;
use crate::pages::{html, list, speech};

/// Of the first speech alone, and of every form of it.
const PHRASE: &str = "第1号调研点";

fn url_id(mill: &Mill, path: &str) -> UrlId {
    UrlId::of(&mill.site.url(path).parse().unwrap())
}

/// Whether a message holds the phrase, packed or not.
fn holds_phrase(subject: &str, payload: &[u8]) -> bool {
    let phrase = PHRASE.as_bytes();
    let has = |bytes: &[u8]| bytes.windows(phrase.len()).any(|part| part == phrase);
    let page = Page::decode(subject, payload);
    match page {
        Ok(Page::Response(page)) => has(&page.body.decompress(1 << 20).unwrap()),
        _ => has(payload),
    }
}

/// The subjects of all messages, of buckets too, that hold the phrase.
async fn traces(mill: &Mill) -> Vec<String> {
    let mut traces = Vec::new();
    let outside = mill.outside().await;
    for name in [
        "SUBMIT",
        "FOUND",
        "CRAWL",
        "PAGES",
        "AGAIN",
        "SPEECHES",
        "DEAD",
        "KV_urls",
        "KV_hosts",
        "KV_attempts",
        "KV_jobs",
        "KV_copies",
    ] {
        let stream = outside.get_stream(name).await.unwrap();
        let last = stream.cached_info().state.last_sequence;
        for sequence in 1..=last {
            let Ok(message) = stream.get_raw_message(sequence).await else {
                continue;
            };
            if holds_phrase(&message.subject, &message.payload) {
                traces.push(message.subject.to_string());
            }
        }
    }
    traces
}

async fn remove(mill: &Mill, args: &[&str]) -> Value {
    let args: Vec<&str> = std::iter::once("remove")
        .chain(args.iter().copied())
        .collect();
    let (code, mut lines) = mill.command(&args).await;
    assert_eq!((code, lines.len()), (Some(0), 1), "{args:?}: {lines:?}");
    lines.remove(0)
}

async fn num_blocked(mill: &Mill) -> Option<u64> {
    let (_, lines) = mill.command(&["status"]).await;
    lines[0]["ends"]["admission"]["blocked"].as_u64()
}

#[tokio::test]
async fn what_is_removed_leaves_no_trace_of_its_text_and_comes_back_when_it_is_submitted() {
    let mill = Mill::start().await;
    mill.site.page("/1.html", html(&speech(1)).etag("\"1\""));
    mill.site.page("/2.html", html(&speech(2)));
    // The same speech at an address of its own: another page yields it.
    let copy = speech(1).replace("<head>", "<head><link rel=canonical href=/1.html>");
    mill.site.page("/print.html", html(&copy));
    mill.submit(&["/1.html", "/2.html", "/print.html"]).await;
    for path in ["/1.html", "/2.html", "/print.html"] {
        mill.reaches(path, "indexed").await;
    }
    let url = mill.site.url("/1.html");
    let (code, _) = mill
        .command(&["schedule", "set", "--every", "7d", &url])
        .await;
    assert_eq!(code, Some(0));
    eventually("it is crawled every week", async || {
        let (_, lines) = mill.command(&["schedule", "list"]).await;
        (lines.len() == 1).then_some(())
    })
    .await;
    mill.reaches("/1.html", "indexed").await;
    let own = SpeechId::of(&url.parse().unwrap());
    let letter = format!("dead.indexer.{own}");
    let outside = mill.outside().await;
    let sent = outside.publish(letter, PHRASE.into());
    sent.await.unwrap().await.unwrap();
    assert!(
        traces(&mill).await.len() >= 4,
        "two pages, a speech and a letter"
    );

    for _ in 0..2 {
        remove(&mill, &[&url]).await;
        let status = mill.reaches("/1.html", "removed").await;
        assert_eq!(status["every"], Value::Null, "{status}");
        assert_eq!(status["speeches"][0]["state"], "withdrawn", "{status}");
        assert_eq!(traces(&mill).await, Vec::<String>::new());
        mill.is_idle().await;
        let documents = mill.documents().await;
        assert_eq!(documents.len(), 1);
        assert_eq!(documents[0]["url"], mill.site.url("/2.html"));
    }
    let (code, lines) = mill.command(&["schedule", "list"]).await;
    assert_eq!((code, lines.len()), (Some(0), 0));

    mill.submit(&["/1.html"]).await;
    mill.reaches("/1.html", "indexed").await;
    mill.document("/1.html").await;
}

#[tokio::test]
async fn a_blocked_url_is_admitted_neither_by_submission_nor_by_link_until_it_is_unblocked() {
    let mill = Mill::start().await;
    mill.site.page(
        "/l.html",
        html(&list(&["/1.html", "/2.html", "/3.html", "/4.html"])),
    );
    for number in 1..=4 {
        mill.site
            .page(&format!("/{number}.html"), html(&speech(number)));
    }
    let url = mill.site.url("/1.html");
    let removed = remove(&mill, &["--block", &url]).await;
    assert_eq!(removed["num_blocked"], 1, "{removed}");
    mill.ends("/1.html", "skipped", "blocked").await;
    mill.submit(&["/l.html"]).await;
    for path in ["/2.html", "/3.html", "/4.html"] {
        mill.reaches(path, "indexed").await;
    }
    mill.submit(&["/1.html"]).await;
    mill.is_idle().await;
    eventually("the link and the submission are counted", async || {
        (num_blocked(&mill).await == Some(2)).then_some(())
    })
    .await;
    mill.ends("/1.html", "skipped", "blocked").await;
    assert_eq!(mill.status("/1.html").await["block"]["url"], url);
    assert_eq!(mill.site.hits("/1.html"), 0);

    let lifted = remove(&mill, &["--unblock", &url]).await;
    assert_eq!(
        (&lifted["was_blocked"], &lifted["is_blocked"]),
        (&true.into(), &false.into())
    );
    mill.submit(&["/1.html"]).await;
    let status = mill.reaches("/1.html", "indexed").await;
    assert_eq!(status["block"], Value::Null);
}

#[tokio::test]
async fn a_page_that_comes_while_it_is_taken_down_is_not_extracted_and_is_erased() {
    let mut mill = Mill::with_servers().await;
    mill.site.page("/1.html", html(&speech(1)));
    mill.start_role("crawler").await;
    mill.submit(&["/1.html"]).await;
    mill.reaches("/1.html", "fetched").await;
    let subject = Page::subject_of(&url_id(&mill, "/1.html"));
    let outside = mill.outside().await;
    let pages = outside.get_stream("PAGES").await.unwrap();
    let held = pages
        .get_last_raw_message_by_subject(&subject)
        .await
        .unwrap();
    remove(&mill, &["--block", &mill.site.url("/1.html")]).await;
    // Its fetch ended after all that.
    let Ok(Page::Response(mut late)) = Page::decode(&subject, &held.payload) else {
        panic!("it is a response");
    };
    late.fetched_at += Duration::hours(1);
    let sent = outside.publish(subject, Page::Response(late).encode().into());
    sent.await.unwrap().await.unwrap();
    assert_eq!(traces(&mill).await.len(), 1);
    mill.start_role("extractor").await;
    mill.start_role("indexer").await;
    mill.ends("/1.html", "skipped", "blocked").await;
    mill.is_idle().await;
    assert_eq!(traces(&mill).await, Vec::<String>::new());
    assert_eq!(mill.documents().await.len(), 0);
}

#[tokio::test]
async fn a_site_is_removed_with_what_waits_and_what_redirects_led_to_it_and_blocked() {
    let mill = Mill::start().await;
    let other = testkit::FakeSite::start().await;
    for number in 1..=3 {
        mill.site
            .page(&format!("/{number}.html"), html(&speech(number)));
    }
    other.page("/away.html", Reply::redirect(mill.site.url("/3.html")));
    mill.submit(&["/1.html", "/2.html"]).await;
    let away = other.url("/away.html");
    let (code, lines) = mill.command(&["submit", "--wait", &away]).await;
    assert_eq!(code, Some(0), "{lines:?}");
    for path in ["/1.html", "/2.html"] {
        mill.reaches(path, "indexed").await;
    }
    // A run that was cut short had erased this page, and no more.
    let pages = mill.outside().await.get_stream("PAGES").await.unwrap();
    let subject = Page::subject_of(&url_id(&mill, "/2.html"));
    assert_eq!(pages.purge().filter(subject).await.unwrap().purged, 1);

    let host = mill.site.host();
    let removed = remove(&mill, &["--site", &host, "--block", "--yes"]).await;
    assert_eq!(
        (&removed["host"], &removed["num_speeches"]),
        (&host.into(), &3.into())
    );
    for path in ["/1.html", "/2.html"] {
        mill.reaches(path, "removed").await;
    }
    mill.is_idle().await;
    assert_eq!(mill.documents().await.len(), 0);
    assert_eq!(traces(&mill).await, Vec::<String>::new());
    mill.submit(&["/3.html"]).await;
    mill.ends("/3.html", "skipped", "blocked").await;
    let (_, lines) = mill.command(&["submit", "--wait", &away]).await;
    assert_eq!(lines[0]["code"], "blocked", "{lines:?}");
}
