//! Keys with only the rights that are needed.

use indexer::{Meili, Purpose, SearchOptions, parse_date};
use time::OffsetDateTime;
use worker::{Failure, Stop, Verdict};

use crate::world::{World, delivery, index, speech};

#[tokio::test]
async fn a_second_run_finds_the_keys_of_the_first_and_each_can_do_its_work_and_no_more() {
    let mut world = World::start().await;
    let meili = Meili::new(&world.config.meili).unwrap();
    let write = meili.key(Purpose::Write, None).await.unwrap();
    let search = meili.key(Purpose::Search, None).await.unwrap();
    let again = meili.key(Purpose::Write, None).await.unwrap();
    assert_eq!((&again.uid, &again.secret), (&write.uid, &write.secret));
    assert_eq!(search.actions, ["search"]);
    assert_eq!(search.indexes, ["speeches"]);

    world.config.meili.meili_key = Some(write.secret.clone());
    let speech = speech("春耕", "我们要抓好农业。");
    let sequence = world.publish(&speech).await;
    index(&world.indexer(), &[delivery(&speech, sequence)]).await;
    assert_eq!(world.version_of(&speech).await, Some(sequence));
    let refused = Verdict::Stop(Stop::Refused);
    let meili = Meili::new(&world.config.meili).unwrap();
    let error = meili.key(Purpose::Write, None).await.unwrap_err();
    assert_eq!(error.verdict(), refused, "{error}");
    assert!(error.to_string().contains("MEILI_MASTER_KEY"), "{error}");

    world.config.meili.meili_key = Some(search.secret);
    assert_eq!(world.search("农业").await.hits.len(), 1);
    let error = world.indexer().prepare().await.unwrap_err();
    assert_eq!(error.verdict(), refused, "{error}");
    world.config.meili.index = "another".to_owned();
    let options = SearchOptions::default();
    let searcher = world.searcher();
    let error = searcher.search("农业", &options).await.unwrap_err();
    assert_eq!(error.verdict(), refused, "{error}");
}

#[tokio::test]
async fn a_key_with_another_end_is_the_same_key_and_keeps_its_end_unless_told_otherwise() {
    let world = World::start().await;
    let meili = Meili::new(&world.config.meili).unwrap();
    let endless = meili.key(Purpose::Search, None).await.unwrap();
    assert_eq!(endless.expires_at, None);
    let day = parse_date("2999-12-31").unwrap();
    let ending = meili.key(Purpose::Search, Some(day)).await.unwrap();
    assert_eq!(ending.expires_at.map(OffsetDateTime::date), Some(day));
    assert_eq!(ending.secret, endless.secret);
    let found = meili.key(Purpose::Search, None).await.unwrap();
    assert_eq!(found.expires_at, ending.expires_at);
}
