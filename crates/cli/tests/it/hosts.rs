//! `speechmill host` and `speechmill status --hosts`: orders of the operator, and what hosts wait for.

use serde_json::Value;
use testkit::{Reply, eventually};

use crate::lab::{Lab, keys, speech};

async fn start_polite_crawler(lab: &mut Lab) {
    let polite = |options: testkit::RoleOptions| options.env("SPEECHMILL_DELAY", "200ms");
    lab.start_role_with("crawler", polite).await;
}

/// What is said of the lab's site.
async fn host(lab: &Lab) -> Option<Value> {
    let answers = lab.json(&["status", "--hosts"]).await;
    assert_eq!(answers[0]["is_complete"], true);
    let hosts = answers[0]["hosts"].as_array().unwrap().clone();
    let site = lab.site.host();
    hosts.into_iter().find(|host| host["host"] == site.as_str())
}

#[tokio::test]
async fn a_host_is_paused_listed_and_resumed() {
    let mut lab = Lab::without_index().await;
    let site = lab.site.host();
    let none = lab.run(&["host", "list"]).await;
    assert_eq!((none.code, &*none.out), (Some(0), "no host is paused\n"));
    let none = lab.run(&["status", "--hosts"]).await;
    assert_eq!((none.code, &*none.out), (Some(0), "no host is known yet\n"));
    let paused = lab.run(&["host", "pause", &lab.site.url("/a")]).await;
    assert_eq!(paused.out, format!("{site} is paused\n"), "{paused:?}");
    let listed = lab.json(&["host", "list"]).await;
    assert_eq!(keys(&listed[0]), ["host", "paused_at"]);
    assert_eq!(listed[0]["host"], site.as_str());

    lab.site.page("/1.html", speech(1));
    start_polite_crawler(&mut lab).await;
    lab.submit(&["/1.html"]).await;
    lab.reaches("/1.html", "deferred").await;
    assert!(lab.site.requests().is_empty());
    let state = host(&lab).await.unwrap();
    assert_eq!(
        (&state["num_deferred"], &state["num_due"]),
        (&1.into(), &0.into())
    );
    assert_eq!(
        (&state["is_paused"], &state["why"]),
        (&true.into(), &"paused".into())
    );
    let table = lab.run(&["status", "--hosts"]).await.out;
    assert!(
        table.contains("until resumed") && table.contains("paused"),
        "{table}"
    );

    let resumed = lab.json(&["host", "resume", &site]).await;
    assert_eq!(resumed[0]["is_paused"], false);
    let mut number = 1;
    eventually("what is submitted now is fetched", async || {
        // What was submitted before the order was noticed is deferred as well.
        number += 1;
        let path = format!("/{number}.html");
        lab.site.page(&path, speech(number));
        lab.submit(&[&path]).await;
        lab.site
            .requests()
            .iter()
            .any(|request| request.path != "/robots.txt")
            .then_some(())
    })
    .await;
    assert!(lab.json(&["host", "list"]).await.is_empty());
}

#[tokio::test]
async fn a_host_that_refuses_is_shown_with_its_delay_and_its_block() {
    let mut lab = Lab::without_index().await;
    lab.site.page("/1.html", Reply::status(429));
    start_polite_crawler(&mut lab).await;
    lab.submit(&["/1.html"]).await;
    let state = eventually("it has refused", async || {
        let state = host(&lab).await?;
        (state["why"] == "http_429").then_some(state)
    })
    .await;
    assert_eq!(
        keys(&state),
        [
            "blocked_until",
            "delay_from",
            "delay_ms",
            "host",
            "is_paused",
            "latency_ms",
            "next_at",
            "num_deferred",
            "num_due",
            "why"
        ]
    );
    assert_eq!(
        (&state["delay_ms"], &state["delay_from"]),
        (&200.into(), &"configured".into())
    );
    assert!(state["next_at"].as_str() >= state["blocked_until"].as_str());
}

#[tokio::test]
async fn what_is_no_host_is_refused() {
    let lab = Lab::without_index().await;
    for bad in [
        &["host", "pause", "a/b"][..],
        &["host", "pause", "ftp://a.cn/"],
        &["host", "pause"],
        &["host"],
        &["status", "--hosts", "http://a.cn/"],
    ] {
        assert_eq!(lab.run(bad).await.code, Some(64), "{bad:?}");
    }
}
