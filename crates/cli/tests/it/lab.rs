//! Servers, a site and roles of one's own, and commands run to their end.

use std::collections::BTreeMap;
use std::process::Output;

use messages::UrlId;
use serde_json::Value;
use testkit::{FakeSite, Reply, Role, RoleOptions, TestMeili, TestNats, eventually, run};
use worker::{Broker, BrokerConfig};

pub(crate) const SPEECHMILL: &str = env!("CARGO_BIN_EXE_speechmill");

/// Waits that are long for people are short for tests; every process must agree on them.
const ENV: [(&str, &str); 8] = [
    ("SPEECHMILL_ALLOW_ADDRESS", "127.0.0.1"),
    ("SPEECHMILL_ACK_WAIT", "2s"),
    ("SPEECHMILL_PAGES_MAX_MIB", "64"),
    ("SPEECHMILL_MAX_ATTEMPTS", "3"),
    ("SPEECHMILL_RETRY_BASE", "20ms"),
    ("SPEECHMILL_RETRY_CAP", "100ms"),
    ("SPEECHMILL_BATCH_WAIT", "20ms"),
    ("SPEECHMILL_DELAY", "0s"),
];

/// A command, with no server known to it but those that the test names.
pub(crate) fn command<'a>(args: impl IntoIterator<Item = &'a str>) -> RoleOptions {
    ENV.iter().fold(
        RoleOptions::new(SPEECHMILL, args),
        |options, (name, value)| options.env(name, *value),
    )
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// It printed one JSON value a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// It failed with this code and one line that says why, and that holds these words.
    pub(crate) fn says(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        let ours: Vec<&str> = self
            .err
            .lines()
            .filter(|line| line.starts_with("speechmill: "))
            .collect();
        let [line] = ours[..] else {
            panic!("not one line: {self:?}")
        };
        for word in words {
            assert!(line.contains(word), "{word:?} is not in {line:?}");
        }
        for noise in ["panicked", "backtrace", "Backtrace"] {
            assert!(!self.err.contains(noise), "{self:?}");
        }
        self
    }

    /// It said this one line and nothing else.
    pub(crate) fn only_says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.says(code, words).err.lines().count(), 1, "{self:?}");
    }
}

/// Runs a command to its end.
pub(crate) async fn ended(options: RoleOptions, stdin: &str) -> Ended {
    run(&options, stdin).await.into()
}

/// The keys of a JSON object, in order.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap();
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Servers, a site, and the roles that a test starts.
pub(crate) struct Lab {
    pub(crate) nats: TestNats,
    pub(crate) meili: Option<TestMeili>,
    pub(crate) site: FakeSite,
    roles: BTreeMap<String, Role>,
}

impl Lab {
    /// Without Meilisearch.
    pub(crate) async fn without_index() -> Self {
        let (nats, site) = tokio::join!(TestNats::start(), FakeSite::start());
        Self {
            nats,
            meili: None,
            site,
            roles: BTreeMap::new(),
        }
    }

    pub(crate) async fn start() -> Self {
        let (lab, meili) = tokio::join!(Self::without_index(), TestMeili::start());
        Self {
            meili: Some(meili),
            ..lab
        }
    }

    pub(crate) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> RoleOptions {
        let options = command(args).nats(&self.nats);
        match &self.meili {
            Some(meili) => options.meili(meili),
            // Nothing listens there.
            None => options.env("SPEECHMILL_MEILI_URL", "http://127.0.0.1:1"),
        }
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, "").await
    }

    pub(crate) async fn run_with(&self, args: &[&str], stdin: &str) -> Ended {
        ended(self.command(args.iter().copied()), stdin).await
    }

    /// A command that must succeed; its JSON lines.
    pub(crate) async fn json(&self, args: &[&str]) -> Vec<Value> {
        let ended = ended(self.command(args.iter().copied()).arg("--json"), "").await;
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        ended.lines()
    }

    pub(crate) async fn submit(&self, paths: &[&str]) {
        let urls: Vec<String> = paths.iter().map(|path| self.site.url(path)).collect();
        let args = std::iter::once("submit").chain(urls.iter().map(String::as_str));
        let ended = ended(self.command(args), "").await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    pub(crate) async fn start_role(&mut self, name: &str) {
        self.start_role_with(name, |options| options).await;
    }

    pub(crate) async fn start_role_with(
        &mut self,
        name: &str,
        change: impl FnOnce(RoleOptions) -> RoleOptions,
    ) {
        let mut role = Role::spawn(&change(self.command([name])));
        role.wait_ready().await;
        self.roles.insert(name.to_owned(), role);
    }

    /// SIGTERM, and waits for its end.
    pub(crate) async fn stop_role(&mut self, name: &str) {
        let status = self.roles.remove(name).unwrap().terminate().await;
        assert_eq!(status.code(), Some(143), "{name}");
    }

    /// What `status` says of a URL.
    pub(crate) async fn status(&self, url: &str) -> Value {
        let ended = ended(self.command(["status", "--json", url]), "").await;
        let mut lines = ended.lines();
        assert_eq!(lines.len(), 1, "{ended:?}");
        lines.remove(0)
    }

    /// Waits until `status` says this of a path of the site.
    pub(crate) async fn reaches(&self, path: &str, state: &str) -> Value {
        self.url_reaches(&self.site.url(path), state).await
    }

    pub(crate) async fn url_reaches(&self, url: &str, state: &str) -> Value {
        eventually(&format!("{url} is {state}"), async || {
            let status = self.status(url).await;
            (status["state"] == state).then_some(status)
        })
        .await
    }

    pub(crate) async fn dead(&self) -> Vec<Value> {
        self.json(&["dead", "list"]).await
    }

    /// The broker, for what no command shows.
    pub(crate) async fn broker(&self) -> Broker {
        let config = BrokerConfig {
            nats_url: self.nats.url(),
            nats_creds: None,
            nats_ca: None,
            nats_timeout: std::time::Duration::from_secs(5),
            replicas: 1,
            pages_max_mib: 64,
            ack_wait: std::time::Duration::from_secs(2),
        };
        Broker::connect(&config, "test").await.unwrap()
    }

    /// NATS as any other client sees it.
    pub(crate) async fn outside(&self) -> async_nats::jetstream::Context {
        let client = async_nats::connect(self.nats.url()).await.unwrap();
        async_nats::jetstream::new(client)
    }

    /// Publishes something of one's own to one of the streams.
    pub(crate) async fn publish(&self, subject: &str, payload: &[u8]) {
        let outside = self.outside().await;
        let sent = outside.publish(subject.to_owned(), payload.to_vec().into());
        sent.await.unwrap().await.unwrap();
    }

    pub(crate) fn url_id(&self, path: &str) -> String {
        UrlId::of(&self.site.url(path).parse().unwrap()).to_string()
    }
}

/// A page with a speech.
pub(crate) fn speech(number: usize) -> Reply {
    let topic = ["河道治理", "社区养老", "粮食生产", "校园安全", "冬季供暖"][number % 5];
    let title = format!("在全县{topic}工作第{number}次推进会上的讲话");
    let paragraph = |n| {
        format!(
            "<p>第{n}条线索来自第{number}号调研点。各单位要把{topic}放在心上，逐项列出清单，\
             明确责任人和完成时限，每周通报进展；对进度落后的，由分管同志当面约谈，帮助查找原因，\
             不让问题过夜，不让群众多跑一趟路。</p>"
        )
    };
    let paragraphs: String = (1..=6).map(paragraph).collect();
    Reply::html(format!(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>{title}</title></head><body>\
         <div class=\"nav\"><a href=\"/\">首页</a></div><h1>{title}</h1>\
         <div class=\"content\"><p>同志们：</p>{paragraphs}<p>谢谢大家。</p></div></body></html>"
    ))
}
