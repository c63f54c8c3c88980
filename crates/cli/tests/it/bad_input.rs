//! What is wrong in the command itself: one clear line, the contract's exit code, no server needed.

use crate::lab::{Lab, command, ended};

#[tokio::test]
async fn a_line_that_is_no_url_is_named_in_one_line_and_nothing_is_asked_of_a_server() {
    for (url, words) in [
        ("www.example.com/a", ["www.example.com/a", "https://"]),
        ("ftp://example.com/a", ["ftp", "http"]),
        ("https://", ["https://", "not a URL"]),
        ("讲话", ["讲话", "not a URL"]),
    ] {
        let ended = ended(command(["submit", url]), "").await;
        ended.only_says(64, &words);
        assert_eq!(ended.out, "");
    }
}

#[tokio::test]
async fn a_password_in_a_url_is_never_shown() {
    let lab = Lab::without_index().await;
    for args in [
        &["submit", "https://me:s3cret@example.com/"][..],
        &["submit", "https://me:s3cret@example.com:badport/"],
        &["extract", "-", "--url", "https://me:s3cret@example.com/"],
    ] {
        let ended = lab.run(args).await;
        ended.only_says(64, &[]);
        assert!(!ended.err.contains("s3cret"), "{ended:?}");
    }
    let status = lab.run(&["status", "https://me:s3cret@example.com/"]).await;
    assert_eq!(
        status.out, "https://…@example.com/  unknown\n",
        "{status:?}"
    );
    let ended = lab
        .run(&["status", "--nats-url", "nats://me:s3cret@127.0.0.1:1"])
        .await;
    ended.only_says(69, &["127.0.0.1:1"]);
    assert!(!ended.err.contains("s3cret"), "{ended:?}");
}

#[tokio::test]
async fn nothing_to_submit_is_said_and_is_no_success() {
    for stdin in ["", "\n\n", "# only a comment\n", "\u{feff}"] {
        let ended = ended(command(["submit", "-"]), stdin).await;
        ended.only_says(64, &["there is no URL"]);
    }
}

#[tokio::test]
async fn a_file_that_can_not_be_read_is_named() {
    let submit = ended(command(["submit", "--file", "no/such/urls.txt"]), "").await;
    submit.only_says(64, &["no/such/urls.txt", "can't be read"]);
    let url = [
        "extract",
        "no/such/page.html",
        "--url",
        "https://example.com/",
    ];
    let extract = ended(command(url), "").await;
    extract.only_says(64, &["no/such/page.html", "can't be read"]);
    let folder = ended(
        command(["extract", "--jsonl", "--sites", "no/such/sites"]),
        "",
    )
    .await;
    folder.only_says(64, &["no/such/sites", "can't be read"]);
}

#[tokio::test]
async fn a_profile_that_can_not_be_right_stops_a_role_before_it_asks_anything_of_a_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.toml"), "name = 7\n").unwrap();
    let path = folder.path().to_str().unwrap();
    for name in ["crawler", "extractor", "up", "check"] {
        let ended = ended(command([name, "--sites", path]), "").await;
        ended.says(64, &["bad.toml"]);
    }
}

#[tokio::test]
async fn a_flag_or_a_value_that_does_not_exist_is_usage() {
    for args in [
        &["submit", "--no-such-flag", "https://example.com/"][..],
        &["no-such-command"],
        &[],
        &["submit", "--every", "7", "https://example.com/"],
        &["submit", "--every", "5s", "https://example.com/"],
        &["submit", "--timeout", "10", "https://example.com/"],
        &["crawler", "--delay", "1"],
        &["crawler", "--http", "9464"],
        &["crawler", "--max-attempts", "0"],
        &["search"],
        &["extract", "page.html"],
        &["dead"],
    ] {
        let ended = ended(command(args.iter().copied()), "").await;
        assert_eq!(ended.code, Some(64), "{args:?}: {ended:?}");
        assert!(!ended.err.is_empty() && ended.out.is_empty(), "{ended:?}");
        assert!(!ended.err.contains("panicked"), "{ended:?}");
    }
    let options = command(["crawler"]).env("SPEECHMILL_RETRY_BASE", "soon");
    let ended = ended(options, "").await;
    assert_eq!(ended.code, Some(64), "{ended:?}");
    assert!(ended.err.contains("soon"), "{ended:?}");
}

#[tokio::test]
async fn a_url_of_meilisearch_that_can_not_be_right_is_refused_before_anything_is_done() {
    let args = ["--meili-url", "127.0.0.1:7700"];
    for name in [
        &["search", "讲话"][..],
        &["indexer"],
        &["status"],
        &["check"],
    ] {
        let ended = ended(command(name.iter().copied().chain(args)), "").await;
        ended.says(64, &["SPEECHMILL_MEILI_URL"]);
    }
}
