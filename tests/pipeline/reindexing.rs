//! An index that is built anew, and indexers that die, freeze and come back meanwhile.

use messages::{Message, SpeechChange, SpeechId};
use serde_json::Value;
use testkit::{Role, eventually};
use tokio_util::sync::CancellationToken;

use crate::memory::{has_line, with_line};
use crate::mill::{Mill, ROLES};
use crate::pages::html;

/// Small texts: what is tested is the way, not the weight.
pub(crate) fn speech(number: usize, words: &str) -> SpeechChange {
    let golden = include_bytes!("../../crates/messages/golden/speech_change_upsert.json");
    let Ok(SpeechChange::Upsert(mut upsert)) = SpeechChange::decode("", golden) else {
        panic!("the golden speech is an upsert");
    };
    upsert.speech.url = format!("https://www.example.com/{number}").parse().unwrap();
    upsert.speech.speech_id = SpeechId::of(&upsert.speech.url);
    upsert.speech.text = format!("同志们：第{number}件事，{words}。");
    // It is of another text.
    upsert.derived = None;
    SpeechChange::Upsert(upsert)
}

pub(crate) async fn publish(mill: &Mill, numbers: std::ops::Range<usize>, words: &str) {
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

pub(crate) async fn until_settled(mill: &Mill) {
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

#[tokio::test]
async fn an_indexer_that_ends_leaves_a_snapshot_of_the_table_of_copies_and_the_next_one_goes_on() {
    let mut mill = Mill::with_servers().await;
    let mut snapshots = Vec::new();
    for numbers in [0..50, 50..60] {
        mill.start_role("indexer").await;
        publish(&mill, numbers, "要抓好农业生产").await;
        until_settled(&mill).await;
        assert_eq!(mill.terminate("indexer").await, Some(143));
        let copies = mill.outside().await.get_key_value("copies").await.unwrap();
        let snapshot = copies.get("table").await.unwrap().expect("a snapshot");
        let snapshot: Value = serde_json::from_slice(&snapshot).unwrap();
        snapshots.push((
            snapshot["value"]["sequence"].clone(),
            snapshot["set"].clone(),
        ));
    }
    assert_eq!(snapshots, [(50.into(), 0.into()), (60.into(), 1.into())]);
    index_is_stream(&mill, 60).await;
}

/// Searches that find so many speeches at least, one after the other until the end.
async fn search_until(mill: &Mill, end: &CancellationToken, at_least: u64) {
    let search = ["search", "同志们", "--limit", "1", "--all-versions"];
    while !end.is_cancelled() {
        let (code, pages) = mill.command(&search).await;
        assert_eq!(code, Some(0), "{pages:?}");
        let found = pages[0]["estimated_total"].as_u64();
        assert!(found >= Some(at_least), "{found:?}");
    }
}

#[tokio::test]
async fn a_reextract_and_a_reindex_during_a_load_fail_no_search_and_leave_nothing_old_or_missing() {
    // The site's own line is known from the twentieth page on: what was indexed before is old then.
    const FIRST: usize = 15;
    const ALL: usize = 60;
    let mut mill = Mill::with_servers().await;
    mill.set("SPEECHMILL_BATCH_DOCUMENTS", "10");
    for role in ROLES {
        mill.start_role(role).await;
    }
    let paths: Vec<String> = (1..=ALL).map(|number| format!("/{number}.html")).collect();
    for (number, path) in (1..).zip(&paths) {
        mill.site.page(path, html(&with_line(number)));
    }
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    mill.submit(&paths[..FIRST]).await;
    let until_indexed = async |number: usize| {
        eventually("so many are indexed", async || {
            (mill.documents().await.len() >= number).then_some(())
        })
        .await;
    };
    until_indexed(FIRST).await;
    assert!(mill.documents().await.iter().all(has_line));
    let end = CancellationToken::new();
    let load = async {
        mill.submit(&paths[FIRST..ALL / 2]).await;
        until_indexed(FIRST + 1).await;
        let (code, _) = mill.command(&["reextract", "--all"]).await;
        assert_eq!(code, Some(0));
        let reindex = ["reindex"];
        let ((), (code, ended)) =
            tokio::join!(mill.submit(&paths[ALL / 2..]), mill.command(&reindex));
        assert_eq!((code, &ended[0]["stage"]), (Some(0), &"done".into()));
        let (code, _) = mill.command(&["reextract", "--all"]).await;
        assert_eq!(code, Some(0));
        until_indexed(ALL).await;
        mill.is_idle().await;
        end.cancel();
    };
    tokio::join!(load, search_until(&mill, &end, FIRST as u64));
    let documents = mill.documents().await;
    let old = documents.iter().filter(|document| has_line(document));
    assert_eq!((documents.len(), old.count()), (ALL, 0));
    index_is_stream(&mill, ALL).await;
}
