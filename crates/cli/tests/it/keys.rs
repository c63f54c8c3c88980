//! `speechmill keys`.

use crate::lab::{Lab, command, ended, keys};

#[tokio::test]
async fn the_keys_are_lines_for_an_env_file_and_a_second_run_prints_the_same() {
    let lab = Lab::start().await;
    let master = lab.meili.as_ref().unwrap().key();
    let by_environment = lab.command(["keys"]).env("MEILI_MASTER_KEY", master);
    let first = ended(by_environment, "").await;
    assert_eq!((first.code, &*first.err), (Some(0), ""), "{first:?}");
    let names: Vec<&str> = first
        .out
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    assert_eq!(names, ["SPEECHMILL_MEILI_KEY", "SPEECHMILL_SEARCH_KEY"]);
    let by_input = &["keys", "--master-key-file", "-"];
    let second = lab.run_with(by_input, &format!("{master}\n")).await;
    assert_eq!(second.out, first.out);

    let json = [by_input, &["--expires", "2999-12-31", "--json"][..]].concat();
    let lines = lab.run_with(&json, master).await.lines();
    assert_eq!(
        keys(&lines[1]),
        [
            "actions",
            "expires_at",
            "indexes",
            "key",
            "name",
            "purpose",
            "uid"
        ]
    );
    assert_eq!(lines[1]["expires_at"], "2999-12-31T00:00:00Z");
    let key = lines[1]["key"].as_str().unwrap();
    assert!(first.out.contains(key), "{first:?}");
    let search = lab.command(["search", "讲话", "--index", "another"]);
    let refused = ended(search.env("SPEECHMILL_MEILI_KEY", key), "").await;
    refused.only_says(77, &["SPEECHMILL_MEILI_KEY"]);
}

#[tokio::test]
async fn a_master_key_that_is_absent_or_wrong_is_said_and_never_shown() {
    let lab = Lab::start().await;
    let keys = |key: &str| lab.command(["keys"]).env("MEILI_MASTER_KEY", key);
    let wrong = ended(keys("another-key-than-yours"), "").await;
    wrong.only_says(77, &["MEILI_MASTER_KEY"]);
    assert!(!wrong.err.contains("another-key-than-yours"), "{wrong:?}");
    assert_eq!(wrong.out, "");
    let absent = ended(keys(""), "").await;
    absent.only_says(64, &["MEILI_MASTER_KEY", "--master-key-file"]);
    let none = ended(keys("two words"), "").await;
    none.only_says(64, &["master key"]);
    assert!(!none.err.contains("words"), "{none:?}");
    let past = lab.command(["keys", "--expires", "2001-01-01"]);
    ended(past, "").await.only_says(64, &["2001-01-01"]);
    let no_file = lab.command(["keys", "--master-key-file", "no/such/key"]);
    ended(no_file, "")
        .await
        .only_says(64, &["no/such/key", "can't be read"]);
}

#[tokio::test]
async fn without_meilisearch_there_are_no_keys() {
    let options = command(["keys"])
        .env("MEILI_MASTER_KEY", "a-master-key-of-yours")
        .env("SPEECHMILL_MEILI_URL", "http://127.0.0.1:1");
    ended(options, "").await.only_says(69, &["127.0.0.1:1"]);
}
