//! `speechmill remove` and `speechmill reextract`, as far as they need no whole pipeline.

use serde_json::json;

use crate::lab::{Lab, speech};

#[tokio::test]
async fn what_is_to_be_removed_or_extracted_again_must_be_said() {
    let lab = Lab::without_index().await;
    for args in [
        &["remove"][..],
        &["remove", "no url"],
        &["remove", "--site", "a/b"],
        &["remove", "--block", "--unblock", "https://example.com/"],
        &["remove", "--site", "example.com", "https://example.com/"],
        &["reextract"],
        &["reextract", "no url"],
        &["reextract", "--all", "--site", "example.com"],
    ] {
        assert_eq!(lab.run(args).await.code, Some(64), "{args:?}");
    }
    let unasked = lab.run(&["remove", "--site", "example.com"]).await;
    unasked.only_says(64, &["example.com", "--yes"]);
}

#[tokio::test]
async fn what_nobody_knows_of_can_be_blocked_and_unblocked_but_not_removed() {
    let lab = Lab::without_index().await;
    let url = "https://example.com/1.html";
    let nothing = lab.run(&["remove", url]).await;
    nothing.only_says(1, &["nothing is known", url]);
    assert_eq!(lab.status(url).await["state"], "unknown");
    let nothing = lab.run(&["remove", "--unblock", url]).await;
    nothing.only_says(1, &["not blocked", url]);

    for _ in 0..2 {
        let blocked = lab.run(&["remove", "--block", url]).await;
        assert_eq!(blocked.code, Some(0), "{blocked:?}");
        assert!(blocked.out.contains("and blocked"), "{blocked:?}");
    }
    let site = lab
        .run(&["remove", "--block", "--site", "example.com", "--yes"])
        .await;
    assert_eq!(site.code, Some(0), "{site:?}");
    let status = lab.run(&["status", url]).await;
    assert!(
        status.out.contains("blocked with its host since"),
        "{status:?}"
    );

    let lifted = lab.run(&["remove", "--unblock", url]).await;
    lifted.only_says(0, &["still blocked with its host example.com"]);
    let lifted = lab
        .json(&["remove", "--unblock", "--site", "example.com"])
        .await;
    let expected = json!({"host": "example.com", "was_blocked": true, "is_blocked": false});
    assert_eq!(lifted, [expected]);
    assert_eq!(lab.status(url).await["state"], "unknown");
}

#[tokio::test]
async fn pages_are_put_once_each_onto_the_queue_to_be_extracted_again() {
    let mut lab = Lab::without_index().await;
    for number in 1..=2 {
        lab.site.page(&format!("/{number}.html"), speech(number));
    }
    lab.start_role("crawler").await;
    lab.submit(&["/1.html", "/2.html"]).await;
    for path in ["/1.html", "/2.html"] {
        lab.reaches(path, "fetched").await;
    }
    let host = lab.site.host();
    for args in [
        &["reextract", "--all"][..],
        &["reextract", "--site", &host],
        &[
            "reextract",
            &lab.site.url("/1.html"),
            &lab.site.url("/2.html"),
        ],
    ] {
        assert_eq!(lab.json(args).await, [json!({"num_pages": 2})], "{args:?}");
    }
    let status = lab.json(&["status"]).await;
    let again = &status[0]["streams"][4];
    assert_eq!(
        (&again["name"], &again["num_messages"]),
        (&"AGAIN".into(), &2.into())
    );

    let other = lab.run(&["reextract", "--site", "example.com"]).await;
    assert_eq!(other.code, Some(1), "{other:?}");
    let missing = lab.run(&["reextract", "https://example.com/"]).await;
    missing.only_says(1, &["no page", "https://example.com/"]);

    lab.start_role("extractor").await;
    for path in ["/1.html", "/2.html"] {
        lab.reaches(path, "extracted").await;
    }
}
