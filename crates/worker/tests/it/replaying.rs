//! Dead letters that are sent on their way again.

use messages::{DeadLetter, DeadLetterHeaders, SpeechId, UrlId};
use worker::topology::{AGAIN, SPEECHES, SUBMIT, StreamSpec};
use worker::{FiledLetter, Outcome, Verdict};

use crate::setup::{Bench, PATIENCE, Scripted};

const URL: &str = "https://www.example.com/a";

/// A letter of a stage about [`URL`].
fn letter(stage: &str, id: String, stream: StreamSpec, subject: &str, sequence: u64) -> DeadLetter {
    DeadLetter {
        id,
        headers: DeadLetterHeaders {
            stage: stage.to_owned(),
            code: "told_reject".to_owned(),
            error: "told to".to_owned(),
            attempts: 1,
            time: messages::timestamp::now(),
            url: Some(URL.to_owned()),
            stream: stream.name.to_owned(),
            subject: subject.to_owned(),
            sequence,
            replays: 0,
        },
        payload: URL.as_bytes().to_vec(),
    }
}

/// Files it as a stage would.
async fn file(bench: &Bench, letter: &DeadLetter) -> FiledLetter {
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in letter.headers.to_pairs() {
        headers.insert(name, value);
    }
    let outside = bench.outside().await;
    let sent =
        outside.publish_with_headers(letter.subject(), headers, letter.payload.clone().into());
    sent.await.unwrap().await.unwrap();
    bench.dead().await.pop().unwrap()
}

#[tokio::test]
async fn a_letter_that_is_replayed_twice_is_one_message() {
    let bench = Bench::start().await;
    let url = URL.parse().unwrap();
    let (url_id, speech_id) = (UrlId::of(&url).to_string(), SpeechId::of(&url).to_string());
    let changed = format!("speech.changed.{speech_id}");
    let outside = bench.outside().await;
    let sent = outside.publish(changed.clone(), URL.into()).await.unwrap();
    let sequence = sent.await.unwrap().sequence;
    let fetched = format!("page.fetched.{url_id}");
    let requested = format!("crawl.request.{url_id}");
    for (letter, stream) in [
        (
            letter("admission", url_id.clone(), SUBMIT, "crawl.submit", 1),
            SUBMIT,
        ),
        // A letter of the crawler is submitted.
        (
            letter(
                "crawler",
                url_id.clone(),
                worker::topology::CRAWL,
                &requested,
                1,
            ),
            SUBMIT,
        ),
        (
            letter("extractor", url_id, worker::topology::PAGES, &fetched, 1),
            AGAIN,
        ),
        (
            letter("indexer", speech_id, SPEECHES, &changed, sequence),
            SPEECHES,
        ),
    ] {
        let stage = letter.headers.stage.clone();
        outside
            .get_stream(SUBMIT.name)
            .await
            .unwrap()
            .purge()
            .await
            .unwrap();
        let filed = file(&bench, &letter).await;
        // As when the first one died before it dropped the letter.
        for _ in 0..2 {
            bench.broker.replay(&filed).await.unwrap();
        }
        let last = outside
            .get_stream(stream.name)
            .await
            .unwrap()
            .cached_info()
            .state
            .clone();
        assert_eq!(last.messages, 1, "{stage}");
        if stage == "indexer" {
            assert_eq!(last.last_sequence, sequence + 1, "it is put back once");
        }
        assert!(bench.dead().await.is_empty(), "{stage}");
    }
}

#[tokio::test]
async fn a_replayed_message_that_fails_again_is_a_letter_that_counts_on() {
    let bench = Bench::start().await;
    bench.submit(URL).await;
    let stage = Scripted::default().fails(Verdict::Reject, 3);
    for replays in 0..3 {
        let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
        assert_eq!(outcome, Some(Outcome::Dead("told_reject".to_owned())));
        let dead = bench.dead().await;
        let [filed] = &dead[..] else {
            panic!("{dead:?}")
        };
        assert_eq!(filed.letter.headers.replays, replays);
        assert_eq!(filed.letter.payload, URL.as_bytes());
        bench.broker.replay(filed).await.unwrap();
    }
    let outcome = bench.process.run_once(&stage, PATIENCE).await.unwrap();
    assert_eq!(outcome, Some(Outcome::Ack));
    assert!(bench.dead().await.is_empty());
}
