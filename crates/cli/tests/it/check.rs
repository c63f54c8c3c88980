//! `speechmill check`.

use messages::SpeechChange;

use crate::lab::{Lab, command, ended, keys};
use crate::search::{fill, of};

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

#[tokio::test]
async fn documents_that_differ_are_named_and_put_right() {
    let lab = Lab::start().await;
    let early = lab.run(&["check", "--documents"]).await;
    assert!(early.out.contains("no stream SPEECHES yet"), "{early:?}");
    fill(&lab, &[of("甲", 2023), of("乙", 2024)]).await;
    let mut stale = of("甲", 2023);
    "另一篇".clone_into(&mut stale.speech.text);
    let missing = of("丙", 2024);
    let broker = lab.broker().await;
    for upsert in [&stale, &missing] {
        let change = SpeechChange::Upsert(Box::new(upsert.clone()));
        broker.publish(&change).await.unwrap();
    }

    let found = lab.run(&["check", "--documents", "--json"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    let lines = found.lines();
    for (what, upsert) in [("documents missing", &missing), ("documents stale", &stale)] {
        let finding = lines.iter().find(|line| line["what"] == what).unwrap();
        let id = upsert.speech.speech_id.as_str();
        assert_eq!(finding["ids"], serde_json::json!([id]), "{finding}");
    }
    let told = lab.run(&["check", "--documents"]).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.out.contains("BAD  documents stale: 1 "), "{told:?}");
    let repaired = lab.run(&["check", "--documents", "--repair"]).await;
    assert_eq!(repaired.code, Some(0), "{repaired:?}");
    assert!(
        repaired.out.contains("ok   documents repaired: 2"),
        "{repaired:?}"
    );
    let fine = lab.run(&["check", "--documents"]).await;
    assert_eq!(fine.code, Some(0), "{fine:?}");
    let alone = lab.run(&["check", "--repair"]).await;
    assert_eq!(alone.code, Some(64), "{alone:?}");
}
