//! `speechmill dead list|show|drop`, and which letters an option means.

use testkit::Reply;

use crate::lab::{Lab, keys};

/// Dead letters of two stages, three codes, two hosts.
async fn with_letters() -> Lab {
    let mut lab = Lab::without_index().await;
    lab.site.page("/403.html", Reply::status(403));
    lab.site.page("/500.html", Reply::status(500));
    lab.start_role("crawler").await;
    lab.submit(&["/403.html", "/500.html"]).await;
    lab.publish("crawl.submit", "讲话\nhttp://10.0.0.1/x".as_bytes())
        .await;
    for path in ["/403.html", "/500.html"] {
        lab.reaches(path, "dead").await;
    }
    lab.url_reaches("讲话", "dead").await;
    lab.url_reaches("http://10.0.0.1/x", "dead").await;
    lab
}

#[tokio::test]
async fn letters_are_counted_listed_and_shown_whole() {
    let lab = with_letters().await;
    let counted = lab.run(&["dead", "list"]).await;
    assert_eq!(counted.code, Some(0), "{counted:?}");
    assert!(counted.out.starts_with("STAGE"), "{counted:?}");
    assert_eq!(counted.out.lines().count(), 5, "{counted:?}");
    let each = lab.run(&["dead", "list", "--each"]).await;
    assert!(each.out.contains(&lab.url_id("/403.html")), "{each:?}");
    for letter in lab.dead().await {
        assert_eq!(
            keys(&letter),
            ["headers", "id", "num_payload_bytes", "sequence"]
        );
    }
    let url = lab.site.url("/500.html");
    let shown = lab.json(&["dead", "show", &url]).await;
    let headers = &shown[0]["headers"];
    assert_eq!(headers["Speechmill-Code"], "http_500");
    assert_eq!(headers["Speechmill-Attempts"], "3");
    assert!(
        shown[0]["payload"].as_str().unwrap().contains(&url),
        "{shown:?}"
    );
    let text = lab.run(&["dead", "show", "--code", "malformed_url"]).await;
    assert!(
        text.out.contains("讲话") && text.out.contains("Speechmill-Error: "),
        "{text:?}"
    );
}

#[tokio::test]
async fn an_option_means_the_letters_it_says_and_no_option_means_none() {
    let lab = with_letters().await;
    let url = lab.site.url("/403.html");
    let id = lab.url_id("/500.html");
    let host = lab.site.host();
    for (options, number) in [
        (&[&*url][..], 1),
        (&[&*id], 1),
        (&["--code", "http_403"], 1),
        (&["--host", &host], 2),
        (&["--stage", "admission"], 2),
        (&["--stage", "crawler", "--code", "malformed_url"], 0),
        (&["--code", "no_such_code"], 0),
    ] {
        let args = [&["dead", "list"], options].concat();
        assert_eq!(lab.json(&args).await.len(), number, "{options:?}");
    }
    for verb in ["replay", "drop"] {
        lab.run(&["dead", verb]).await.only_says(64, &["--all"]);
    }
    assert_eq!(lab.dead().await.len(), 4);
    let nothing = lab.run(&["dead", "drop", "--code", "no_such_code"]).await;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    // No text becomes a pattern that means more letters than it says.
    for bad in ["*", ">", "a b", "dead.crawler.x"] {
        let stage = lab.run(&["dead", "drop", "--stage", bad]).await;
        assert_eq!(stage.code, Some(64), "{stage:?}");
        let id = lab.run(&["dead", "drop", bad]).await;
        assert_eq!((id.code, &*id.out), (Some(1), "dropped: 0\n"), "{id:?}");
    }
    let line = lab.json(&["dead", "show", "讲话"]).await;
    assert_eq!(line[0]["payload"], "讲话");
    assert_eq!(lab.dead().await.len(), 4);
    let one = lab.run(&["dead", "drop", &url]).await;
    assert_eq!((one.code, &*one.out), (Some(0), "dropped: 1\n"));
    lab.run(&["dead", "drop", "--all"])
        .await
        .only_says(64, &["--yes"]);
    let rest = lab.json(&["dead", "drop", "--all", "--yes"]).await;
    assert_eq!(rest.len(), 3);
    assert!(lab.dead().await.is_empty());
    let empty = lab.run(&["dead", "list"]).await;
    assert_eq!((empty.code, &*empty.out), (Some(0), "no dead letters\n"));
}

#[tokio::test]
async fn many_letters_of_one_code_at_one_host_are_said_first() {
    let mut lab = Lab::without_index().await;
    let paths: Vec<String> = (0..12).map(|number| format!("/{number}.html")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for path in &paths {
        lab.site.page(path, Reply::status(403));
    }
    lab.start_role("crawler").await;
    lab.submit(&paths).await;
    for path in &paths {
        lab.reaches(path, "dead").await;
    }
    let burst = &lab.json(&["status"]).await[0]["bursts"][0];
    assert_eq!(
        (&burst["code"], &burst["num_letters"]),
        (&"http_403".into(), &12.into())
    );
    let host = lab.site.host();
    let said = format!("12 of {host} within a day: see `speechmill dead show --code http_403");
    let shown = lab.run(&["status"]).await;
    assert!(shown.out.contains(&said), "{shown:?}");
}
