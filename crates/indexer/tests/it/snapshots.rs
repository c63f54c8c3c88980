//! The table of copies, kept from one process for the next.

use indexer::Indexer;
use messages::SpeechChange;
use serde_json::{Value, json};
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use worker::topology::{Bucket, CONSUMERS};

use crate::clusters::{hits, text};
use crate::world::{World, delivery, index, settle, speech, withdrawal};

const KEY: &str = "table";

impl World {
    async fn snapshot(&self) -> Option<Value> {
        let record = self.broker.record::<Value>(Bucket::Copies, KEY).await;
        record.expect("a record").map(|record| record.value)
    }

    async fn write(&self, key: &str, value: &Value) {
        let written = self.broker.write_record(Bucket::Copies, key, value);
        written.await.expect("written");
    }

    /// Has a snapshot written; the check sum of the table, which is the same for the same speeches.
    async fn table_of(&self, indexer: &Indexer) -> Value {
        indexer.write_snapshot().await;
        self.snapshot().await.expect("a snapshot")["sha256"].clone()
    }
}

/// Two texts and one of both, the first with the smallest id.
fn parts_and_whole() -> [SpeechChange; 3] {
    let mut names = ["甲", "乙", "丙"];
    names.sort_by_key(|name| speech(name, "").speech_id().clone());
    [
        speech(names[0], &text(0..21)),
        speech(names[1], &text(21..42)),
        speech(names[2], &text(0..42)),
    ]
}

#[tokio::test]
async fn a_start_with_a_snapshot_reads_only_what_came_after_it() {
    let world = World::start().await;
    let [one, two, both] = parts_and_whole();
    let first = world.indexer();
    settle(&world, &first, &[one.clone(), two.clone()]).await;
    assert_eq!(hits(&world, false).await.len(), 2);
    first.write_snapshot().await;
    // Whoever reads all of SPEECHES does not see it any more.
    world.purge(&one).await;
    settle(&world, &world.indexer(), std::slice::from_ref(&both)).await;
    assert_eq!(hits(&world, false).await.len(), 1);
    assert_eq!(hits(&world, true).await.len(), 3);
}

#[tokio::test]
async fn a_table_that_began_with_a_snapshot_is_the_one_that_is_made_of_all_speeches() {
    let world = World::start().await;
    let [one, two, both] = parts_and_whole();
    let others = (0..40).map(|n| speech(&format!("第{n}篇"), &text(n * 3..n * 3 + 12)));
    let others: Vec<_> = others.collect();
    let first = world.indexer();
    settle(&world, &first, &others[..30]).await;
    settle(&world, &first, &[one.clone(), both.clone()]).await;
    first.write_snapshot().await;
    let second = world.indexer();
    let again = speech("第3篇", &text(300..312));
    settle(&world, &second, &[withdrawal(&others[7]), again, two]).await;
    settle(&world, &second, &others[30..]).await;
    let begun = world.table_of(&second).await;
    world.write(KEY, &json!("nothing")).await;
    let third = world.indexer();
    settle(&world, &third, &others[39..]).await;
    assert_eq!(world.table_of(&third).await, begun);
}

#[tokio::test]
async fn a_snapshot_that_is_older_than_a_withdrawal_forgets_what_was_withdrawn() {
    let world = World::start().await;
    let [one, two, both] = parts_and_whole();
    let first = world.indexer();
    settle(&world, &first, &[one, two.clone(), both.clone()]).await;
    assert_eq!(hits(&world, false).await.len(), 1);
    first.write_snapshot().await;
    let gone = withdrawal(&both);
    let sequence = world.publish(&gone).await;
    let second = world.indexer();
    settle(&world, &second, &[two]).await;
    index(&second, &[delivery(&gone, sequence)]).await;
    assert_eq!(hits(&world, false).await.len(), 2);
}

#[tokio::test]
async fn what_is_no_snapshot_of_these_speeches_is_made_anew_from_all_of_them() {
    let world = World::start().await;
    let [one, two, _] = parts_and_whole();
    let mut tables = Vec::new();
    for spoilt in [
        "nothing",
        "the record",
        "a part",
        "the version",
        "the sequence",
        "SPEECHES",
    ] {
        let first = world.indexer();
        settle(&world, &first, &[one.clone(), two.clone()]).await;
        let whole = world.table_of(&first).await;
        // A table that is made of all speeches lacks it.
        world.purge(&one).await;
        let mut record = world.snapshot().await.expect("a snapshot");
        match spoilt {
            "the record" => record = json!("nonsense"),
            "a part" => {
                let key = format!("{KEY}.{}.0", record["set"]);
                world.write(&key, &json!("nonsense")).await;
            }
            "the version" => record["value"]["version"] = json!(200),
            "the sequence" => record["value"]["sequence"] = json!(1_000_000),
            "SPEECHES" => world.replace_speeches(&two).await,
            _ => {}
        }
        world.write(KEY, &record).await;
        let second = world.indexer();
        settle(&world, &second, std::slice::from_ref(&two)).await;
        let table = world.table_of(&second).await;
        tables.push((spoilt, table == whole, table));
    }
    let (_, is_whole, _) = tables.remove(0);
    assert!(is_whole, "it began with its snapshot");
    let (_, _, anew) = tables[0].clone();
    for (spoilt, is_whole, table) in tables {
        assert!(!is_whole && table == anew, "{spoilt}: {table}");
    }
}

#[tokio::test]
async fn without_its_bucket_all_goes_on_and_the_next_one_has_a_snapshot_again() {
    let world = World::start().await;
    let [one, two, both] = parts_and_whole();
    world.delete_copies().await;
    let first = world.indexer();
    settle(&world, &first, &[one, two]).await;
    first.write_snapshot().await;
    world.broker.ensure_topology(&CONSUMERS).await.expect("all");
    assert_eq!(world.snapshot().await, None);
    settle(&world, &first, &[both]).await;
    assert_eq!(hits(&world, false).await.len(), 1);
    first.write_snapshot().await;
    let snapshot = world.snapshot().await.expect("a snapshot");
    assert_eq!(snapshot["value"]["sequence"], 3);
}

#[tokio::test]
async fn after_a_thousand_changes_a_snapshot_is_written_by_itself() {
    let world = World::start().await;
    let all = (0..1_000).map(|n| speech(&format!("第{n}次"), &text(n..n + 1)));
    let all: Vec<_> = all.collect();
    let indexer = world.indexer();
    settle(&world, &indexer, &all).await;
    let shutdown = CancellationToken::new();
    let process = world.process(shutdown.clone());
    let (kept, snapshot) = tokio::join!(indexer.keep_snapshots(&process), async {
        let snapshot = eventually("a snapshot", async || world.snapshot().await).await;
        shutdown.cancel();
        snapshot
    });
    kept.expect("it ends because it is told to");
    assert_eq!(snapshot["value"]["sequence"], 1_000);
}
