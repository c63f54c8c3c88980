//! `speechmill up`: servers of its own, and its end.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use testkit::servers::binary;
use testkit::{FakeSite, Role, RoleOptions, eventually};

use crate::lab::{command, ended, speech};

/// A running `up`; whatever becomes of the test, its servers end with it.
struct Up {
    role: Role,
    pid: String,
    nats: String,
    meili: String,
}

impl Up {
    async fn start(data: &Path) -> Self {
        let role = Role::spawn(&up_in(data));
        let pid = role.pid().unwrap().to_string();
        let mut up = Self {
            role,
            pid,
            nats: String::new(),
            meili: String::new(),
        };
        eventually("it is ready", async || {
            assert!(up.role.exited().is_none(), "{}", up.role.log());
            up.role.log().contains("ready  ").then_some(())
        })
        .await;
        up.nats = up.printed("NATS");
        up.meili = up.printed("Meilisearch");
        up
    }

    fn printed(&self, name: &str) -> String {
        let log = self.role.log();
        let line = log
            .lines()
            .find(|line| line.starts_with(&format!("{name}  ")));
        line.unwrap().split_whitespace().last().unwrap().to_owned()
    }

    fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> RoleOptions {
        command(args)
            .env("SPEECHMILL_NATS_URL", &*self.nats)
            .env("SPEECHMILL_MEILI_URL", &*self.meili)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid])
            .status();
        assert!(sent.unwrap().success());
    }

    async fn ends_after(&mut self, signal: &str) -> Option<i32> {
        self.signal(signal);
        let code = self.role.wait_exit().await.code();
        for url in [&self.nats, &self.meili] {
            assert!(!answers(url), "{url} is left behind");
        }
        code
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if self.role.exited().is_some() {
            return;
        }
        // Killed, it would leave its servers behind.
        self.signal("TERM");
        self.signal("TERM");
        let until = Instant::now() + Duration::from_secs(20);
        while self.role.exited().is_none() && Instant::now() < until {
            std::thread::yield_now();
        }
    }
}

fn up_in(data: &Path) -> RoleOptions {
    let servers = [
        (binary::NATS_VARIABLE, binary::nats_server()),
        (binary::MEILI_VARIABLE, binary::meilisearch()),
    ];
    let options = command(["up", "--data", data.to_str().unwrap()]);
    servers.into_iter().fold(options, |options, (name, path)| {
        options.env(name, path.unwrap().to_str().unwrap())
    })
}

fn answers(url: &str) -> bool {
    let address = url.split("//").last().unwrap();
    TcpStream::connect(address).is_ok()
}

#[tokio::test]
async fn up_is_all_that_it_takes_and_it_finds_its_data_again() {
    let folder = tempfile::tempdir().unwrap();
    let site = FakeSite::start().await;
    site.page("/1.html", speech(1));
    let url = site.url("/1.html");
    let taken = [("NATS", 4222), ("Meilisearch", 7700)]
        .map(|(name, port)| (name, port, TcpListener::bind(("127.0.0.1", port))));

    let mut up = Up::start(folder.path()).await;
    for (name, port, listener) in &taken {
        // If somebody else has the port, they may let go of it at any time.
        let is_ours = listener.is_ok();
        assert!(!is_ours || !up.printed(name).ends_with(&format!(":{port}")));
    }
    let submitted = ended(up.command(["submit", "--wait", &url]), "").await;
    assert!(submitted.out.contains("indexed"), "{submitted:?}");
    assert_eq!(up.ends_after("TERM").await, Some(143), "{}", up.role.log());

    let mut up = Up::start(folder.path()).await;
    let found = ended(up.command(["search", "社区养老"]), "").await;
    assert!(found.out.contains(&url), "{found:?}");
    let status = ended(up.command(["status", &url]), "").await;
    assert!(status.out.contains("indexed"), "{status:?}");
    assert_eq!(site.hits("/1.html"), 1, "it remembers");
    ended(up_in(folder.path()), "").await.says(64, &["in use"]);
    assert_eq!(up.ends_after("INT").await, Some(130), "{}", up.role.log());
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_leaves_no_server_behind() {
    let folder = tempfile::tempdir().unwrap();
    let site = FakeSite::start().await;
    site.page("/slow.html", testkit::Reply::hang());
    let mut up = Up::start(folder.path()).await;
    let url = site.url("/slow.html");
    let submitted = ended(up.command(["submit", &url]), "").await;
    assert_eq!(submitted.code, Some(0), "{submitted:?}");
    eventually("it waits for a page", async || {
        (site.hits("/slow.html") == 1).then_some(())
    })
    .await;
    up.signal("INT");
    eventually("it has heard", async || {
        up.role.log().contains("a second signal").then_some(())
    })
    .await;
    let begin = Instant::now();
    assert_eq!(up.ends_after("INT").await, Some(130));
    assert!(
        begin.elapsed() < Duration::from_secs(15),
        "{:?}",
        begin.elapsed()
    );
}
