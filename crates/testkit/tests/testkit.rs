//! The kit tested with itself: the web site's answers, the proxy's faults, the roles' signals.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use testkit::proxy::Direction;
use testkit::{
    ChaosProxy, FakeSite, Reply, Role, RoleOptions, TestNats, eventually, eventually_within, run,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// All bytes of the answer, until the site closes the connection.
async fn get(site: &FakeSite, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(site.addr()).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8(answer).expect("an answer in UTF-8")
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_page_answers_in_sequence_and_stays_at_the_last_reply() {
    let site = FakeSite::start().await;
    site.sequence(
        "/a",
        [
            Reply::status(500),
            Reply::status(503).header("Retry-After", "1"),
            Reply::html("<p>讲话"),
        ],
    );
    assert_eq!(status(&get(&site, "/a", "").await), "500");
    assert!(get(&site, "/a", "").await.contains("Retry-After: 1"));
    assert!(get(&site, "/a", "").await.ends_with("<p>讲话"));
    assert!(get(&site, "/a", "").await.ends_with("<p>讲话"));
    assert_eq!(site.hits("/a"), 4);
}

#[tokio::test]
async fn a_path_without_a_query_stands_for_all_queries_that_are_not_set() {
    let site = FakeSite::start().await;
    site.page("/list", Reply::text("any"));
    site.page("/list?page=2", Reply::text("second"));
    assert!(get(&site, "/list?page=1", "").await.ends_with("any"));
    assert!(get(&site, "/list?page=2", "").await.ends_with("second"));
    assert_eq!(status(&get(&site, "/other", "").await), "404");
    let paths: Vec<_> = site.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/list?page=1", "/list?page=2", "/other"]);
}

#[tokio::test]
async fn a_visitor_who_knows_the_entity_tag_gets_304() {
    let site = FakeSite::start().await;
    site.page("/a", Reply::html("text").etag("v1"));
    assert_eq!(status(&get(&site, "/a", "").await), "200");
    let again = get(&site, "/a", "If-None-Match: \"v1\"\r\n").await;
    assert_eq!(status(&again), "304");
    let request = &site.requests_to("/a")[1];
    assert_eq!(request.header("If-None-Match"), Some("\"v1\""));
}

#[tokio::test]
async fn raw_bytes_go_out_as_they_are_and_a_cut_body_is_shorter_than_announced() {
    let site = FakeSite::start().await;
    site.page("/raw", Reply::raw("HTTP/1.1 200\r\nX\r\n\r\n"));
    site.page("/cut", Reply::html("0123456789").cut_after(3));
    assert_eq!(get(&site, "/raw", "").await, "HTTP/1.1 200\r\nX\r\n\r\n");
    let cut = get(&site, "/cut", "").await;
    assert!(cut.contains("Content-Length: 10") && cut.ends_with("\r\n\r\n012"));
}

#[tokio::test]
async fn an_endless_body_flows_until_the_visitor_leaves() {
    let site = FakeSite::start().await;
    site.page("/", Reply::endless("more", Duration::from_millis(1)));
    let mut stream = TcpStream::connect(site.addr()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut first = vec![0; 1000];
    stream.read_exact(&mut first).await.unwrap();
}

#[tokio::test]
async fn a_cut_proxy_drops_and_refuses_until_it_is_healed() {
    let nats = TestNats::start().await;
    let proxy = ChaosProxy::start(nats.addr()).await;
    let client = async_nats::connect(proxy.url("nats")).await.unwrap();
    proxy.cut();
    eventually("the client has lost its connection", async || {
        (client.connection_state() != async_nats::connection::State::Connected).then_some(())
    })
    .await;
    assert!(async_nats::connect(proxy.url("nats")).await.is_err());
    proxy.heal();
    eventually("the client is back", async || {
        (client.connection_state() == async_nats::connection::State::Connected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_half_open_proxy_swallows_answers_and_keeps_the_connection() {
    let nats = TestNats::start().await;
    let proxy = ChaosProxy::start(nats.addr()).await;
    let client = async_nats::ConnectOptions::new()
        .request_timeout(Some(Duration::from_millis(300)))
        .connect(proxy.url("nats"))
        .await
        .unwrap();
    proxy.half_open(Direction::ToClient);
    let answer = client.request("nobody.there", "".into()).await;
    assert_eq!(
        answer.expect_err("an answer came through").kind(),
        async_nats::RequestErrorKind::TimedOut
    );
    assert_eq!(
        client.connection_state(),
        async_nats::connection::State::Connected
    );
    proxy.heal();
    eventually("the client gets answers again", async || {
        let answer = client.request("nobody.there", "".into()).await;
        let error = answer.expect_err("nobody answers there");
        (error.kind() == async_nats::RequestErrorKind::NoResponders).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_delaying_proxy_delays_both_ways() {
    let nats = TestNats::start().await;
    let proxy = ChaosProxy::start(nats.addr()).await;
    let client = async_nats::connect(proxy.url("nats")).await.unwrap();
    proxy.delay(Duration::from_millis(50));
    let start = Instant::now();
    let _ = client.request("nobody.there", "".into()).await;
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
#[should_panic(expected = "not within 50ms: pigs fly")]
async fn what_never_happens_is_named_in_the_panic() {
    eventually_within("pigs fly", Duration::from_millis(50), async || None::<()>).await;
}

#[tokio::test]
async fn a_command_gets_its_input_and_its_environment() {
    let options = RoleOptions::new("/bin/sh", ["-c", "cat; echo $WORD; exit 3"]).env("WORD", "out");
    let output = run(&options, "in\n").await;
    assert_eq!(output.stdout, b"in\nout\n");
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn a_role_is_ready_when_the_address_that_it_printed_says_so() {
    let site = FakeSite::start().await;
    site.sequence("/readyz", [Reply::status(503), Reply::status(200)]);
    let line = format!("echo listening on {} >&2; exec cat", site.url(""));
    // A named pipe that nobody writes to: it lives until it is signalled.
    let script = format!("mkfifo p; {line} <> p");
    let mut role = Role::spawn(&RoleOptions::new("/bin/sh", ["-c", &script]));
    assert_eq!(role.wait_ready().await, site.url(""));
    assert_eq!(site.hits("/readyz"), 2);
    assert_eq!(role.terminate().await.signal(), Some(15));
}
