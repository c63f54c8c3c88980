//! An index that is built anew, and indexers that die, freeze and come back meanwhile.

use messages::{Message, SpeechChange, SpeechId};
use serde_json::Value;
use testkit::{Role, eventually};

use crate::mill::Mill;

/// Small texts: what is tested is the way, not the weight.
fn speech(number: usize, words: &str) -> SpeechChange {
    let golden = include_bytes!("../../crates/messages/golden/speech_change_upsert.json");
    let Ok(SpeechChange::Upsert(mut upsert)) = SpeechChange::decode("", golden) else {
        panic!("the golden speech is an upsert");
    };
    upsert.speech.url = format!("https://www.example.com/{number}").parse().unwrap();
    upsert.speech.speech_id = SpeechId::of(&upsert.speech.url);
    upsert.speech.text = format!("同志们：第{number}件事，{words}。");
    SpeechChange::Upsert(upsert)
}

async fn publish(mill: &Mill, numbers: std::ops::Range<usize>, words: &str) {
    let outside = mill.outside().await;
    let mut acks = Vec::new();
    for number in numbers {
        let change = speech(number, words);
        let sent = outside.publish(change.subject(), change.encode().into());
        acks.push(sent.await.unwrap());
    }
    for ack in acks {
        ack.await.unwrap();
    }
}

/// The index is what SPEECHES holds, document by document.
async fn index_is_stream(mill: &Mill, number: usize) {
    let (code, findings) = mill.command(&["check", "--documents"]).await;
    let found: Vec<&Value> = findings.iter().filter(|it| it["ok"] == false).collect();
    assert_eq!(code, Some(0), "{found:?}");
    let search = ["search", "同志们", "--limit", "1", "--all-versions"];
    let (_, pages) = mill.command(&search).await;
    assert_eq!(
        pages[0]["estimated_total"],
        number.min(1_000),
        "{}",
        pages[0]
    );
    assert!(mill.dead().await.is_empty());
}

async fn job(mill: &Mill) -> Option<Value> {
    let jobs = mill.outside().await.get_stream("KV_jobs").await.ok()?;
    let last = jobs
        .get_last_raw_message_by_subject("$KV.jobs.reindex")
        .await;
    serde_json::from_slice(&last.ok()?.payload).ok()
}

async fn until_job(mill: &Mill, what: &str, holds: impl Fn(&Value) -> bool) {
    eventually(what, async || job(mill).await.filter(|job| holds(job))).await;
}

async fn until_settled(mill: &Mill) {
    eventually("every speech is settled", async || {
        let (_, lines) = mill.command(&["status"]).await;
        let consumers = lines[0]["consumers"].as_array()?.clone();
        let indexer = consumers.into_iter().find(|it| it["name"] == "indexer")?;
        (indexer["num_pending"] == 0 && indexer["num_held"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_indexer_killed_in_the_middle_of_a_reindex_ends_it_when_it_is_started_again() {
    let mut mill = Mill::with_servers().await;
    mill.set("SPEECHMILL_BATCH_DOCUMENTS", "50");
    mill.start_role("indexer").await;
    publish(&mill, 0..600, "要抓好农业生产").await;
    until_settled(&mill).await;
    let (code, _) = mill.command(&["reindex", "--no-wait"]).await;
    assert_eq!(code, Some(0));
    for taken in [1, 200, 400] {
        until_job(&mill, "some of it is taken", |job| {
            job["num_taken"].as_u64() >= Some(taken) || job["stage"] == "done"
        })
        .await;
        mill.kill9("indexer").await;
        publish(&mill, 0..100, &format!("第{taken}次改动")).await;
        mill.start_role("indexer").await;
    }
    let (code, ended) = mill.command(&["reindex"]).await;
    assert_eq!(code, Some(0));
    assert_eq!(ended[0]["stage"], "done");
    until_settled(&mill).await;
    index_is_stream(&mill, 600).await;
}

#[tokio::test]
async fn a_load_loses_nothing_though_indexers_and_meilisearch_are_killed_again_and_again() {
    let mut mill = Mill::with_servers().await;
    mill.set("SPEECHMILL_BATCH_DOCUMENTS", "100");
    mill.start_role("indexer").await;
    publish(&mill, 0..2_000, "要抓好农业生产").await;
    // Some number of documents, the same on every run, is the moment.
    for (seed, at) in [130, 410, 640, 1_010, 1_300, 1_720].into_iter().enumerate() {
        eventually("some of it is searchable", async || {
            let (_, stats) = mill.command(&["stats"]).await;
            (stats.first()?["num_documents"].as_u64()? >= at as u64).then_some(())
        })
        .await;
        if seed % 2 == 0 {
            mill.kill9("indexer").await;
            publish(&mill, at - 50..at + 50, "后来又改了").await;
            mill.start_role("indexer").await;
        } else {
            mill.meili.kill().await;
            publish(&mill, at - 50..at + 50, "后来又改了").await;
            mill.meili.restart().await;
        }
    }
    until_settled(&mill).await;
    index_is_stream(&mill, 2_000).await;
}

#[tokio::test]
async fn a_frozen_indexer_that_wakes_after_another_took_over_rolls_nothing_back() {
    let mut mill = Mill::with_servers().await;
    mill.set("SPEECHMILL_BATCH_DOCUMENTS", "50");
    let mut first = Role::spawn(&mill.options(&["indexer"]));
    first.wait_ready().await;
    publish(&mill, 0..500, "要抓好农业生产").await;
    eventually("the first is at work", async || {
        let (_, stats) = mill.command(&["stats"]).await;
        (stats.first()?["num_documents"].as_u64()? >= 50).then_some(())
    })
    .await;
    first.pause();
    publish(&mill, 0..500, "后来又改了").await;
    mill.start_role("indexer").await;
    until_settled(&mill).await;
    first.resume();
    // What it still held goes by before what is published now.
    publish(&mill, 500..600, "最后的话").await;
    until_settled(&mill).await;
    assert_eq!(first.terminate().await.code(), Some(143));
    index_is_stream(&mill, 600).await;
}
