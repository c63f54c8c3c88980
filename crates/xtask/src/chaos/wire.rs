//! A request to nats-server, over a bare TCP connection: how a user's own client submits.
//!
//! In: a subject and a payload. Out: the answer, a PubAck say. It is no client for anything else: one
//! connection a request, no subscription that stays.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(5);
const CONNECT: &str = r#"{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#;
const INBOX: &str = "_INBOX.chaos";

/// Sends it to the server at this address and waits for the answer.
pub(super) async fn request(
    address: &str,
    subject: &str,
    payload: &[u8],
) -> anyhow::Result<Vec<u8>> {
    tokio::time::timeout(LIMIT, ask(address, subject, payload))
        .await
        .unwrap_or_else(|_| bail!("no answer within {LIMIT:?}"))
        .with_context(|| format!("a request to {subject}"))
}

/// The same, for an answer of JetStream; an error of it is an error.
pub(super) async fn ask_jetstream(
    address: &str,
    subject: &str,
    payload: &[u8],
) -> anyhow::Result<Value> {
    let answer: Value = serde_json::from_slice(&request(address, subject, payload).await?)?;
    ensure!(answer["error"].is_null(), "{}", answer["error"]);
    Ok(answer)
}

async fn ask(address: &str, subject: &str, payload: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    // One inbox a connection: nobody else is told of it.
    let inbox = format!("{INBOX}.{}", stream.get_ref().local_addr()?.port());
    let head = format!(
        "CONNECT {CONNECT}\r\nSUB {inbox} 1\r\nPUB {subject} {inbox} {}\r\n",
        payload.len()
    );
    stream.get_mut().write_all(head.as_bytes()).await?;
    stream.get_mut().write_all(payload).await?;
    stream.get_mut().write_all(b"\r\n").await?;
    loop {
        let mut line = String::new();
        ensure!(stream.read_line(&mut line).await? > 0, "hung up");
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["PING"] => stream.get_mut().write_all(b"PONG\r\n").await?,
            ["MSG", .., length] => {
                let mut answer = vec![0; length.parse()?];
                stream.read_exact(&mut answer).await?;
                return Ok(answer);
            }
            ["HMSG", ..] => bail!("nobody answers"),
            ["-ERR", ..] => bail!("{}", line.trim()),
            _ => {}
        }
    }
}
