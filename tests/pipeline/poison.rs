//! A page or a speech that ends its process again and again, among others that are well.

use std::os::unix::process::ExitStatusExt;

use messages::Message;
use testkit::Reply;

use crate::mill::Mill;
use crate::pages::{html, page, speech};
use crate::reindexing;

const WELL: [&str; 4] = ["/1.html", "/2.html", "/3.html", "/4.html"];
const POISON: &str = "/poison.html";

/// Short waits, since each crash costs one.
const ENV: [(&str, &str); 2] = [
    ("SPEECHMILL_ACK_WAIT", "1s"),
    ("SPEECHMILL_MAX_ATTEMPTS", "2"),
];

/// A site with pages that are well, and roles but the extractor.
async fn mill() -> Mill {
    let mut mill = Mill::with_store(None, &ENV).await;
    for (number, path) in WELL.iter().enumerate() {
        mill.site.page(path, html(&speech(number)));
    }
    mill.start_role("crawler").await;
    mill.start_role("indexer").await;
    mill
}

/// Starts a role, and again whenever it has ended, until there is a dead letter. Output: how often it
/// was ended, by this signal.
async fn crashes(mill: &mut Mill, role: &str, signal: i32, start: impl Fn(&mut Mill)) -> usize {
    start(mill);
    let mut num_crashes = 0;
    while mill.dead().await.is_empty() {
        if let Some(ended) = mill.exited(role) {
            assert_eq!(ended.signal(), Some(signal), "{ended}");
            num_crashes += 1;
            assert!(num_crashes < 12, "the poison must end at some time");
            start(mill);
        }
    }
    num_crashes
}

/// Fetches all pages, and starts the extractor whenever it has ended, until the poison is dead; nothing
/// else is. `signal`: what ends it.
async fn only_the_poison_is_dead(mill: &mut Mill, signal: i32, start: impl Fn(&mut Mill)) {
    mill.submit(&[&WELL[..], &[POISON]].concat()).await;
    for path in [&WELL[..], &[POISON]].concat() {
        mill.reaches(path, "fetched").await;
    }
    let num_crashes = crashes(mill, "extractor", signal, start).await;
    mill.ends(POISON, "dead", "attempts_exhausted").await;
    for path in WELL {
        mill.reaches(path, "indexed").await;
    }
    // Two that are not counted, for a crash raises what is delivered with it too, and two that are.
    assert!(num_crashes >= 4, "{num_crashes} crashes");
    assert_eq!(mill.dead().await.len(), 1);
}

#[tokio::test]
async fn a_poison_page_that_ends_its_process_is_dead_in_the_end_and_takes_no_other_with_it() {
    let mut mill = mill().await;
    mill.site.page(POISON, html(&speech(5)));
    let poison = messages::UrlId::of(&mill.site.url(POISON).parse().unwrap());
    let plan = format!("extractor:before_publish:{poison}");
    let start = |mill: &mut Mill| mill.start_crashing("extractor", &plan);
    only_the_poison_is_dead(&mut mill, 9, start).await;
}

#[tokio::test]
async fn a_page_that_exhausts_the_memory_of_its_process_is_dead_in_the_end_and_takes_no_other_with_it()
 {
    let mut mill = mill().await;
    // Extracting it takes many times the room of the others.
    let body = "一<br>".repeat(90_000);
    mill.site.page(POISON, Reply::html(page("讲话", &body)));
    mill.site.page("/warm.html", html(&speech(6)));
    mill.start_role("extractor").await;
    mill.submit(&["/warm.html"]).await;
    mill.reaches("/warm.html", "indexed").await;
    let needed = mill.memory_kib("extractor", "VmData");
    mill.kill9("extractor").await;
    let start = |mill: &mut Mill| mill.start_limited("extractor", needed + 16 * 1024);
    only_the_poison_is_dead(&mut mill, 6, start).await;
}

#[tokio::test]
async fn a_speech_that_ends_its_indexer_is_dead_in_the_end_and_takes_no_other_with_it() {
    let mut mill = Mill::with_store(None, &ENV).await;
    mill.set("SPEECHMILL_BATCH_DOCUMENTS", "32");
    // For the streams.
    mill.start_role("indexer").await;
    mill.kill9("indexer").await;
    reindexing::publish(&mill, 0..64, "要抓好农业生产").await;
    let poison = reindexing::speech(7, "").id();
    let plan = format!("indexer:after_task:{poison}");
    let start = |mill: &mut Mill| mill.start_crashing("indexer", &plan);
    let num_crashes = crashes(&mut mill, "indexer", 9, start).await;
    reindexing::until_settled(&mill).await;
    let dead = mill.dead().await;
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0]["id"], poison);
    assert_eq!(dead[0]["headers"]["Speechmill-Code"], "attempts_exhausted");
    // Twice in a batch of 32 and once in one of 4, all of which are not counted, and then alone.
    assert!(num_crashes >= 5, "{num_crashes} crashes");
    assert_eq!(mill.documents().await.len(), 64);
}
