//! `speechmill search`, over an index that roles have filled.

use crate::lab::{Lab, ended, keys, speech};

#[tokio::test]
async fn what_is_found_is_printed_and_nothing_found_ends_with_1() {
    let mut lab = Lab::start().await;
    let before = lab.run(&["search", "讲话"]).await;
    before.only_says(1, &["no index speeches yet"]);
    lab.site.page("/1.html", speech(0));
    lab.site.page("/2.html", speech(1));
    for role in ["crawler", "extractor", "indexer"] {
        lab.start_role(role).await;
    }
    let urls = [lab.site.url("/1.html"), lab.site.url("/2.html")];
    let waited = lab.run(&["submit", "--wait", &urls[0], &urls[1]]).await;
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert_eq!(waited.out.matches("indexed").count(), 4, "{waited:?}");

    let hits = lab.run(&["search", "河道治理"]).await;
    assert_eq!(hits.code, Some(0), "{hits:?}");
    assert!(hits.out.contains(&urls[0]), "{hits:?}");
    assert!(hits.out.contains("【河道】"), "{hits:?}");
    let json = lab.json(&["search", "河道治理", "--limit", "1"]).await;
    assert_eq!(keys(&json[0]), ["estimated_total", "hits", "took_ms"]);
    let hit = &json[0]["hits"][0];
    for key in [
        "id", "url", "title", "date", "kind", "site", "speaker", "snippet", "document",
    ] {
        assert!(hit.get(key).is_some(), "{key} is not in {hit}");
    }
    let nothing = lab.run(&["search", "\"没有人讲过的话\""]).await;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert_eq!(nothing.err, "");
    let filtered = lab.run(&["search", "河道治理", "--year", "1901"]).await;
    assert_eq!(filtered.code, Some(1), "{filtered:?}");
    let site = lab.site.host();
    let filtered = lab.run(&["search", "河道治理", "--site", &site]).await;
    assert_eq!(filtered.code, Some(0), "{filtered:?}");

    for filter in ["year = ", "no_such_field = 1", "kind = \"a\" AND ("] {
        let refused = lab.run(&["search", "讲话", "--filter", filter]).await;
        refused.only_says(64, &["--filter"]);
    }
    let other = lab.command(["search", "讲话", "--index", "another"]);
    ended(other, "")
        .await
        .only_says(1, &["no index another yet"]);
}
