//! Copies of a speech: one hit, or all of them.

use indexer::SearchOptions;
use messages::{CompletenessState, SpeechChange};

use crate::world::{World, changed, settle, speech, withdrawal};

/// Sentences that have nothing in common but what a search finds.
pub(crate) fn text(sentences: std::ops::Range<u32>) -> String {
    let sentence = |number: u32| {
        let letters = (0..40_u32).filter_map(|at| {
            let letter = (number * 40 + at).wrapping_mul(2_654_435_761) >> 16;
            char::from_u32(0x4e00 + letter % 0x5000)
        });
        format!("农业{}。\n", letters.collect::<String>())
    };
    sentences.map(sentence).collect()
}

/// Ids of the hits.
pub(crate) async fn hits(world: &World, all_versions: bool) -> Vec<String> {
    let options = SearchOptions {
        all_versions,
        ..SearchOptions::default()
    };
    let found = world
        .searcher()
        .search("农业", &options)
        .await
        .expect("hits");
    found.hits.into_iter().map(|hit| hit.id).collect()
}

fn id(change: &SpeechChange) -> String {
    change.speech_id().as_str().to_owned()
}

#[tokio::test]
async fn two_copies_are_one_hit_the_fullest_and_two_with_all_versions() {
    let world = World::start().await;
    let cut = changed(&speech("副本", &text(0..12)), |upsert| {
        upsert.speech.completeness.state = CompletenessState::LoginWall;
    });
    let whole = speech("全文", &text(0..30));
    let other = speech("另一篇", &text(100..120));
    settle(
        &world,
        &world.indexer(),
        &[cut.clone(), whole.clone(), other.clone()],
    )
    .await;
    let mut found = hits(&world, false).await;
    found.sort();
    let mut wanted = vec![id(&whole), id(&other)];
    wanted.sort();
    assert_eq!(found, wanted);
    assert_eq!(hits(&world, true).await.len(), 3);
}

#[tokio::test]
async fn a_third_text_merges_two_clusters_also_after_a_restart_and_its_end_parts_them() {
    let world = World::start().await;
    let one = speech("上篇", &text(0..21));
    let two = speech("下篇", &text(21..42));
    let both = speech("全篇", &text(0..42));
    settle(&world, &world.indexer(), &[one.clone(), two.clone()]).await;
    assert_eq!(hits(&world, false).await.len(), 2);
    // Another process each time: the table is made from SPEECHES.
    settle(&world, &world.indexer(), std::slice::from_ref(&both)).await;
    assert_eq!(hits(&world, false).await.len(), 1);
    assert_eq!(hits(&world, true).await.len(), 3);
    settle(&world, &world.indexer(), &[withdrawal(&both)]).await;
    assert_eq!(hits(&world, false).await.len(), 2);
}

#[tokio::test]
async fn the_same_indexer_writes_those_again_whose_cluster_has_another_name() {
    let world = World::start().await;
    let indexer = world.indexer();
    let one = speech("上篇", &text(0..21));
    let two = speech("下篇", &text(21..42));
    let both = speech("全篇", &text(0..42));
    settle(&world, &indexer, &[one, two]).await;
    settle(&world, &indexer, std::slice::from_ref(&both)).await;
    assert_eq!(hits(&world, false).await.len(), 1);
    settle(&world, &indexer, &[withdrawal(&both)]).await;
    assert_eq!(hits(&world, false).await.len(), 2);
}
