//! Real nats-server and Meilisearch processes: start, kill, restart, refuse.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use async_nats::jetstream;
use servers::{MeiliOptions, MeiliServer, NatsOptions, NatsServer, ServerError, http_status};
use tempfile::TempDir;

fn folder() -> TempDir {
    TempDir::with_prefix("speechmill-servers-").expect("a temporary folder")
}

async fn stream(url: &str) -> jetstream::stream::Stream {
    let client = async_nats::connect(url).await.expect("a connection");
    jetstream::new(client)
        .get_or_create_stream(jetstream::stream::Config {
            name: "KEPT".to_owned(),
            subjects: vec!["kept".to_owned()],
            ..Default::default()
        })
        .await
        .expect("a stream")
}

async fn num_messages(url: &str) -> u64 {
    let mut stream = stream(url).await;
    stream.info().await.expect("its state").state.messages
}

#[tokio::test]
async fn a_killed_nats_server_comes_back_on_its_port_with_its_store() {
    let data = folder();
    let mut server = NatsServer::start(NatsOptions::new(data.path()))
        .await
        .unwrap();
    let url = server.url();
    stream(&url).await;
    let context = jetstream::new(async_nats::connect(&url).await.unwrap());
    let receipt = context.publish("kept", "a message".into()).await.unwrap();
    receipt.await.unwrap();

    server.kill().await.unwrap();
    assert_eq!(server.pid(), None);
    server.restart().await.unwrap();

    assert_eq!(server.url(), url);
    assert_eq!(num_messages(&url).await, 1);
}

#[tokio::test]
async fn a_paused_nats_server_answers_nothing_until_it_is_resumed() {
    let data = folder();
    let server = NatsServer::start(NatsOptions::new(data.path()))
        .await
        .unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    server.pause().unwrap();
    let silent = tokio::time::timeout(
        Duration::from_millis(300),
        client.request("nobody.there", "".into()),
    )
    .await;
    server.resume().unwrap();
    assert!(silent.is_err());
    assert_eq!(num_messages(&server.url()).await, 0);
}

#[tokio::test]
async fn a_stopped_nats_server_leaves_its_folder_to_the_next_one() {
    let data = folder();
    let mut server = NatsServer::start(NatsOptions::new(data.path()))
        .await
        .unwrap();
    server.stop().await.unwrap();
    assert!(server.exited().is_some());
    NatsServer::start(NatsOptions::new(data.path()))
        .await
        .unwrap();
}

#[tokio::test]
async fn two_servers_never_share_a_data_folder() {
    let data = folder();
    let server = NatsServer::start(NatsOptions::new(data.path()))
        .await
        .unwrap();
    let error = NatsServer::start(NatsOptions::new(data.path()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "data_in_use");
    let pid = server.pid().unwrap().to_string();
    assert!(error.to_string().contains(&pid), "{error}");
}

#[tokio::test]
async fn a_port_that_was_asked_for_and_is_taken_is_an_error() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let data = folder();
    let mut options = NatsOptions::new(data.path());
    options.port = Some(taken.local_addr().unwrap().port());
    let error = NatsServer::start(options).await.unwrap_err();
    assert_eq!(error.code(), "port_taken");
}

#[tokio::test]
async fn a_server_that_ends_at_once_shows_the_end_of_its_log() {
    let data = folder();
    let mut options = NatsOptions::new(data.path());
    options.extra_config = "no_such_setting: 1".to_owned();
    let error = NatsServer::start(options).await.unwrap_err();
    let ServerError::Exited { log, .. } = &error else {
        panic!("not this error: {error:?}");
    };
    assert!(log.contains("no_such_setting"), "{log}");
}

#[tokio::test]
async fn meilisearch_asks_for_the_key_and_survives_a_kill() {
    let data = folder();
    let mut options = MeiliOptions::new(data.path());
    options.master_key = Some("a key of sixteen bytes".to_owned());
    let mut server = MeiliServer::start(options).await.unwrap();
    assert_eq!(http_status(server.port(), "/indexes").await, Some(401));
    let url = server.url();
    server.kill().await.unwrap();
    assert_eq!(http_status(server.port(), "/health").await, None);
    server.restart().await.unwrap();
    assert_eq!(server.url(), url);
    assert_eq!(http_status(server.port(), "/health").await, Some(200));
}
