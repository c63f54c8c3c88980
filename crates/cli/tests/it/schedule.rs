//! `speechmill schedule`: what is crawled again and again, and its end.

use crate::lab::{Lab, keys, speech};

#[tokio::test]
async fn schedules_are_set_listed_changed_and_cancelled() {
    let mut lab = Lab::without_index().await;
    let none = lab.run(&["schedule", "list"]).await;
    assert_eq!((none.code, &*none.out), (Some(0), "no schedules\n"));
    lab.site.page("/1.html", speech(1));
    lab.site.page("/2.html", speech(2));
    lab.start_role("crawler").await;
    let (one, two) = (lab.site.url("/1.html"), lab.site.url("/2.html"));
    let set = lab
        .run(&["schedule", "set", "--every", "7d", &one, &two])
        .await;
    assert_eq!(set.code, Some(0), "{set:?}");
    assert!(set.out.contains("every 168h: submitted"), "{set:?}");
    for path in ["/1.html", "/2.html"] {
        assert_eq!(lab.reaches(path, "fetched").await["every"], "168h");
    }
    let listed = lab.json(&["schedule", "list"]).await;
    assert_eq!(
        keys(&listed[0]),
        ["every", "next_at", "since", "url", "url_id"]
    );
    assert_eq!(listed.len(), 2);
    assert!(listed[0]["next_at"].as_str() > listed[0]["since"].as_str());

    let set = lab.json(&["schedule", "set", "--every", "90m", &one]).await;
    assert_eq!(keys(&set[0]), ["every", "receipt", "url", "url_id"]);
    let cancelled = lab.run(&["schedule", "cancel", &two]).await;
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    let left = testkit::eventually("one schedule is left, and changed", async || {
        let listed = lab.json(&["schedule", "list"]).await;
        (listed.len() == 1 && listed[0]["every"] == "90m").then_some(listed)
    })
    .await;
    assert_eq!(left[0]["url"], one);
    let status = lab.reaches("/2.html", "fetched").await;
    assert_eq!(status["every"], serde_json::Value::Null, "{status}");
    assert_eq!(lab.site.hits("/2.html"), 1, "to cancel fetches nothing");
    let table = lab.run(&["schedule", "list"]).await;
    assert!(table.out.starts_with("EVERY"), "{table:?}");
    assert!(table.out.contains(&one), "{table:?}");
}

#[tokio::test]
async fn what_has_no_schedule_is_named_and_nonsense_refused() {
    let lab = Lab::without_index().await;
    let url = "https://example.com/1";
    let ended = lab.run(&["schedule", "cancel", url]).await;
    ended.says(1, &[url, "no schedule"]);
    lab.run(&["schedule", "cancel", "nonsense"])
        .await
        .says(64, &["nonsense"]);
    for bad in ["7", "never", "30s"] {
        let ended = lab.run(&["schedule", "set", "--every", bad, url]).await;
        assert_eq!(ended.code, Some(64), "{ended:?}");
    }
}
