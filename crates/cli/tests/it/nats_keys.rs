//! `speechmill nats-keys`.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::lab::{Ended, command, ended};

async fn nats_keys(folder: &TempDir) -> Ended {
    ended(command(["nats-keys", folder.path().to_str().unwrap()]), "").await
}

#[tokio::test]
async fn seeds_are_for_their_owner_alone_and_a_second_run_prints_the_same_public_halves() {
    let folder = TempDir::new().unwrap();
    let first = nats_keys(&folder).await;
    assert_eq!((first.code, &*first.err), (Some(0), ""), "{first:?}");
    for line in first.out.lines() {
        let (name, public) = line.split_once('=').unwrap();
        assert!(public.starts_with('U'), "{line}");
        let user = name.strip_prefix("SPEECHMILL_NKEY_").unwrap();
        let file = folder.path().join(format!("{}.nk", user.to_lowercase()));
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        let seed = std::fs::read_to_string(file).unwrap();
        assert!(!first.out.contains(seed.trim()));
    }
    assert_eq!(nats_keys(&folder).await.out, first.out);
}

#[tokio::test]
async fn a_file_that_holds_something_else_is_named_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("crawler.nk");
    std::fs::write(&file, "my notes").unwrap();
    nats_keys(&folder).await.only_says(64, &["crawler.nk"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "my notes");
}
