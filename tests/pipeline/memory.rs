//! What the pages of a host have in common: learned from twenty, taken from all of them.

use messages::UrlId;
use serde_json::Value;
use testkit::eventually;

use crate::mill::{Mill, ROLES};
use crate::pages::{html, speech};

/// Pages of the first generation.
const ENOUGH: usize = 20;

/// The site's own line; no rule knows it.
const LINE: &str = "青石文库有了手机版,同样的讲话,同样的目录,随时随地都能翻看,请告诉身边的朋友。";

fn path(number: usize) -> String {
    format!("/{number}.html")
}

/// A speech with the site's line in the middle of its text.
pub(crate) fn with_line(number: usize) -> String {
    speech(number).replace("<p>第4条", &format!("<p>{LINE}</p><p>第4条"))
}

/// A library that lacks one page to be learned from.
async fn almost_enough() -> Mill {
    let mut mill = Mill::with_servers().await;
    mill.set("SPEECHMILL_DELAY", "10ms");
    for role in ROLES {
        mill.start_role(role).await;
    }
    let paths: Vec<String> = (1..=ENOUGH).map(path).collect();
    for (number, path) in (1..).zip(&paths) {
        mill.site.page(path, html(&with_line(number)));
    }
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    mill.submit(&paths[1..]).await;
    eventually("all but one are indexed", async || {
        let documents = mill.documents().await;
        (documents.len() == ENOUGH - 1).then_some(())
    })
    .await;
    assert_eq!(num_with_line(&mill).await, ENOUGH - 1);
    mill
}

pub(crate) fn has_line(document: &Value) -> bool {
    document["text"].as_str().unwrap().contains(LINE)
}

async fn num_with_line(mill: &Mill) -> usize {
    let documents = mill.documents().await;
    documents
        .iter()
        .filter(|document| has_line(document))
        .count()
}

/// Waits until no speech holds the site's line, and each still holds its own.
async fn all_are_clean(mill: &Mill) {
    eventually("no speech has the site's line", async || {
        let documents = mill.documents().await;
        let is_clean = documents.len() == ENOUGH && !documents.iter().any(has_line);
        is_clean.then_some(())
    })
    .await;
    mill.is_idle().await;
    for document in mill.documents().await {
        let text = document["text"].as_str().unwrap();
        assert_eq!(text.matches("条线索来自").count(), 6, "{text}");
        assert!(
            text.starts_with("同志们:") && text.ends_with("谢谢大家。"),
            "{text}"
        );
    }
    assert!(mill.dead().await.is_empty());
}

/// What a record of the host says of its generation.
async fn generation(mill: &Mill, record: &str) -> Option<Value> {
    let hosts = mill.outside().await.get_key_value("hosts").await.unwrap();
    let key = format!("{}.{record}", mill.site.host().replace(':', "="));
    let bytes = hosts.get(key).await.unwrap()?;
    let record: Value = serde_json::from_slice(&bytes).unwrap();
    Some(record["generation"].clone())
}

#[tokio::test]
async fn the_twentieth_page_of_a_host_takes_the_sites_own_line_from_all_of_them() {
    let mill = almost_enough().await;
    assert_eq!(generation(&mill, "memory").await, Some(0.into()));
    mill.submit(&[&path(1)]).await;
    all_are_clean(&mill).await;
    for record in ["memory", "again"] {
        assert_eq!(generation(&mill, record).await, Some(1.into()), "{record}");
    }
}

#[tokio::test]
async fn a_crash_between_freezing_and_publishing_leaves_it_to_the_next_page() {
    for moment in ["before_publish", "after_publish"] {
        let mut mill = almost_enough().await;
        mill.terminate("extractor").await;
        let url_id = UrlId::of(&mill.site.url(&path(1)).parse().unwrap());
        let plan = format!("extractor:{moment}:{url_id}");
        mill.start_crashing("extractor", &plan);
        mill.submit(&[&path(1)]).await;
        mill.crashed("extractor").await;
        assert_eq!(generation(&mill, "memory").await, Some(1.into()));
        assert_eq!(generation(&mill, "again").await, None);
        mill.start_role("extractor").await;
        all_are_clean(&mill).await;
        assert_eq!(generation(&mill, "again").await, Some(1.into()));
    }
}
