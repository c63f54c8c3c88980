//! The newest version of a speech wins, whenever an old one comes along.

use std::time::Duration;

use testkit::{ChaosProxy, eventually};
use worker::Sink;

use crate::world::{World, changed, delivery, index, speech, withdrawal};

#[tokio::test]
async fn an_old_message_after_a_newer_one_changes_nothing() {
    let world = World::start().await;
    let old = speech("春耕", "我们要抓好农业。");
    let new = changed(&old, |upsert| {
        "我们要抓好工业。".clone_into(&mut upsert.speech.text);
    });
    let sequences = world.publish_all(&[old.clone(), new.clone()]).await;
    let indexer = world.indexer();
    index(&indexer, &[delivery(&new, sequences[1])]).await;
    index(&indexer, &[delivery(&old, sequences[0])]).await;
    assert_eq!(world.version_of(&new).await, Some(sequences[1]));
    let page = world.search("工业").await;
    assert!(page.hits[0].snippet.contains("工业"), "{page:?}");
}

#[tokio::test]
async fn an_old_upsert_does_not_bring_back_what_was_withdrawn() {
    let world = World::start().await;
    let old = speech("春耕", "农业");
    let gone = withdrawal(&old);
    let sequences = world.publish_all(&[old.clone(), gone.clone()]).await;
    let indexer = world.indexer();
    index(&indexer, &[delivery(&gone, sequences[1])]).await;
    index(&indexer, &[delivery(&old, sequences[0])]).await;
    assert_eq!(world.version_of(&old).await, None);
}

/// In a cluster any node answers what a subject's last message is, one that lags behind as well.
#[tokio::test]
async fn what_a_node_that_is_behind_does_not_know_yet_is_indexed() {
    let world = World::start().await;
    let old = speech("春耕", "我们要抓好农业。");
    let new = changed(&old, |upsert| {
        "我们要抓好工业。".clone_into(&mut upsert.speech.text);
    });
    let first = speech("秋收", "颗粒归仓。");
    let sequence = world.publish(&old).await;
    let batch = [delivery(&new, sequence + 1), delivery(&first, sequence + 2)];
    index(&world.indexer(), &batch).await;
    assert_eq!(world.version_of(&new).await, Some(sequence + 1));
    assert_eq!(world.version_of(&first).await, Some(sequence + 2));
}

#[tokio::test]
async fn a_newer_message_that_comes_during_the_task_is_indexed_before_the_old_one_is_done() {
    let mut world = World::start().await;
    // Slow enough that the newer message is published between the task and its answer.
    let proxy = ChaosProxy::start(world.meili.addr()).await;
    let direct = std::mem::replace(&mut world.config.meili.meili_url, proxy.url("http"));
    let indexer = world.indexer();
    world.config.meili.meili_url = direct;
    let old = speech("春耕", "我们要抓好农业。");
    let new = changed(&old, |upsert| {
        "我们要抓好工业。".clone_into(&mut upsert.speech.text);
    });
    let first = world.publish(&old).await;
    indexer.prepare().await.unwrap();
    proxy.delay(Duration::from_millis(700));
    let batch = [delivery(&old, first)];
    let (verdicts, second) = tokio::join!(indexer.handle(batch.to_vec()), async {
        eventually("the old version is in the index", async || {
            world
                .version_of(&old)
                .await
                .filter(|version| *version == first)
        })
        .await;
        world.publish(&new).await
    });
    assert!(verdicts[0].is_ok());
    assert_eq!(world.version_of(&new).await, Some(second));
}
