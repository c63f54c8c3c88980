//! A mill of one's own: servers, a site, roles, and the operator's view of it.

use std::collections::BTreeMap;
use std::process::ExitStatus;

use messages::{Message, SpeechChange, SpeechId};
use serde_json::Value;
use testkit::{FakeSite, Role, RoleOptions, TestMeili, eventually, run};

use crate::secured::Secured;

pub(crate) const SPEECHMILL: &str = env!("CARGO_BIN_EXE_speechmill");

/// The roles, in the order data flows.
pub(crate) const ROLES: [&str; 3] = ["crawler", "extractor", "indexer"];

/// Waits that are long for people are short for tests; every process must agree on them.
const ENV: [(&str, &str); 7] = [
    ("SPEECHMILL_ALLOW_ADDRESS", "127.0.0.1"),
    ("SPEECHMILL_ACK_WAIT", "2s"),
    ("SPEECHMILL_PAGES_MAX_MIB", "64"),
    ("SPEECHMILL_MAX_ATTEMPTS", "3"),
    ("SPEECHMILL_RETRY_BASE", "50ms"),
    ("SPEECHMILL_RETRY_CAP", "200ms"),
    ("SPEECHMILL_BATCH_WAIT", "50ms"),
];

pub(crate) struct Mill {
    pub(crate) secured: Secured,
    pub(crate) meili: TestMeili,
    pub(crate) site: FakeSite,
    roles: BTreeMap<&'static str, Role>,
    env: Vec<(String, String)>,
    /// The key of Meilisearch that the indexer has: it may write, and no more.
    write_key: String,
}

impl Mill {
    /// Servers and a site; no role runs yet.
    pub(crate) async fn with_servers() -> Self {
        Self::with_store(None, &[]).await
    }

    /// Servers and a site, of which NATS stores no more than this; with more variables for every process.
    pub(crate) async fn with_store(max_bytes: Option<u64>, env: &[(&str, &str)]) -> Self {
        let (secured, meili, site) = tokio::join!(
            Secured::start(max_bytes),
            TestMeili::start(),
            FakeSite::start()
        );
        let mut mill = Self {
            secured,
            meili,
            site,
            roles: BTreeMap::new(),
            env: Vec::new(),
            write_key: String::new(),
        };
        mill.set("MEILI_MASTER_KEY", mill.meili.key().to_owned());
        let (_, keys) = mill.command(&["keys"]).await;
        mill.env.clear();
        for (name, value) in env {
            mill.set(name, *value);
        }
        keys[0]["key"]
            .as_str()
            .unwrap()
            .clone_into(&mut mill.write_key);
        // Roles may not create anything.
        let (code, _) = mill.command(&["check", "--apply"]).await;
        assert_eq!(code, Some(0));
        mill
    }

    /// All of it.
    pub(crate) async fn start() -> Self {
        let mut mill = Self::with_servers().await;
        for role in ROLES {
            mill.start_role(role).await;
        }
        mill
    }

    /// One more variable for every process started from now on.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.push((name.to_owned(), value.into()));
    }

    pub(crate) fn options(&self, args: &[&str]) -> RoleOptions {
        let known = ENV.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = RoleOptions::new(SPEECHMILL, args.iter().copied())
            .nats(&self.secured.nats)
            .meili(&self.meili);
        let options = if args[0] == "indexer" {
            options.env("SPEECHMILL_MEILI_KEY", &*self.write_key)
        } else {
            options
        };
        known
            .into_iter()
            .chain(self.secured.env(args))
            .chain(self.env.clone())
            .fold(options, |options, (name, value)| options.env(&name, value))
    }

    /// Starts a role and waits until it is ready.
    pub(crate) async fn start_role(&mut self, name: &'static str) {
        let mut role = Role::spawn(&self.options(&[name]));
        role.wait_ready().await;
        self.roles.insert(name, role);
    }

    /// Starts a role beside the one that has the name, and gives it back: the new one has it now.
    pub(crate) async fn start_another(&mut self, name: &'static str) -> Role {
        let first = self.roles.remove(name).unwrap();
        self.start_role(name).await;
        first
    }

    pub(crate) fn pause(&self, name: &str) {
        self.roles[name].pause();
    }

    /// Starts a role that kills itself: at `<stage>:<moment>`, or that and `:<id>`.
    pub(crate) fn start_crashing(&mut self, name: &'static str, plan: &str) {
        let role = Role::spawn(&self.options(&[name]).env("SPEECHMILL_CRASH_AT", plan));
        self.roles.insert(name, role);
    }

    /// Starts a role that aborts when it wants more data in memory than this.
    pub(crate) fn start_limited(&mut self, name: &'static str, max_data_kib: u64) {
        let role = Role::spawn(&self.options(&[name]).max_data_kib(max_data_kib));
        self.roles.insert(name, role);
    }

    /// Waits until a role has ended by itself, by SIGKILL as planned.
    pub(crate) async fn crashed(&mut self, name: &'static str) {
        use std::os::unix::process::ExitStatusExt;
        let mut role = self.roles.remove(name).unwrap();
        let status = role.wait_exit().await;
        assert_eq!(status.signal(), Some(9), "{name} was to crash");
    }

    /// Whether a stage of a role pulls nothing, for something that it needs is away or full.
    pub(crate) async fn waits(&mut self, role: &str, stage: &str) -> bool {
        let url = self.roles.get_mut(role).unwrap().wait_http().await;
        let metrics = client().get(format!("{url}/metrics")).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        metrics.contains(&format!("speechmill_waiting{{stage=\"{stage}\"}} 1"))
    }

    /// Memory that a role has now, in KiB, by its name in Linux: `VmRSS`, `VmData`.
    pub(crate) fn memory_kib(&self, role: &str, name: &str) -> u64 {
        let pid = self.roles[role].pid().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kib.parse().unwrap()
    }

    /// How a role ended; `None` while it runs.
    pub(crate) fn exited(&mut self, name: &str) -> Option<ExitStatus> {
        self.roles.get_mut(name).unwrap().exited()
    }

    pub(crate) async fn kill9(&mut self, name: &str) {
        self.roles.remove(name).unwrap().kill9().await;
    }

    /// SIGTERM; answers with the exit code.
    pub(crate) async fn terminate(&mut self, name: &str) -> Option<i32> {
        self.roles.remove(name).unwrap().terminate().await.code()
    }

    /// Runs a command to its end and reads its JSON lines.
    pub(crate) async fn command(&self, args: &[&str]) -> (Option<i32>, Vec<Value>) {
        let output = run(&self.options(args).arg("--json"), "").await;
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        (output.status.code(), lines.collect())
    }

    /// Publishes paths of the site, as a user does.
    pub(crate) async fn submit(&self, paths: &[&str]) {
        let urls: Vec<String> = paths.iter().map(|path| self.site.url(path)).collect();
        let args: Vec<&str> = std::iter::once("submit")
            .chain(urls.iter().map(String::as_str))
            .collect();
        let (code, _) = self.command(&args).await;
        assert_eq!(code, Some(0));
    }

    /// What `status` says of a path of the site.
    pub(crate) async fn status(&self, path: &str) -> Value {
        let (_, mut lines) = self.command(&["status", &self.site.url(path)]).await;
        lines.pop().unwrap()
    }

    /// Waits until a path of the site is at this state.
    pub(crate) async fn reaches(&self, path: &str, state: &str) -> Value {
        eventually(&format!("{path} is {state}"), async || {
            let status = self.status(path).await;
            (status["state"] == state).then_some(status)
        })
        .await
    }

    /// Waits until a path has ended as `state (code)`.
    pub(crate) async fn ends(&self, path: &str, state: &str, code: &str) {
        let status = self.reaches(path, state).await;
        assert_eq!(status["code"], code, "{status}");
    }

    /// The dead letters.
    pub(crate) async fn dead(&self) -> Vec<Value> {
        self.command(&["dead", "list"]).await.1
    }

    /// Waits until no message is waiting or in hand anywhere.
    pub(crate) async fn is_idle(&self) {
        eventually("all is settled", async || {
            let (_, lines) = self.command(&["status"]).await;
            let consumers = lines[0]["consumers"].as_array()?.clone();
            let is_idle = consumers
                .iter()
                .all(|consumer| consumer["num_pending"] == 0 && consumer["num_held"] == 0);
            let streams = lines[0]["streams"].as_array()?;
            let is_empty = |name| {
                let mut streams = streams.iter();
                streams.any(|stream| stream["name"] == name && stream["num_messages"] == 0)
            };
            let queues = ["SUBMIT", "FOUND", "CRAWL", "AGAIN"];
            (is_idle && queues.into_iter().all(is_empty)).then_some(())
        })
        .await;
    }

    /// Every document of the index.
    pub(crate) async fn documents(&self) -> Vec<Value> {
        let url = format!("{}/indexes/speeches/documents?limit=1000", self.meili.url());
        let answer = client()
            .get(url)
            .bearer_auth(self.meili.key())
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["results"].as_array().cloned().unwrap_or_default()
    }

    /// The one document of a path of the site.
    pub(crate) async fn document(&self, path: &str) -> Value {
        let url = self.site.url(path);
        let mut found: Vec<Value> = self
            .documents()
            .await
            .into_iter()
            .filter(|document| document["url"] == url)
            .collect();
        assert_eq!(found.len(), 1, "documents of {path}");
        found.remove(0)
    }

    /// The last message of the speech of a path, as its extractor published it.
    pub(crate) async fn last_change(&self, path: &str) -> SpeechChange {
        let id = SpeechId::of(&self.site.url(path).parse().unwrap());
        let subject = SpeechChange::subject_of(&id);
        let stream = self.outside().await.get_stream("SPEECHES").await.unwrap();
        let last = stream.get_last_raw_message_by_subject(&subject).await;
        SpeechChange::decode(&subject, &last.unwrap().payload).unwrap()
    }

    /// NATS as any other client of an operator sees it.
    pub(crate) async fn outside(&self) -> async_nats::jetstream::Context {
        let client = self.secured.connect("operator", "_INBOX").await;
        async_nats::jetstream::new(client)
    }
}

fn client() -> reqwest::Client {
    // The tests have one provider of cryptography, as the binary has.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().build().unwrap()
}
