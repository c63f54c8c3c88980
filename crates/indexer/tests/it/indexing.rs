//! What becomes of speeches that Meilisearch takes.

use indexer::{Applied, Meili};
use serde_json::Value;
use worker::Outcome;

use crate::world::{World, delivery, index, speech, withdrawal};

/// The tasks of Meilisearch of one kind.
async fn num_tasks(world: &World, kind: &str) -> u64 {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let request = client
        .get(format!("{}/tasks?types={kind}", world.meili.url()))
        .bearer_auth(world.meili.key());
    let answer = request.send().await.expect("an answer").text().await;
    let tasks: Value = serde_json::from_str(&answer.expect("a body")).expect("JSON");
    tasks["total"].as_u64().expect("a total")
}

#[tokio::test]
async fn a_batch_is_searchable_when_it_is_acked_and_is_one_task() {
    let world = World::start().await;
    let speeches: Vec<_> = (0..30)
        .map(|n| speech(&format!("第{n}次讲话"), "同志们：要抓好农业生产。"))
        .collect();
    world.publish_all(&speeches).await;
    let outcomes = world.run_once(world.indexer()).await.unwrap();
    assert_eq!(outcomes, vec![Outcome::Ack; 30]);
    let found = world.search("农业").await;
    assert_eq!(found.estimated_total, 30);
    assert_eq!(num_tasks(&world, "documentAdditionOrUpdate").await, 1);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_speech_that_is_delivered_twice_is_one_document() {
    let world = World::start().await;
    let speech = speech("春耕", "同志们：要抓好农业生产。");
    let sequence = world.publish(&speech).await;
    let indexer = world.indexer();
    index(&indexer, &[delivery(&speech, sequence)]).await;
    index(&indexer, &[delivery(&speech, sequence)]).await;
    assert_eq!(world.searcher().num_documents().await.unwrap(), Some(1));
    assert_eq!(world.version_of(&speech).await, Some(sequence));
}

#[tokio::test]
async fn a_withdrawal_takes_the_document_out_beside_one_that_goes_in() {
    let world = World::start().await;
    let (gone, stays) = (speech("旧讲话", "旧"), speech("新讲话", "新"));
    let first = world.publish(&gone).await;
    let indexer = world.indexer();
    index(&indexer, &[delivery(&gone, first)]).await;
    let withdrawal = withdrawal(&gone);
    let sequences = world
        .publish_all(&[withdrawal.clone(), stays.clone()])
        .await;
    let batch = [
        delivery(&withdrawal, sequences[0]),
        delivery(&stays, sequences[1]),
    ];
    index(&indexer, &batch).await;
    assert_eq!(world.version_of(&gone).await, None);
    assert_eq!(world.version_of(&stays).await, Some(sequences[1]));
}

#[tokio::test]
async fn a_withdrawal_of_what_was_never_indexed_is_done() {
    let world = World::start().await;
    let withdrawal = withdrawal(&speech("从未", "有过"));
    let sequence = world.publish(&withdrawal).await;
    index(&world.indexer(), &[delivery(&withdrawal, sequence)]).await;
    assert_eq!(world.searcher().num_documents().await.unwrap(), Some(0));
}

#[tokio::test]
async fn settings_that_are_applied_twice_are_one_settings_task() {
    let world = World::start().await;
    let meili = Meili::new(&world.config.meili).unwrap();
    assert_eq!(meili.apply_settings().await.unwrap(), Applied::Changed);
    assert_eq!(meili.apply_settings().await.unwrap(), Applied::Unchanged);
    world.indexer().prepare().await.unwrap();
    assert_eq!(num_tasks(&world, "settingsUpdate").await, 1);
    assert_eq!(num_tasks(&world, "indexCreation").await, 1);
}
