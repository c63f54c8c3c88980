//! Everything is full: publishers wait, nothing is lost, and it drains once there is room.

use async_nats::jetstream::Context;
use testkit::{Reply, eventually};

use crate::mill::{Mill, ROLES};
use crate::pages::{html, speech};

/// More URLs than all that is full can hold.
const URLS: usize = 1000;

/// So many bytes does each stream take, once the roles run.
const LIMITS: [(&str, i64); 3] = [
    ("SUBMIT", 2 * 1024),
    ("PAGES", 128 * 1024),
    ("SPEECHES", 256 * 1024),
];

/// Stands in the frontier beside what the test publishes: its limit is no smaller than a MiB.
const STANDING: &str = "crawl.later.standing";
const STANDING_BYTES: usize = 1024 * 1024 - 8 * 1024;

/// One page in ten is not there.
fn is_there(number: usize) -> bool {
    !number.is_multiple_of(10)
}

/// A publisher, with any client: each next URL once the last one was taken.
struct Publisher {
    outside: Context,
    urls: Vec<String>,
    num_accepted: usize,
}

impl Publisher {
    /// Publishes some more; answers whether all were taken.
    async fn publish(&mut self) -> bool {
        for url in &self.urls[self.num_accepted..][..5] {
            if !take(&self.outside, "crawl.submit", url.as_bytes()).await {
                return false;
            }
            self.num_accepted += 1;
        }
        true
    }
}

/// Whether NATS takes a message.
async fn take(outside: &Context, subject: &'static str, payload: &[u8]) -> bool {
    let sent = outside.publish(subject, payload.to_vec().into()).await;
    sent.unwrap().await.is_ok()
}

/// What `status` prints for people.
async fn shown(mill: &Mill) -> String {
    let output = testkit::run(&mill.options(&["status"]), "").await;
    String::from_utf8(output.stdout).unwrap()
}

/// Whether all that feeds a full stream pulls nothing any more.
async fn all_wait(mill: &mut Mill) -> bool {
    mill.waits("extractor", "extractor").await
        && mill.waits("crawler", "crawler").await
        && mill.waits("crawler", "admission").await
}

#[tokio::test]
async fn with_everything_full_publishers_wait_and_nothing_is_lost() {
    let mut mill = Mill::with_store(None, &[("SPEECHMILL_FRONTIER_MAX_MIB", "1")]).await;
    let path = |number: usize| format!("/{number}.html");
    for number in (0..URLS).filter(|&number| is_there(number)) {
        mill.site.page(&path(number), html(&speech(number)));
    }
    mill.site.otherwise(Reply::status(404));
    for role in ROLES {
        mill.start_role(role).await;
    }
    mill.meili.kill().await;
    let outside = mill.outside().await;
    for (name, max_bytes) in LIMITS {
        let stream = outside.get_stream(name).await.unwrap();
        let mut config = stream.cached_info().config.clone();
        config.max_bytes = max_bytes;
        outside.update_stream(config).await.unwrap();
    }
    assert!(take(&outside, STANDING, &vec![b'x'; STANDING_BYTES]).await);
    let mut publisher = Publisher {
        outside: outside.clone(),
        urls: (0..URLS).map(|n| mill.site.url(&path(n))).collect(),
        num_accepted: 0,
    };

    let mut early = None;
    eventually("no URL is taken any more, and all wait", async || {
        // From here on the others fill up: what is in memory does not.
        if early.is_none() && mill.waits("extractor", "extractor").await {
            early = Some(ROLES.map(|role| mill.memory_kib(role, "VmRSS")));
        }
        let is_taken = publisher.publish().await;
        (!is_taken && all_wait(&mut mill).await).then_some(())
    })
    .await;
    assert!(publisher.num_accepted > 150, "{}", publisher.num_accepted);
    let memory = ROLES.map(|role| mill.memory_kib(role, "VmRSS"));
    for (early, late) in early.unwrap_or(memory).into_iter().zip(memory) {
        assert!(late <= early + 16 * 1024, "{early} and {memory:?} KiB");
    }
    let shown = shown(&mill).await;
    for stream in ["SUBMIT ", "SPEECHES "] {
        let line = shown.lines().find(|line| line.starts_with(stream));
        assert!(line.unwrap().ends_with("full"), "{shown}");
    }
    for advice in ["SPEECHMILL_PAGES_MAX_MIB", "check --apply"] {
        assert!(shown.contains(advice), "{shown}");
    }
    assert!(mill.dead().await.is_empty());

    // What it advises: streams have as much room as is declared again.
    mill.meili.restart().await;
    let (code, _) = mill.command(&["check", "--apply"]).await;
    assert_eq!(code, Some(0));
    let crawl = outside.get_stream("CRAWL").await.unwrap();
    crawl.purge().filter(STANDING).await.unwrap();
    assert!(publisher.publish().await, "publishers go on at once");
    eventually("all is admitted", async || {
        let mut submit = outside.get_stream("SUBMIT").await.unwrap();
        (submit.info().await.unwrap().state.messages == 0).then_some(())
    })
    .await;
    mill.is_idle().await;
    assert!(mill.dead().await.is_empty());
    let accepted = &publisher.urls[..publisher.num_accepted];
    let mut args = vec!["status"];
    args.extend(accepted.iter().map(String::as_str));
    let (_, ends) = mill.command(&args).await;
    assert_eq!(ends.len(), accepted.len());
    for (number, end) in ends.iter().enumerate() {
        let expected = if is_there(number) {
            "indexed"
        } else {
            "skipped"
        };
        assert_eq!(end["state"], expected, "{end}");
    }
    let num_there = (0..accepted.len()).filter(|&number| is_there(number));
    assert_eq!(mill.documents().await.len(), num_there.count());
}

/// Little more than what our streams reserve at their smallest.
const STORE_BYTES: u64 = 64 * 1024 * 1024;

/// Fills the store of NATS with what no role looks at.
async fn fill(outside: &Context) {
    let large = vec![b'x'; 7 * 1024 * 1024];
    for n in 0.. {
        let sent = outside.publish(format!("crawl.later.{n}"), large.clone().into());
        if sent.await.unwrap().await.is_err() {
            return;
        }
    }
}

async fn empty(outside: &Context) {
    let crawl = outside.get_stream("CRAWL").await.unwrap();
    crawl.purge().filter("crawl.later.*").await.unwrap();
}

#[tokio::test]
async fn with_the_store_of_nats_full_each_role_waits_and_nothing_is_lost() {
    let env = [("SPEECHMILL_PAGES_MAX_MIB", "16")];
    let mut mill = Mill::with_store(Some(STORE_BYTES), &env).await;
    mill.site.page("/1.html", html(&speech(1)));
    mill.submit(&["/1.html"]).await;
    let outside = mill.outside().await;
    for (role, stage, state) in [
        ("crawler", "admission", "fetched"),
        ("extractor", "extractor", "extracted"),
    ] {
        fill(&outside).await;
        let refused = testkit::run(&mill.options(&["submit", "http://127.0.0.1/"]), "").await;
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("the store of NATS has no room"), "{said}");
        mill.start_role(role).await;
        eventually("it waits", async || {
            mill.waits(role, stage).await.then_some(())
        })
        .await;
        let (_, overview) = mill.command(&["status"]).await;
        assert_eq!(overview[0]["is_store_full"], true, "{role}");
        let shown = shown(&mill).await;
        assert!(shown.contains("max_file_store"), "{shown}");
        empty(&outside).await;
        mill.reaches("/1.html", state).await;
    }
    // Who publishes nothing does not wait.
    fill(&outside).await;
    mill.start_role("indexer").await;
    mill.reaches("/1.html", "indexed").await;
    empty(&outside).await;
    mill.is_idle().await;
    let (_, overview) = mill.command(&["status"]).await;
    assert_eq!(overview[0]["is_store_full"], false);
    assert!(mill.dead().await.is_empty());
}
