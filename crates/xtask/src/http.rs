//! Requests to a server on this machine, over a bare TCP connection.
//!
//! In: `http://127.0.0.1:PORT/path`. Out: the body of a 2xx. It is no client for anything else.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(10);
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// The body of the answer.
pub(crate) async fn get(url: &str) -> anyhow::Result<String> {
    send("GET", url, "application/json", "").await
}

/// Sends JSON; the body of the answer.
pub(crate) async fn post(url: &str, json: &Value) -> anyhow::Result<Value> {
    let answer = send("POST", url, "application/json", &json.to_string()).await?;
    serde_json::from_str(&answer).with_context(|| format!("POST {url}: no JSON"))
}

/// The body of the answer to a request with a body of this type.
pub(crate) async fn send(
    method: &str,
    url: &str,
    content_type: &str,
    body: &str,
) -> anyhow::Result<String> {
    tokio::time::timeout(LIMIT, ask(method, url, content_type, body))
        .await
        .unwrap_or_else(|_| bail!("no answer within {LIMIT:?}"))
        .with_context(|| format!("{method} {url}"))
}

async fn ask(method: &str, url: &str, content_type: &str, body: &str) -> anyhow::Result<String> {
    let rest = url.strip_prefix("http://").context("not an http URL")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).await?;
    // In HTTP/1.0 the end of the connection is the end of the body: no chunks to put together.
    let head = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    stream
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("status {status}: {body}");
    }
    Ok(body.to_owned())
}
