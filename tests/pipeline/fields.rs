//! A URL becomes a hit, with every field as expected.

use std::path::Path;

use messages::SpeechChange;
use serde_json::{Value, json};

use crate::mill::Mill;
use crate::pages::{html, page, speech};

#[tokio::test]
async fn a_url_becomes_a_hit_with_every_field_as_expected() {
    let mill = Mill::start().await;
    mill.site.page("/detail/7.html", html(&speech(7)));
    mill.submit(&["/detail/7.html"]).await;
    mill.reaches("/detail/7.html", "indexed").await;
    let document = mill.document("/detail/7.html").await;
    let expected = json!({
        "title": "在全县粮食生产工作第7次推进会上的讲话",
        "title_raw": "在全县粮食生产工作第7次推进会上的讲话",
        "kind": "讲话",
        "occasion": "全县粮食生产工作第7次推进会",
        "speaker": null,
        "delivered_on": null,
        "title_date": null,
        "published_at": "2024-03-05T08:30:00+08:00",
        "date": "2024-03-05",
        "date_from": "page",
        "year": 2024,
        "views": 128,
        "salutation": "同志们:",
        "closing": "谢谢大家。",
        "site": mill.site.host(),
        "script": "hans",
        "partial": false,
        "profile": null,
    });
    holds(&document, &expected);
    let text = document["text"].as_str().unwrap();
    assert_eq!(text.lines().count(), 8);
    assert!(
        text.starts_with("同志们:\n第1条线索") && text.ends_with("\n谢谢大家。"),
        "{text}"
    );
    // What the indexer took over was derived by the extractor.
    let change = mill.last_change("/detail/7.html").await;
    let SpeechChange::Upsert(upsert) = change else {
        panic!("{change:?}");
    };
    let derived = words::derive(&upsert.speech);
    assert_eq!(upsert.derived.as_ref(), Some(&derived));
    assert_eq!(document["search_title"], derived.search_title);
    let (code, pages) = mill.command(&["search", "粮食生产"]).await;
    assert_eq!(code, Some(0));
    let hit = &pages[0]["hits"][0];
    assert_eq!(hit["url"], mill.site.url("/detail/7.html"));
    assert!(hit["snippet"].as_str().unwrap().contains("粮食"), "{hit}");
}

#[tokio::test]
async fn the_seed_page_becomes_the_speech_that_is_expected_of_it() {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seed");
    let Ok(expected) = std::fs::read_to_string(seed.join("expected.json")) else {
        println!("skipped: the seed page is not here");
        return;
    };
    let mut expected: Value = serde_json::from_str(&expected).unwrap();
    let bytes = std::fs::read(seed.join("seed.html")).unwrap();
    let mut mill = Mill::with_servers().await;
    let sites = tempfile::TempDir::new().unwrap();
    let profile = include_str!("../../crates/sites/profiles/xiebiwenku.toml");
    let hosts = format!("hosts = [\"{}\"]", mill.site.host());
    let lines = profile.lines().map(|line| {
        if line.starts_with("hosts") {
            &hosts
        } else {
            line
        }
    });
    let profile: Vec<&str> = lines.collect();
    std::fs::write(sites.path().join("seed.toml"), profile.join("\n")).unwrap();
    mill.set("SPEECHMILL_SITES", sites.path().to_str().unwrap());
    for role in crate::mill::ROLES {
        mill.start_role(role).await;
    }
    let path = "/index/article/detail/detail_id/94431.html";
    mill.site
        .page(path, html(std::str::from_utf8(&bytes).unwrap()));
    mill.submit(&[path]).await;
    mill.reaches(path, "indexed").await;
    // The page was served from another address than its own: these three are that address's.
    let fields = expected.as_object_mut().unwrap();
    for own in ["speech_id", "url", "site"] {
        fields.remove(own);
    }
    holds(&mill.document(path).await, &expected);
}

#[tokio::test]
async fn a_page_that_changes_changes_its_document_and_one_that_goes_takes_it_away() {
    let mill = Mill::start().await;
    let old = page(
        "在全市动员会上的讲话",
        &"<p>旧的部署,请各单位认真落实,按时报送情况,不得延误。</p>".repeat(6),
    );
    let new = page(
        "在全市动员会上的讲话",
        &"<p>新的安排,请各单位尽快传达,逐级压实责任,确保见效。</p>".repeat(6),
    );
    mill.site.sequence(
        "/a.html",
        [html(&old), html(&new), testkit::Reply::status(404)],
    );
    mill.submit(&["/a.html"]).await;
    mill.reaches("/a.html", "indexed").await;
    assert!(
        mill.document("/a.html").await["text"]
            .as_str()
            .unwrap()
            .contains("旧的部署")
    );
    let url = mill.site.url("/a.html");
    let (code, _) = mill.command(&["submit", "--wait", &url]).await;
    assert_eq!(code, Some(0));
    assert!(
        mill.document("/a.html").await["text"]
            .as_str()
            .unwrap()
            .contains("新的安排")
    );
    mill.submit(&["/a.html"]).await;
    mill.ends("/a.html", "skipped", "gone").await;
    mill.is_idle().await;
    assert!(mill.documents().await.is_empty());
}

/// Every field that is expected, all the way down.
fn holds(found: &Value, expected: &Value) {
    fn compare(path: &str, found: &Value, expected: &Value) {
        match expected {
            Value::Object(fields) => {
                for (name, value) in fields {
                    compare(&format!("{path}.{name}"), &found[name], value);
                }
            }
            _ => assert_eq!(found, expected, "{path}"),
        }
    }
    compare("", found, expected);
}
