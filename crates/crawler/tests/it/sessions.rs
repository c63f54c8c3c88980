//! What an account sends along reaches its own hosts and nobody else: no other site, no message, no log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use async_nats::jetstream;
use futures_util::TryStreamExt;
use testkit::{FakeSite, Reply, Request, TestCa};
use worker::Outcome;

use crate::it::files;
use crate::it::lab::Lab;

const SECRET: &str = "s3cret-of-the-account";

fn session(host: &str) -> String {
    format!(
        "[[site]]\nhosts = [\"{host}\"]\ncookie = \"sid={SECRET}\"\nheaders = {{ Authorization = \"Bearer {SECRET}\" }}\n"
    )
}

async fn lab(sessions: &str, more: &[&str]) -> Lab {
    let file = files::with(sessions);
    let path = file.path().to_str().unwrap();
    let ours = ["--allow-address", "127.0.0.1,127.0.0.2", "--sessions", path];
    Lab::start_with(&[&ours, more].concat()).await
}

fn carries_secret(request: &Request) -> bool {
    format!("{request:?}").contains(SECRET)
}

#[tokio::test]
async fn a_session_is_sent_to_its_host_and_on_no_hop_to_another() {
    let (site, other) = (
        FakeSite::start().await,
        FakeSite::start_on("127.0.0.2:0").await,
    );
    let mut lab = lab(&session(&site.host()), &[]).await;
    site.page("/1", Reply::redirect(other.url("/2")));
    other.page("/2", Reply::redirect(site.url("/3")));
    site.page("/3", Reply::html("讲话").header("Set-Cookie", "own=1"));
    lab.site = site;
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    assert_eq!(lab.crawl("/3").await, Outcome::Ack);
    for request in lab.site.requests() {
        let cookie = request.header("Cookie").map(ToOwned::to_owned);
        let is_page = request.path != "/robots.txt";
        // A cookie that the site sets is not kept beside it.
        let expected = is_page.then(|| format!("sid={SECRET}"));
        assert_eq!(cookie, expected, "{}", request.path);
        assert_eq!(request.header("Authorization").is_some(), is_page);
    }
    assert_eq!(lab.site.hits("/3"), 2);
    assert_eq!(other.hits("/2"), 1);
    assert!(!other.requests().iter().any(carries_secret));
}

#[tokio::test]
async fn a_session_does_not_follow_its_host_from_tls_into_plain_text() {
    let ca = TestCa::new();
    let (secure, plain) = (
        FakeSite::start_tls(ca.certificate(&["127.0.0.1"])).await,
        FakeSite::start().await,
    );
    let trusted = files::with(&ca.pem());
    let more = ["--ca-file", trusted.path().to_str().unwrap()];
    let mut lab = lab(&session(&secure.host()), &more).await;
    secure.page("/1", Reply::redirect(plain.url("/2")));
    plain.page("/2", Reply::html("讲话"));
    lab.site = secure;
    assert_eq!(lab.crawl("/1").await, Outcome::Ack);
    assert!(carries_secret(&lab.site.requests_to("/1")[0]));
    assert_eq!(plain.hits("/2"), 1);
    assert!(!plain.requests().iter().any(carries_secret));
}

/// Everything that is logged, down to the last detail.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_session_is_in_no_message_no_record_and_no_log() {
    let log = Log::default();
    let writer = log.clone();
    let logging = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _scope = tracing::subscriber::set_default(logging);
    let ca = TestCa::new();
    let secure = FakeSite::start_tls(ca.certificate(&["127.0.0.1"])).await;
    let plain = FakeSite::start().await;
    let sessions = session(&secure.host()) + &session(&plain.host());
    let trusted = files::with(&ca.pem());
    let more = ["--ca-file", trusted.path().to_str().unwrap()];
    let mut lab = lab(&sessions, &more).await;
    let mut num_sent = 0;
    for site in [secure, plain] {
        site.page("/1", Reply::html("讲话").etag("v1"));
        site.page("/2", Reply::status(500));
        site.page("/3", Reply::status(403));
        site.page("/4", Reply::html("0123456789").cut_after(3));
        site.page("/5", Reply::close());
        site.page("/6", Reply::redirect("http://10.0.0.1/"));
        lab.site = site;
        for path in ["/1", "/1", "/2", "/3", "/4", "/5", "/6"] {
            lab.crawl(path).await;
        }
        num_sent += lab
            .site
            .requests()
            .iter()
            .filter(|it| carries_secret(it))
            .count();
    }
    assert!(num_sent >= 14, "{num_sent}");
    assert_eq!(lab.dead().await.len(), 4);
    let stored = everything(&lab).await;
    assert!(contains(&stored, "/3") && !contains(&stored, SECRET));
    let text = log.text();
    assert!(text.contains("is fetched again"), "{text}");
    let told: Vec<_> = text.lines().filter(|line| line.contains(SECRET)).collect();
    assert!(told.is_empty(), "{told:?}");
}

/// The bytes and headers of every message of every stream; records are messages too.
async fn everything(lab: &Lab) -> Vec<u8> {
    let context = jetstream::new(lab.client.clone());
    let names: Vec<String> = context.stream_names().try_collect().await.unwrap();
    let mut all = Vec::new();
    for name in names {
        let stream = context.get_stream(&name).await.unwrap();
        let state = &stream.cached_info().state;
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            if let Ok(message) = stream.get_raw_message(sequence).await {
                all.extend_from_slice(&message.payload);
                all.extend_from_slice(
                    format!("{:?} {}", message.headers, message.subject).as_bytes(),
                );
            }
        }
    }
    all
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
