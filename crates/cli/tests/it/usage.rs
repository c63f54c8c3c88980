//! Help, and what every command says of itself.

use crate::lab::{command, ended};

const COMMANDS: [&str; 16] = [
    "up",
    "crawler",
    "extractor",
    "indexer",
    "submit",
    "status",
    "schedule",
    "search",
    "host",
    "dead",
    "extract",
    "check",
    "keys",
    "stats",
    "remove",
    "reextract",
];

#[tokio::test]
async fn the_help_of_every_command_holds_examples() {
    for name in COMMANDS {
        let ended = ended(command([name, "--help"]), "").await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.contains("Examples:"), "{}", ended.out);
        assert!(ended.out.contains("Usage:"), "{}", ended.out);
        assert_eq!(ended.err, "");
    }
}

#[tokio::test]
async fn the_help_names_every_command_and_every_exit_code() {
    let help = ended(command(["--help"]), "").await;
    assert_eq!(help.code, Some(0));
    for word in COMMANDS.into_iter().chain(["64", "69", "77", "130", "143"]) {
        assert!(help.out.contains(word), "{word} is not in {}", help.out);
    }
    let version = ended(command(["--version"]), "").await;
    assert_eq!(version.code, Some(0));
    assert!(version.out.starts_with("speechmill "), "{version:?}");
}

#[tokio::test]
async fn the_help_shows_no_secret_of_the_environment() {
    let options = command(["indexer", "--help"])
        .env("SPEECHMILL_MEILI_KEY", "s3cret")
        .env("SPEECHMILL_NATS_URL", "nats://me:s3cret@127.0.0.1:4222");
    let help = ended(options, "").await;
    assert!(!help.out.contains("s3cret"), "{}", help.out);
}
