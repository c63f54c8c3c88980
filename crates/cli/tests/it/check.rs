//! `speechmill check`.

use crate::lab::{Lab, command, ended, keys};

#[tokio::test]
async fn an_empty_server_is_found_wanting_and_is_set_up_by_apply() {
    let lab = Lab::start().await;
    let empty = lab.run(&["check"]).await;
    assert_eq!(empty.code, Some(1), "{empty:?}");
    assert!(
        empty.out.contains("BAD  stream SUBMIT: is absent"),
        "{empty:?}"
    );
    assert!(empty.out.contains("BAD  index speeches"), "{empty:?}");
    assert_eq!(empty.err, "");
    let applied = lab.run(&["check", "--apply"]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    let findings = lab.json(&["check"]).await;
    assert!(findings.len() >= 5, "{findings:?}");
    for finding in &findings {
        assert_eq!(keys(finding), ["note", "ok", "what"]);
        assert_eq!(finding["ok"], true, "{finding}");
    }
}

#[tokio::test]
async fn a_store_that_is_too_small_for_the_streams_and_the_frontier_is_found() {
    let nats = testkit::TestNats::start_with(|options| {
        options.extra_config = "accounts { A { users: [{ user: a, password: a }]
            jetstream: { max_file: 256MB, max_mem: 1MB } } }
            no_auth_user: a"
            .to_owned();
    })
    .await;
    for (frontier, is_enough) in [("32", true), ("512", false)] {
        let options = command(["check"])
            .nats(&nats)
            .env("SPEECHMILL_FRONTIER_MAX_MIB", frontier)
            .env("SPEECHMILL_MEILI_URL", "http://127.0.0.1:1");
        let ended = ended(options, "").await;
        let line = ended.out.lines().find(|line| line.contains("store: "));
        assert_eq!(line.unwrap().starts_with("ok "), is_enough, "{ended:?}");
    }
}
