//! Asks a server that is starting whether it is ready, over a bare TCP connection.
//!
//! Out: what it answered, or None for "not yet". It is no client: one question, one short answer.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(2);
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// An answer of the HTTP server.
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The `INFO` line that nats-server sends to every new connection.
///
/// Source: NATS client protocol, "INFO".
pub(crate) async fn nats_info(port: u16) -> Option<String> {
    let ask = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_ANSWER_BYTES))
            .read_line(&mut line)
            .await
            .ok()?;
        line.starts_with("INFO ").then_some(line)
    };
    timeout(LIMIT, ask).await.ok().flatten()
}

/// The status of the answer to `GET path` on 127.0.0.1; None when there is no answer within two
/// seconds.
pub async fn http_status(port: u16, path: &str) -> Option<u16> {
    http_get(port, path, None).await.map(|answer| answer.status)
}

/// The answer to `GET path`, with the key as bearer token if there is one.
pub(crate) async fn http_get(port: u16, path: &str, key: Option<&str>) -> Option<HttpAnswer> {
    let authorization = key.map_or_else(String::new, |key| {
        format!("Authorization: Bearer {key}\r\n")
    });
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{authorization}Connection: close\r\n\r\n"
    );
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream
            .take(MAX_ANSWER_BYTES)
            .read_to_end(&mut answer)
            .await
            .ok()?;
        parse(&String::from_utf8(answer).ok()?)
    };
    timeout(LIMIT, ask).await.ok().flatten()
}

fn parse(answer: &str) -> Option<HttpAnswer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(HttpAnswer {
        status,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_answer_is_split_into_status_and_body() {
        let answer = parse("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }

    #[test]
    fn half_an_answer_is_not_an_answer() {
        assert!(parse("HTTP/1.1 200 OK\r\ncontent-le").is_none());
    }
}
