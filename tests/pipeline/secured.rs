//! A nats-server as `deploy/` sets it up for a network: TLS, a key and permissions for each user.
//!
//! In: the configuration files of `deploy/`, keys from `speechmill nats-keys`. Out: the server, and
//! what each user needs to connect to it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use testkit::{RoleOptions, TestCa, TestNats, run};

use crate::mill::{ROLES, SPEECHMILL};

const FILES: [&str; 2] = ["nats-permissions.conf", "nats-users.conf"];

pub(crate) struct Secured {
    pub(crate) nats: TestNats,
    /// Keys and certificates.
    folder: TempDir,
}

impl Secured {
    /// `max_store_bytes`: the most that it may store, `None` for what is free on the disk.
    pub(crate) async fn start(max_store_bytes: Option<u64>) -> Self {
        let folder = TempDir::with_prefix("speechmill-keys-").unwrap();
        let ca = TestCa::new();
        let (certificate, key) = ca.certificate_pem(&["127.0.0.1", "localhost"]);
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("ca.crt"), ca.pem()).unwrap();
        std::fs::write(at("nats.crt"), certificate).unwrap();
        std::fs::write(at("nats.key"), key).unwrap();
        let keys = make_keys(folder.path()).await;
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let nats = TestNats::start_with(|options| {
            for file in FILES {
                std::fs::copy(deploy.join(file), options.data.join(file)).unwrap();
            }
            options.env = keys;
            options.max_store_bytes = max_store_bytes;
            options.extra_config = format!(
                "include \"nats-users.conf\"\ntls {{ cert_file: \"{}\", key_file: \"{}\" }}",
                at("nats.crt").display(),
                at("nats.key").display()
            );
        })
        .await;
        Self { nats, folder }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// The file with a user's seed.
    pub(crate) fn seed(&self, user: &str) -> PathBuf {
        self.folder.path().join(format!("{user}.nk"))
    }

    /// The environment of whoever runs this: roles and submissions have keys of their own, every
    /// other command is an operator's, and so is waiting for what becomes of a submission.
    pub(crate) fn env(&self, args: &[&str]) -> [(String, String); 2] {
        let user = match args[0] {
            "submit" if !args.contains(&"--wait") => "submitter",
            role if ROLES.contains(&role) => role,
            _ => "operator",
        };
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            ("SPEECHMILL_NATS_CREDS".to_owned(), path(self.seed(user))),
            ("SPEECHMILL_NATS_CA".to_owned(), path(self.ca())),
        ]
    }

    /// A connection as one of the users, with a client that is not ours.
    pub(crate) async fn connect(&self, user: &str, inbox: &str) -> async_nats::Client {
        let seed = std::fs::read_to_string(self.seed(user)).unwrap();
        async_nats::ConnectOptions::with_nkey(seed.trim().to_owned())
            .add_root_certificates(self.ca())
            .custom_inbox_prefix(inbox)
            .connect(self.nats.url())
            .await
            .unwrap()
    }
}

/// The variables that `deploy/nats-users.conf` wants.
async fn make_keys(folder: &Path) -> Vec<(String, String)> {
    let options = RoleOptions::new(SPEECHMILL, ["nats-keys", "--json"]);
    let output = run(&options.arg(folder.to_str().unwrap()), "").await;
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| {
        let key: Value = serde_json::from_str(line).unwrap();
        let name = key["user"].as_str().unwrap().to_uppercase();
        let public = key["public"].as_str().unwrap().to_owned();
        (format!("SPEECHMILL_NKEY_{name}"), public)
    });
    lines.collect()
}
