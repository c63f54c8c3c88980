//! Roles and servers that die, at the worst moments.

use std::time::Duration;

use testkit::eventually;

use crate::mill::{Mill, ROLES};
use crate::pages::{html, speech};

const PATHS: [&str; 6] = [
    "/1.html", "/2.html", "/3.html", "/4.html", "/5.html", "/6.html",
];

/// Each path is one document, and nothing else is anywhere.
async fn each_is_one_document(mill: &Mill) {
    for path in PATHS {
        mill.reaches(path, "indexed").await;
        mill.document(path).await;
    }
    mill.is_idle().await;
    assert_eq!(mill.documents().await.len(), PATHS.len());
    assert!(mill.dead().await.is_empty());
}

async fn with_pages(mut mill: Mill, roles: &[&'static str]) -> Mill {
    for (number, path) in PATHS.iter().enumerate() {
        mill.site.page(path, html(&speech(number)));
    }
    for role in roles {
        mill.start_role(role).await;
    }
    mill
}

/// The role that runs a stage.
fn role_of(stage: &str) -> &'static str {
    match stage {
        "admission" | "crawler" => "crawler",
        "extractor" => "extractor",
        _ => "indexer",
    }
}

async fn a_crash_loses_and_doubles_nothing(plans: &[&str]) {
    let mill = Mill::with_servers().await;
    let (first, _) = plans[0].split_once(':').unwrap();
    let others: Vec<&'static str> = ROLES
        .into_iter()
        .filter(|role| *role != role_of(first))
        .collect();
    let mut mill = with_pages(mill, &others).await;
    mill.submit(&PATHS).await;
    for plan in plans {
        let role = role_of(plan.split_once(':').unwrap().0);
        mill.start_crashing(role, plan);
        mill.crashed(role).await;
    }
    mill.start_role(role_of(first)).await;
    each_is_one_document(&mill).await;
}

#[tokio::test]
async fn a_crawler_killed_around_its_publish_loses_and_doubles_nothing() {
    a_crash_loses_and_doubles_nothing(&[
        "admission:before_publish",
        "admission:after_publish",
        "crawler:before_publish",
        "crawler:after_publish",
    ])
    .await;
}

#[tokio::test]
async fn a_crawler_that_froze_while_a_site_answered_puts_no_old_page_over_a_new_one() {
    let mut mill = Mill::start().await;
    let slow = html(&speech(1)).after(Duration::from_millis(500));
    mill.site.sequence("/1.html", [slow, html(&speech(2))]);
    mill.submit(&["/1.html"]).await;
    eventually("the page is asked for", async || {
        (mill.site.hits("/1.html") == 1).then_some(())
    })
    .await;
    mill.pause("crawler");
    let frozen = mill.start_another("crawler").await;
    let new = mill.reaches("/1.html", "indexed").await;
    frozen.resume();
    eventually("the old page is dropped", async || {
        let (_, overview) = mill.command(&["status"]).await;
        (overview[0]["ends"]["crawler"]["superseded"] == 1).then_some(())
    })
    .await;
    mill.is_idle().await;
    assert_eq!(mill.status("/1.html").await, new);
    let document = mill.document("/1.html").await.to_string();
    assert!(document.contains("第2号调研点"), "{document}");
}

#[tokio::test]
async fn an_extractor_killed_around_its_publish_loses_and_doubles_nothing() {
    a_crash_loses_and_doubles_nothing(&["extractor:before_publish", "extractor:after_publish"])
        .await;
}

#[tokio::test]
async fn a_page_that_vanishes_before_its_speech_is_remembered_is_withdrawn_all_the_same() {
    let mut mill = with_pages(Mill::with_servers().await, &["crawler", "indexer"]).await;
    mill.start_crashing("extractor", "extractor:after_publish");
    mill.submit(&PATHS[..1]).await;
    mill.crashed("extractor").await;
    eventually("the speech is indexed", async || {
        (mill.documents().await.len() == 1).then_some(())
    })
    .await;
    // In PAGES this replaces the page that is to be extracted again.
    mill.site.page(PATHS[0], testkit::Reply::status(404));
    mill.submit(&PATHS[..1]).await;
    eventually("it is found gone", async || {
        (mill.site.hits(PATHS[0]) == 2).then_some(())
    })
    .await;
    mill.start_role("extractor").await;
    mill.reaches(PATHS[0], "skipped").await;
    mill.is_idle().await;
    assert!(mill.documents().await.is_empty());
}

#[tokio::test]
async fn an_indexer_killed_between_its_task_and_its_ack_loses_and_doubles_nothing() {
    a_crash_loses_and_doubles_nothing(&["indexer:after_task"]).await;
}

#[tokio::test]
async fn every_message_delivered_twice_gives_one_document() {
    let mut mill = with_pages(Mill::with_servers().await, &ROLES).await;
    mill.submit(&PATHS).await;
    each_is_one_document(&mill).await;
    // Without its consumers the broker knows no ack: all that it keeps is delivered once more.
    for role in ROLES {
        mill.kill9(role).await;
    }
    let outside = mill.outside().await;
    for (stream, consumer) in [("PAGES", "extractor"), ("SPEECHES", "indexer")] {
        let stream = outside.get_stream(stream).await.unwrap();
        stream.delete_consumer(consumer).await.unwrap();
    }
    for role in ROLES {
        mill.start_role(role).await;
    }
    mill.submit(&PATHS).await;
    mill.is_idle().await;
    each_is_one_document(&mill).await;
}

#[tokio::test]
async fn meilisearch_away_for_a_while_is_waited_for() {
    let mut mill = with_pages(Mill::with_servers().await, &ROLES).await;
    mill.meili.kill().await;
    mill.submit(&PATHS).await;
    for path in PATHS {
        mill.reaches(path, "extracted").await;
    }
    assert!(mill.dead().await.is_empty());
    mill.meili.restart().await;
    each_is_one_document(&mill).await;
}

#[tokio::test]
async fn a_restart_of_nats_is_survived_by_every_role() {
    let mut mill = with_pages(Mill::with_servers().await, &ROLES).await;
    mill.submit(&PATHS[..3]).await;
    mill.secured.nats.kill().await;
    mill.secured.nats.restart().await;
    mill.submit(&PATHS[3..]).await;
    each_is_one_document(&mill).await;
}

#[tokio::test]
async fn sigterm_drains_every_role() {
    let mut mill = with_pages(Mill::with_servers().await, &ROLES).await;
    mill.submit(&PATHS).await;
    let slow = html(&speech(6)).after(Duration::from_secs(1));
    mill.site.page("/slow.html", slow);
    mill.submit(&["/slow.html"]).await;
    eventually("the slow page is asked for", async || {
        (mill.site.hits("/slow.html") == 1).then_some(())
    })
    .await;
    for role in ROLES {
        assert_eq!(mill.terminate(role).await, Some(143), "{role}");
    }
    let state = mill.status("/slow.html").await["state"].clone();
    assert!(
        state != "queued" && state != "deferred",
        "what was in hand is finished: {state}"
    );
    for role in ROLES {
        mill.start_role(role).await;
    }
    mill.reaches("/slow.html", "indexed").await;
    assert_eq!(mill.site.hits("/slow.html"), 1);
    for path in PATHS {
        mill.reaches(path, "indexed").await;
    }
    assert!(mill.dead().await.is_empty());
}
