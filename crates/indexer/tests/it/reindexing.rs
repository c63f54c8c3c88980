//! An index that is built anew while it is searched and written to.

use indexer::{Audit, Rebuild, ReindexJob, ReindexStage};
use messages::SpeechChange;
use serde_json::{Value, json};
use testkit::eventually;
use tokio_util::sync::CancellationToken;
use worker::topology::Bucket;
use worker::{Failure, Sink, Verdict};

use crate::world::{World, changed, delivery, index, speech, withdrawal};

const TEXT: &str = "同志们：要抓好农业生产。";

fn speeches(numbers: std::ops::Range<usize>) -> Vec<SpeechChange> {
    let all = numbers.map(|n| speech(&format!("第{n}次讲话"), TEXT));
    all.collect()
}

impl World {
    /// Runs the sink and what carries out reindexes beside `meanwhile`.
    async fn run_both_beside(&self, meanwhile: impl Future<Output = ()>) {
        let shutdown = CancellationToken::new();
        let process = self.process(shutdown.clone());
        let sink = self.indexer();
        let rebuild = Rebuild::new(&sink);
        let (ended, kept, ()) =
            tokio::join!(process.run_sink(sink), rebuild.keep(&process), async {
                meanwhile.await;
                shutdown.cancel();
            });
        ended.expect("the sink ends because it is told to");
        kept.expect("and so does the watch");
    }

    async fn until_reindexed(&self) -> ReindexJob {
        eventually("the reindex is done", async || {
            let job = ReindexJob::last(&self.broker).await.ok()??;
            (job.stage == ReindexStage::Done).then_some(job)
        })
        .await
    }

    async fn assert_same(&self) {
        let audit = Audit::new(&self.config.meili, self.broker.clone()).expect("an audit");
        let found = audit.compare().await.expect("a comparison");
        assert!(found.is_empty(), "{found:?}");
    }

    async fn http(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let request = client.request(method, format!("{}{path}", self.meili.url()));
        let request = request.bearer_auth(self.meili.key());
        let request = match body {
            Value::Null => request,
            body => request.json(&body),
        };
        let answer = request.send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    async fn created_at(&self, index: &str) -> Value {
        let path = format!("/indexes/{index}");
        self.http(reqwest::Method::GET, &path, Value::Null).await["createdAt"].clone()
    }

    /// Waits for a task that was asked for.
    async fn task(&self, accepted: &Value) {
        let path = format!("/tasks/{}", accepted["taskUid"]);
        eventually("the task has succeeded", async || {
            let task = self.http(reqwest::Method::GET, &path, Value::Null).await;
            (task["status"] == "succeeded").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_reindex_during_a_load_fails_no_search_and_leaves_every_speech_in_its_newest_version() {
    let world = World::start().await;
    let all = speeches(0..400);
    world.publish_all(&all[..300]).await;
    let (before, after) = (world.created_at("speeches").await, CancellationToken::new());
    assert!(before.is_null());
    let meanwhile = async {
        world.until_settled().await;
        let old = world.created_at("speeches").await;
        ReindexJob::ask(&world.broker).await.unwrap();
        let load = async {
            for (number, speech) in all.iter().enumerate() {
                let change = match number % 3 {
                    0 => changed(speech, |upsert| upsert.speech.text.push_str("乡村振兴。")),
                    1 => withdrawal(speech),
                    _ => continue,
                };
                world.publish(&change).await;
            }
            let job = world.until_reindexed().await;
            assert_eq!(job.num_refused, 0);
            world.until_settled().await;
            after.cancel();
        };
        // Those of number 2 modulo 3 among the first are there all the while.
        let searches = async {
            while !after.is_cancelled() {
                let found = world.search("农业").await;
                assert!(found.estimated_total >= 100, "{}", found.estimated_total);
            }
        };
        tokio::join!(load, searches);
        assert_ne!(
            world.created_at("speeches").await,
            old,
            "it is another index"
        );
    };
    Box::pin(world.run_both_beside(meanwhile)).await;
    world.assert_same().await;
    assert!(world.created_at("speeches-rebuild").await.is_null());
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_reindex_that_died_after_its_swap_does_not_swap_back() {
    let world = World::start().await;
    let all = speeches(0..3);
    let sequences = world.publish_all(&all).await;
    let batch = |n: usize| [delivery(&all[n], sequences[n])];
    let indexer = world.indexer();
    index(&indexer, &batch(0)).await;
    // The second index holds more than the first; nobody wrote down that they were swapped.
    let made = json!({"uid": "speeches-rebuild", "primaryKey": "id"});
    let accepted = world.http(reqwest::Method::POST, "/indexes", made).await;
    world.task(&accepted).await;
    let new = world.created_at("speeches-rebuild").await;
    let pair = json!([{"indexes": ["speeches", "speeches-rebuild"]}]);
    let accepted = world
        .http(reqwest::Method::POST, "/swap-indexes", pair)
        .await;
    world.task(&accepted).await;
    let job = json!({
        "asked_at": "2024-01-02T03:04:05Z",
        "stage": "switching",
        "created_at": new,
        "by": "one that is dead",
    });
    world
        .broker
        .write_record(Bucket::Jobs, ReindexJob::KEY, &job)
        .await
        .unwrap();
    let meanwhile = async {
        world.until_reindexed().await;
        world.until_settled().await;
    };
    Box::pin(world.run_both_beside(meanwhile)).await;
    assert_eq!(world.created_at("speeches").await, new);
    world.assert_same().await;
}

#[tokio::test]
async fn a_second_index_that_was_lost_is_built_from_the_start_and_leftovers_are_deleted() {
    let world = World::start().await;
    world.publish_all(&speeches(0..20)).await;
    let made = json!({"uid": "speeches-rebuild", "primaryKey": "isbn"});
    let accepted = world.http(reqwest::Method::POST, "/indexes", made).await;
    world.task(&accepted).await;
    let job = json!({
        "asked_at": "2024-01-02T03:04:05Z",
        "stage": "building",
        "sequence": 10,
        "created_at": "2024-01-02T03:04:05.000000001Z",
    });
    world
        .broker
        .write_record(Bucket::Jobs, ReindexJob::KEY, &job)
        .await
        .unwrap();
    let meanwhile = async {
        let job = world.until_reindexed().await;
        assert_eq!(job.num_taken, 20);
        world.until_settled().await;
    };
    Box::pin(world.run_both_beside(meanwhile)).await;
    world.assert_same().await;
}

#[tokio::test]
async fn while_another_process_switches_no_speech_is_written_and_none_is_lost() {
    let world = World::start().await;
    let all = speeches(0..5);
    let sequences = world.publish_all(&all).await;
    let indexer = world.indexer();
    let job = |stage: &str| {
        json!({
            "asked_at": "2024-01-02T03:04:05Z", "stage": stage, "by": "another",
        })
    };
    let key = ReindexJob::KEY;
    world
        .broker
        .write_record(Bucket::Jobs, key, &job("switching"))
        .await
        .unwrap();
    let batch = [delivery(&all[0], sequences[0])];
    let error = indexer
        .handle(batch.to_vec())
        .await
        .remove(0)
        .expect_err("a pause");
    assert_eq!(error.verdict(), Verdict::Wait);
    assert_eq!(error.code(), "reindex_switching");
    assert_eq!(world.searcher().num_documents().await.unwrap(), Some(0));
    world
        .broker
        .write_record(Bucket::Jobs, key, &job("done"))
        .await
        .unwrap();
    index(&indexer, &batch).await;
}

#[tokio::test]
async fn a_reindex_is_asked_for_once_while_one_is_under_way() {
    let world = World::start().await;
    let first = ReindexJob::ask(&world.broker).await.unwrap();
    assert_eq!(ReindexJob::ask(&world.broker).await.unwrap(), first);
}
