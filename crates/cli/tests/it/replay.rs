//! `speechmill dead replay`: each stage's letters go where the architecture says.

use serde_json::Value;
use testkit::{Reply, eventually};
use worker::topology::SUBMIT;

use crate::lab::{Lab, speech};

async fn replay(lab: &Lab, args: &[&str]) {
    let ended = lab.run(&[&["dead", "replay"], args].concat()).await;
    assert_eq!(
        (ended.code, &*ended.out),
        (Some(0), "replayed: 1\n"),
        "{ended:?}"
    );
}

/// Waits for the letter that has been replayed so often.
async fn letter(lab: &Lab, stage: &str, replays: &str) -> Value {
    eventually(
        &format!("a letter of {stage}, replayed {replays} times"),
        async || {
            let mut letters = lab.json(&["dead", "show", "--stage", stage]).await;
            letters.retain(|letter| letter["headers"]["Speechmill-Replays"] == replays);
            letters.pop()
        },
    )
    .await
}

async fn shown(lab: &Lab, stage: &str, replays: &str) -> Value {
    eventually(&format!("a letter of {stage}"), async || {
        let found = lab.dead().await;
        found
            .iter()
            .any(|l| l["headers"]["Speechmill-Stage"] == stage)
            .then_some(())
    })
    .await;
    letter(lab, stage, replays).await
}

#[tokio::test]
async fn a_letter_of_the_crawler_is_fetched_again_with_all_its_attempts() {
    let mut lab = Lab::start().await;
    let broken = || Reply::status(500);
    lab.site.sequence(
        "/1.html",
        [
            broken(),
            broken(),
            broken(),
            broken(),
            broken(),
            broken(),
            speech(1),
        ],
    );
    for role in ["crawler", "extractor", "indexer"] {
        lab.start_role(role).await;
    }
    lab.submit(&["/1.html"]).await;
    lab.reaches("/1.html", "dead").await;
    let url = lab.site.url("/1.html");
    replay(&lab, &[&url]).await;
    eventually(
        "it was tried three times more, and is dead again",
        async || {
            let is_dead = lab.status(&url).await["state"] == "dead";
            (is_dead && lab.site.hits("/1.html") == 6).then_some(())
        },
    )
    .await;
    letter(&lab, "crawler", "1").await;
    lab.stop_role("crawler").await;
    replay(&lab, &["--code", "http_500"]).await;
    assert!(lab.dead().await.is_empty());
    let queued = lab
        .broker()
        .await
        .find(SUBMIT, "crawl.submit", 10, |s: &messages::Submission| {
            s.entries[0].refetch
        })
        .await;
    assert_eq!(queued.unwrap().unwrap().message.entries[0].url, url);
    assert_eq!(lab.status(&url).await["state"], "submitted");
    lab.start_role("crawler").await;
    lab.reaches("/1.html", "indexed").await;
}

#[tokio::test]
async fn a_letter_of_admission_goes_back_to_its_queue_and_counts_its_replays() {
    let mut lab = Lab::without_index().await;
    lab.start_role("crawler").await;
    lab.publish("crawl.submit", b"http://10.0.0.1/x").await;
    shown(&lab, "admission", "0").await;
    replay(&lab, &["--stage", "admission"]).await;
    let again = letter(&lab, "admission", "1").await;
    assert_eq!(again["payload"], "http://10.0.0.1/x");
    replay(&lab, &["http://10.0.0.1/x"]).await;
    letter(&lab, "admission", "2").await;
    assert_eq!(lab.dead().await.len(), 1);
}

#[tokio::test]
async fn a_letter_of_the_extractor_becomes_a_page_to_extract_again() {
    let mut lab = Lab::without_index().await;
    // A byte that no text holds: a page that can't be one.
    lab.site.page(
        "/1.html",
        Reply::bytes("text/html; charset=utf-8", vec![0_u8; 4_096]),
    );
    lab.start_role("crawler").await;
    lab.start_role("extractor").await;
    lab.submit(&["/1.html"]).await;
    let dead = lab.reaches("/1.html", "dead").await;
    let code = dead["code"].as_str().unwrap().to_owned();
    shown(&lab, "extractor", "0").await;
    lab.stop_role("extractor").await;
    replay(&lab, &["--code", &code]).await;
    assert_eq!(
        lab.status(&lab.site.url("/1.html")).await["state"],
        "fetched"
    );
    lab.start_role("extractor").await;
    let again = shown(&lab, "extractor", "1").await;
    let subject = again["headers"]["Speechmill-Subject"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(subject, format!("page.again.{}", lab.url_id("/1.html")));
    assert_eq!(lab.reaches("/1.html", "dead").await["code"], code);
    replay(&lab, &[&lab.url_id("/1.html")]).await;
    letter(&lab, "extractor", "2").await;
}

#[tokio::test]
async fn a_letter_of_the_indexer_goes_back_unless_its_speech_has_changed_since() {
    let mut lab = Lab::start().await;
    lab.start_role("indexer").await;
    let subject = "speech.changed.0123456789abcdef0123456789abcdef";
    lab.publish(subject, b"no speech").await;
    shown(&lab, "indexer", "0").await;
    replay(&lab, &["--stage", "indexer"]).await;
    let again = shown(&lab, "indexer", "1").await;
    assert_eq!(again["payload"], "no speech");
    assert_eq!(again["headers"]["Speechmill-Subject"], subject);

    lab.stop_role("indexer").await;
    lab.publish(subject, b"something newer").await;
    replay(&lab, &["--stage", "indexer"]).await;
    assert!(lab.dead().await.is_empty(), "it is out of date, and gone");
    let stream = lab.outside().await.get_stream("SPEECHES").await.unwrap();
    let last = stream.direct_get_last_for_subject(subject).await.unwrap();
    assert_eq!(&last.payload[..], b"something newer");
}
