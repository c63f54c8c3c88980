//! Servers and ports that are not as a command needs them.

use std::net::TcpListener;

use testkit::{Role, TestNats, eventually};

use crate::lab::{Lab, SPEECHMILL, command, ended};

const NOWHERE: &str = "nats://127.0.0.1:1";

#[tokio::test]
async fn without_nats_every_command_says_so_and_ends_with_69() {
    for args in [
        &["submit", "https://example.com/"][..],
        &["status"],
        &["status", "https://example.com/"],
        &["dead", "list"],
        &["check"],
        &["remove", "https://example.com/"],
        &["reextract", "--all"],
        &["crawler"],
        &["extractor"],
        &["indexer"],
        &["up"],
    ] {
        let options = command(args.iter().copied())
            .env("SPEECHMILL_NATS_URL", NOWHERE)
            .env("SPEECHMILL_MEILI_URL", "http://127.0.0.1:1");
        let ended = ended(options, "").await;
        ended.says(69, &["NATS", "127.0.0.1:1", "SPEECHMILL_NATS_URL"]);
    }
}

#[tokio::test]
async fn without_meilisearch_what_needs_it_ends_with_69_and_what_does_not_goes_on() {
    let lab = Lab::without_index().await;
    for args in [&["search", "讲话"][..], &["indexer"], &["check", "--apply"]] {
        let ended = lab.run(args).await;
        ended.says(69, &["Meilisearch", "127.0.0.1:1"]);
    }
    let status = lab.run(&["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(status.out.contains("does not answer"), "{status:?}");
}

#[tokio::test]
async fn a_key_that_is_refused_ends_with_77() {
    let lab = Lab::start().await;
    for args in [
        &["search", "讲话"][..],
        &["indexer"],
        &["check"],
        &["submit", "--wait", "https://example.com/"],
    ] {
        let options = lab
            .command(args.iter().copied())
            .env("SPEECHMILL_MEILI_KEY", "another-key-than-yours");
        let ended = ended(options, "").await;
        ended.says(77, &["SPEECHMILL_MEILI_KEY"]);
        assert!(!ended.err.contains("another-key-than-yours"), "{ended:?}");
    }
}

#[tokio::test]
async fn credentials_that_are_refused_end_with_77_and_a_bad_file_of_them_with_64() {
    let nats = TestNats::start_with(|options| {
        options.extra_config = "authorization { token: \"right\" }".to_owned();
    })
    .await;
    let wrong = nats.url().replace("nats://", "nats://wrong@");
    let refused = ended(command(["crawler"]).env("SPEECHMILL_NATS_URL", wrong), "").await;
    refused.says(77, &["refuses our credentials"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no credentials in here").unwrap();
    for path in [file.path().to_str().unwrap(), "no/such/file.creds"] {
        let options = command(["crawler", "--nats-creds", path]).nats(&nats);
        let ended = ended(options, "").await;
        ended.says(64, &["SPEECHMILL_NATS_CREDS", path]);
    }
}

#[tokio::test]
async fn a_nats_without_jetstream_is_told_from_one_that_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let port = testkit::servers::free_port().unwrap();
    let mut server = tokio::process::Command::new(testkit::servers::binary::nats_server().unwrap())
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .current_dir(folder.path())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let url = format!("nats://127.0.0.1:{port}");
    eventually("it listens", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .ok()
    })
    .await;
    for args in [
        &["crawler"][..],
        &["submit", "https://example.com/"],
        &["status"],
        &["status", "https://example.com/"],
        &["dead", "list"],
        &["check"],
    ] {
        let options = command(args.iter().copied()).env("SPEECHMILL_NATS_URL", &*url);
        let ended = ended(options, "").await;
        ended.says(64, &["JetStream"]);
    }
    server.kill().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_set_up_otherwise_stops_a_role_and_names_the_way_out() {
    let lab = Lab::start().await;
    let applied = lab.run(&["check", "--apply"]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    let other = |args: &'static [&'static str]| {
        let options = lab.command(args.iter().copied());
        options.env("SPEECHMILL_PAGES_MAX_MIB", "128")
    };
    let role = ended(other(&["extractor"]), "").await;
    role.says(64, &["stream", "max_bytes", "check --apply"]);
    let check = ended(other(&["check"]), "").await;
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(
        check.out.contains("BAD  stream PAGES: max_bytes"),
        "{check:?}"
    );
    let applied = ended(other(&["check", "--apply"]), "").await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    let check = ended(other(&["check"]), "").await;
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[tokio::test]
async fn a_taken_port_that_was_asked_for_is_an_error_and_the_default_one_is_replaced() {
    let lab = Lab::without_index().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let asked = lab.command(["crawler"]).env("SPEECHMILL_HTTP", &*address);
    let asked = ended(asked, "").await;
    asked.says(64, &["SPEECHMILL_HTTP", &address, "choose another port"]);

    let default = TcpListener::bind("127.0.0.1:9464");
    let script = "unset SPEECHMILL_HTTP; exec \"$0\" crawler";
    let mut options = testkit::RoleOptions::new("/bin/sh", ["-c", script, SPEECHMILL]);
    for (name, value) in [
        ("SPEECHMILL_NATS_URL", &*lab.nats.url()),
        ("SPEECHMILL_PAGES_MAX_MIB", "64"),
    ] {
        options = options.env(name, value);
    }
    let mut role = Role::spawn(&options);
    let url = role.wait_ready().await;
    // If somebody else has the port, they may let go of it at any time.
    assert!(default.is_err() || !url.ends_with(":9464"), "{url}");
    assert_eq!(role.terminate().await.code(), Some(143));
}
