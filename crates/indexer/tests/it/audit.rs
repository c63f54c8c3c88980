//! What differs between SPEECHES and the index is found and put right.

use indexer::{Audit, Differences};
use messages::SpeechChange;
use worker::{Failure, Stop, Verdict};

use crate::world::{World, changed, delivery, index, settle, speech, withdrawal};

fn audit(world: &World) -> Audit {
    Audit::new(&world.config.meili, world.broker.clone()).expect("an audit")
}

fn id(change: &SpeechChange) -> String {
    change.speech_id().to_string()
}

fn edited(change: &SpeechChange) -> SpeechChange {
    changed(change, |upsert| {
        "我们要抓好工业。".clone_into(&mut upsert.speech.text);
    })
}

#[tokio::test]
async fn a_missing_a_stale_and_a_surplus_document_are_found_and_put_right() {
    let world = World::start().await;
    let names = ["无恙", "失踪", "陈旧", "撤回", "无主"];
    let [fine, missing, stale, gone, orphan] = names.map(|name| speech(name, "我们要抓好农业。"));
    let published = [&fine, &stale, &gone].map(Clone::clone);
    let indexer = world.indexer();
    settle(&world, &indexer, &published).await;
    let audit = audit(&world);
    assert!(audit.compare().await.unwrap().is_empty());

    // An orphan is a document whose message was purged.
    let sequence = world.publish(&orphan).await;
    index(&indexer, &[delivery(&orphan, sequence)]).await;
    world.purge(&orphan).await;
    let changes = [missing.clone(), edited(&stale), withdrawal(&gone)];
    let sequences = world.publish_all(&changes).await;

    let mut found = audit.compare().await.unwrap();
    found.surplus.sort();
    let mut surplus = vec![id(&gone), id(&orphan)];
    surplus.sort();
    let expected = Differences {
        num_speeches: 3,
        num_documents: 4,
        missing: vec![id(&missing)],
        stale: vec![id(&stale)],
        surplus,
        ahead: Vec::new(),
        num_waiting: found.num_waiting,
    };
    assert_eq!(found, expected);

    let repaired = audit.repair(&found).await.unwrap();
    assert_eq!(repaired.num_done, 4, "{repaired:?}");
    assert!(repaired.refused.is_empty(), "{repaired:?}");
    assert!(audit.compare().await.unwrap().is_empty());
    assert_eq!(world.version_of(&missing).await, Some(sequences[0]));
    assert_eq!(world.version_of(&stale).await, Some(sequences[1]));
    let page = world.search("工业").await;
    assert_eq!(page.hits[0].title, "陈旧");
}

#[tokio::test]
async fn a_document_that_is_newer_than_its_message_is_told_of_and_never_overwritten() {
    let world = World::start().await;
    let old = speech("春耕", "农业");
    let sequences = world.publish_all(&[old.clone(), edited(&old)]).await;
    index(&world.indexer(), &[delivery(&edited(&old), sequences[1])]).await;
    world.replace_speeches(&old).await;
    let audit = audit(&world);
    let found = audit.compare().await.unwrap();
    assert_eq!(found.ahead, [id(&old)]);
    audit.repair(&found).await.unwrap();
    assert_eq!(world.version_of(&old).await, Some(sequences[1]));
}

#[tokio::test]
async fn an_empty_stream_is_no_reason_to_empty_the_index() {
    let world = World::start().await;
    let speech = speech("春耕", "农业");
    let sequence = world.publish(&speech).await;
    index(&world.indexer(), &[delivery(&speech, sequence)]).await;
    world.purge(&speech).await;
    let audit = audit(&world);
    let found = audit.compare().await.unwrap();
    assert_eq!(found.surplus, [id(&speech)]);
    let error = audit.repair(&found).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop(Stop::Config), "{error}");
    assert_eq!(world.version_of(&speech).await, Some(sequence));
}

#[tokio::test]
async fn an_index_that_is_lost_is_filled_again() {
    let world = World::start().await;
    let speeches: Vec<_> = (0..450)
        .map(|n| speech(&format!("第{n}号"), "农业"))
        .collect();
    world.publish_all(&speeches).await;
    let audit = audit(&world);
    let found = audit.compare().await.unwrap();
    assert_eq!((found.missing.len(), found.num_documents), (450, 0));
    let repaired = audit.repair(&found).await.unwrap();
    assert_eq!(repaired.num_done, 450, "{:?}", repaired.refused);
    let found = audit.compare().await.unwrap();
    assert_eq!((found.is_empty(), found.num_documents), (true, 450));
}

#[tokio::test]
async fn a_repair_beside_an_indexer_at_work_leaves_the_newest_of_every_speech() {
    let world = World::start().await;
    let old: Vec<_> = (0..60)
        .map(|n| speech(&format!("第{n}号"), "农业"))
        .collect();
    let new: Vec<_> = old.iter().map(edited).collect();
    let gone: Vec<_> = old.iter().step_by(3).map(withdrawal).collect();
    world.publish_all(&old).await;
    let audit = audit(&world);
    let work = async {
        let found = audit.compare().await.unwrap();
        let changes = async {
            world.publish_all(&new).await;
            world.publish_all(&gone).await;
        };
        let (repaired, ()) = tokio::join!(audit.repair(&found), changes);
        assert!(repaired.unwrap().refused.is_empty());
        world.until_settled().await;
    };
    Box::pin(world.run_beside(world.indexer(), work)).await;
    let found = audit.compare().await.unwrap();
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((found.num_speeches, found.num_documents), (40, 40));
}
