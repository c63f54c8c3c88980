//! What becomes of speeches that Meilisearch takes.

use indexer::{Applied, Meili};
use serde_json::Value;
use testkit::eventually;
use worker::{Outcome, Sink, Stored};

use crate::world::{World, changed, delivery, index, speech, withdrawal};

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
async fn what_the_index_holds_already_in_this_version_is_not_sent_again() {
    let world = World::start().await;
    let speeches: Vec<_> = (0..3)
        .map(|n| speech(&format!("第{n}次讲话"), "同志们：要抓好农业生产。"))
        .collect();
    let sequences = world.publish_all(&speeches).await;
    let batch: Vec<_> = speeches
        .iter()
        .zip(sequences)
        .map(|(speech, sequence)| delivery(speech, sequence))
        .collect();
    // A process that was killed before its acks, or before its last task had ended.
    index(&world.indexer(), &batch[..2]).await;
    let mut again = batch.clone();
    for stored in &mut again {
        stored.delivered = 2;
    }
    let next = world.indexer();
    index(&next, &again[..2]).await;
    assert_eq!(num_tasks(&world, "documentAdditionOrUpdate").await, 1);
    index(&next, &again).await;
    assert_eq!(num_tasks(&world, "documentAdditionOrUpdate").await, 2);
    assert_eq!(world.searcher().num_documents().await.unwrap(), Some(3));
    // A newer version is not there yet, and what was repaired by hand is sent as it is.
    let newer = changed(&speeches[0], |upsert| {
        "我们要抓好工业。".clone_into(&mut upsert.speech.text);
    });
    let mut newest = delivery(&newer, world.publish(&newer).await);
    newest.delivered = 2;
    index(&next, &[newest.clone()]).await;
    assert_eq!(world.version_of(&newer).await, Some(newest.sequence));
    newest.delivered = 1;
    index(&next, &[newest]).await;
    assert_eq!(num_tasks(&world, "documentAdditionOrUpdate").await, 4);
}

#[tokio::test]
async fn what_was_sent_before_is_awaited_and_not_sent_twice() {
    let world = World::start().await;
    let batch: Vec<_> = {
        let speeches: Vec<_> = (0..300)
            .map(|n| {
                speech(
                    &format!("第{n}次讲话"),
                    &format!("第{n}次：要抓好农业生产。"),
                )
            })
            .collect();
        let sequences = world.publish_all(&speeches).await;
        let pairs = speeches.iter().zip(sequences);
        pairs.map(|(speech, at)| delivery(speech, at)).collect()
    };
    // The first one ends while its task is on its way.
    let first = world.indexer();
    let dying = tokio::spawn({
        let batch = batch.clone();
        async move { first.handle(batch).await }
    });
    eventually("the documents are sent", async || {
        (num_tasks(&world, "documentAdditionOrUpdate").await == 1).then_some(())
    })
    .await;
    dying.abort();
    let again = batch.into_iter().map(|stored| Stored {
        delivered: 2,
        ..stored
    });
    index(&world.indexer(), &again.collect::<Vec<_>>()).await;
    assert_eq!(num_tasks(&world, "documentAdditionOrUpdate").await, 1);
    assert_eq!(world.searcher().num_documents().await.unwrap(), Some(300));
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
