//! What becomes of speeches when Meilisearch refuses, is away, or is somebody else's.

use std::time::Duration;

use indexer::{IndexError, Meili, SpeechDocument};
use messages::Upsert;
use serde_json::json;
use testkit::{ChaosProxy, FakeSite, Reply, eventually};
use worker::topology::INDEXER;
use worker::{Failure, Outcome, Sink, Stop, Verdict};

use crate::world::{World, changed, delivery, speech};

/// Speech ids are hex digits by type: only here can a document get an id that Meilisearch refuses.
fn refused_if_titled_so(upsert: &Upsert, version: u64) -> SpeechDocument {
    let mut document = SpeechDocument::new(upsert, version);
    if upsert.speech.title == "坏讲话" {
        document.set("id", json!("no such id!"));
    }
    document
}

/// The one is in the middle; all others are indexed.
async fn the_refused_one_is_the_only_dead_letter_of(number: usize) {
    let world = World::start().await;
    let mut speeches: Vec<_> = (0..number)
        .map(|n| speech(&format!("第{n}次讲话"), "同志们：要抓好农业生产。"))
        .collect();
    let bad = number / 2;
    speeches[bad] = changed(&speeches[bad], |upsert| {
        "坏讲话".clone_into(&mut upsert.speech.title);
    });
    world.publish_all(&speeches).await;
    let indexer = world.indexer().with_documents(refused_if_titled_so);
    let outcomes = world.run_once(indexer).await.expect("outcomes");
    let dead = Outcome::Dead("invalid_document_id".to_owned());
    let count = |wanted: &Outcome| outcomes.iter().filter(|it| *it == wanted).count();
    assert_eq!((count(&dead), count(&Outcome::Ack)), (1, number - 1));
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].letter.id, speeches[bad].speech_id().as_str());
    assert_eq!(letters[0].letter.headers.code, "invalid_document_id");
    let num_documents = world.searcher().num_documents().await;
    assert_eq!(num_documents.expect("stats"), Some(number - 1));
}

#[tokio::test]
async fn a_refused_document_among_thirty_is_the_only_dead_letter_and_has_meilisearchs_code() {
    the_refused_one_is_the_only_dead_letter_of(30).await;
}

#[tokio::test]
async fn a_refused_document_among_five_hundred_is_the_only_dead_letter() {
    the_refused_one_is_the_only_dead_letter_of(500).await;
}

/// For each answer, however small, it would make an encoder of some MB.
#[tokio::test]
async fn no_answer_is_asked_for_compressed() {
    let server = FakeSite::start().await;
    let mut world = World::start().await;
    world.config.meili.meili_url = server.url("");
    let meili = Meili::new(&world.config.meili).expect("a client");
    meili
        .has_wanted_settings()
        .await
        .expect_err("no Meilisearch");
    let request = &server.requests_to("/indexes/speeches")[0];
    assert_eq!(request.header("accept-encoding"), None);
}

#[tokio::test]
async fn a_wrong_key_stops_the_process_with_exit_code_77_and_touches_no_message() {
    let mut world = World::start().await;
    let speech = speech("春耕", "农业");
    world.publish(&speech).await;
    world.config.meili.meili_key = Some("not-the-key".to_owned().into());
    let ended = world.run_once(world.indexer()).await.expect_err("a stop");
    assert_eq!(ended.stop, Stop::Refused);
    assert_eq!(ended.stop.exit_code(), 77);
    assert_eq!(ended.code, "meilisearch_key_refused");
    assert!(!ended.message.contains("not-the-key"), "{}", ended.message);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn while_meilisearch_is_away_speeches_wait_and_then_they_are_indexed() {
    let mut world = World::start().await;
    let proxy = ChaosProxy::start(world.meili.addr()).await;
    let direct = std::mem::replace(&mut world.config.meili.meili_url, proxy.url("http"));
    let indexer = world.indexer();
    indexer.prepare().await.unwrap();
    world.config.meili.meili_url = direct;
    proxy.cut();
    let speeches: Vec<_> = (0..5)
        .map(|n| speech(&format!("第{n}次讲话"), "农业"))
        .collect();
    world.publish_all(&speeches).await;
    let meanwhile = async {
        eventually("all speeches are held", async || {
            let state = world.broker.consumer_state(INDEXER).await.ok()??;
            (state.num_held == 5).then_some(())
        })
        .await;
        proxy.heal();
        world.until_settled().await;
    };
    world.run_beside(indexer, meanwhile).await;
    assert_eq!(world.search("农业").await.estimated_total, 5);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn no_answer_is_a_wait_for_every_message_of_the_batch() {
    let mut world = World::start().await;
    world.meili.kill().await;
    let speeches = [speech("一", "农业"), speech("二", "工业")];
    let sequences = world.publish_all(&speeches).await;
    let indexer = world.indexer();
    let batch = [
        delivery(&speeches[0], sequences[0]),
        delivery(&speeches[1], sequences[1]),
    ];
    for verdict in indexer.handle(batch.to_vec()).await {
        let error = verdict.expect_err("no answer");
        assert_eq!(error.verdict(), Verdict::Wait);
        assert_eq!(error.code(), "meilisearch_unavailable");
    }
    world.meili.restart().await;
    for verdict in indexer.handle(batch.to_vec()).await {
        verdict.expect("indexed");
    }
    assert_eq!(world.searcher().num_documents().await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_task_that_is_lost_sight_of_is_a_wait_and_ends_before_the_next_one_begins() {
    let mut world = World::start().await;
    let proxy = ChaosProxy::start(world.meili.addr()).await;
    let direct = std::mem::replace(&mut world.config.meili.meili_url, proxy.url("http"));
    let indexer = world.indexer();
    world.config.meili.meili_url = direct;
    indexer.prepare().await.unwrap();
    let speech = speech("春耕", "农业");
    let sequence = world.publish(&speech).await;
    let batch = [delivery(&speech, sequence)];
    // Slow enough that the connection is cut between the task and its answer.
    proxy.delay(Duration::from_millis(700));
    let (verdicts, ()) = tokio::join!(indexer.handle(batch.to_vec()), async {
        eventually("the document is in the index", async || {
            world.version_of(&speech).await
        })
        .await;
        proxy.cut();
    });
    let error = verdicts[0].as_ref().expect_err("cut off");
    assert_eq!(error.verdict(), Verdict::Wait);
    proxy.delay(Duration::ZERO);
    proxy.heal();
    assert!(indexer.handle(batch.to_vec()).await[0].is_ok());
    assert_eq!(world.version_of(&speech).await, Some(sequence));
}

#[tokio::test]
async fn an_index_with_another_primary_key_is_left_alone_and_stops_the_process() {
    let world = World::start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .post(format!("{}/indexes", world.meili.url()))
        .bearer_auth(world.meili.key())
        .json(&json!({"uid": "speeches", "primaryKey": "isbn"}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    eventually("the other index is there", async || {
        let url = format!("{}/indexes/speeches", world.meili.url());
        let request = client.get(url).bearer_auth(world.meili.key());
        let index: serde_json::Value = request.send().await.ok()?.json().await.ok()?;
        (index["primaryKey"] == "isbn").then_some(())
    })
    .await;
    let error = world.indexer().prepare().await.expect_err("not ours");
    assert!(matches!(error, IndexError::Config(_)), "{error}");
    assert_eq!(error.verdict(), Verdict::Stop(Stop::Config));
}

#[tokio::test]
async fn a_full_queue_and_a_canceled_task_are_waited_for_and_use_no_attempt() {
    let mut world = World::start().await;
    let server = FakeSite::start().await;
    let json = |value: &serde_json::Value| Reply::bytes("application/json", value.to_string());
    let full = json!({"message": "no space", "code": "no_space_left_on_device", "type": "system"});
    let accepted = |uid: u32| json(&json!({"taskUid": uid})).with_status(202);
    let task = |uid: u32, status: &str| json(&json!({"results": [{"uid": uid, "status": status}]}));
    let settings = serde_json::to_value(indexer::wanted_settings()).unwrap();
    server.page("/indexes/speeches", json(&json!({"primaryKey": "id"})));
    server.page("/indexes/speeches/settings", json(&settings));
    let no_documents = json(&json!({"results": []}));
    server.page("/indexes/speeches/documents/fetch", no_documents);
    let posted = [json(&full).with_status(422), accepted(1), accepted(2)];
    server.sequence("/indexes/speeches/documents", posted);
    server.sequence("/tasks", [task(1, "canceled"), task(2, "succeeded")]);
    world.config.meili.meili_url = server.url("");
    let speech = speech("春耕", "农业");
    let batch = [delivery(&speech, world.publish(&speech).await)];
    let indexer = world.indexer();
    for code in ["meilisearch_full", "task_canceled"] {
        let error = indexer
            .handle(batch.to_vec())
            .await
            .remove(0)
            .expect_err(code);
        assert_eq!(error.verdict(), Verdict::Wait);
        assert_eq!(error.code(), code);
    }
    assert!(indexer.handle(batch.to_vec()).await[0].is_ok());
}
