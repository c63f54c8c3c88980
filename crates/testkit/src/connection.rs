//! One HTTP/1.1 connection of the fake web site: reads requests, sends replies.
//!
//! By hand, because a decent server library refuses to send the answers that tests need.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
    copy_bidirectional,
};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::reply::{Body, Reply};
use crate::site::{Request, State};

/// Serves the connection until either side closes it. A visitor that hangs up is no failure.
pub(crate) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(request)) = read_request(&mut stream).await {
        let head_only = request.method == "HEAD";
        let last = request.header("connection") == Some("close");
        let known = request.header("if-none-match").map(ToOwned::to_owned);
        let reply = match state.reply_to(request) {
            reply if reply.etag.is_some() && reply.etag == known => not_modified(reply),
            reply => reply,
        };
        let keep_open = send(stream.get_mut(), reply, head_only).await;
        if last || !keep_open.unwrap_or(false) {
            return;
        }
    }
}

async fn read_request(
    stream: &mut BufReader<impl AsyncRead + Unpin>,
) -> io::Result<Option<Request>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let request = Request {
        at: Instant::now(),
        version: "HTTP/1.1",
        method: method.to_owned(),
        path: path.to_owned(),
        headers: lines
            .filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                Some((name.to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect(),
    };
    // What a body says is nothing to us, but the next request begins after it.
    let length = request.header("content-length").unwrap_or_default();
    let mut body = stream.take(length.parse().unwrap_or_default());
    tokio::io::copy(&mut body, &mut tokio::io::sink()).await?;
    Ok(Some(request))
}

fn not_modified(reply: Reply) -> Reply {
    Reply {
        status: 304,
        body: Body::Full {
            bytes: Vec::new(),
            announced: 0,
        },
        ..reply
    }
}

/// Whether the connection can take another request.
async fn send(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    reply: Reply,
    head_only: bool,
) -> io::Result<bool> {
    if !reply.delay.is_zero() {
        sleep(reply.delay).await;
    }
    match &reply.body {
        Body::Raw(bytes) => {
            stream.write_all(bytes).await?;
            stream.shutdown().await?;
            return Ok(false);
        }
        Body::Hang => std::future::pending().await,
        Body::Close => return Ok(false),
        Body::Tunnel(target) => {
            let mut target = TcpStream::connect(target).await?;
            stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
            copy_bidirectional(stream, &mut target).await?;
            return Ok(false);
        }
        Body::Full { .. } | Body::Slow { .. } | Body::Endless { .. } => {}
    }
    stream.write_all(head(&reply).as_bytes()).await?;
    if head_only {
        return Ok(true);
    }
    match reply.body {
        Body::Full { bytes, announced } => {
            stream.write_all(&bytes).await?;
            Ok(bytes.len() == announced)
        }
        Body::Slow {
            bytes,
            piece,
            pause,
        } => {
            for part in bytes.chunks(piece) {
                sleep(pause).await;
                stream.write_all(part).await?;
            }
            Ok(true)
        }
        Body::Endless { piece, pause } => endless(stream, &piece, pause).await,
        Body::Raw(_) | Body::Hang | Body::Close | Body::Tunnel(_) => Ok(false),
    }
}

fn head(reply: &Reply) -> String {
    let mut head = format!("HTTP/1.1 {} Fake\r\n", reply.status);
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let has_body = reply.status >= 200 && !matches!(reply.status, 204 | 304);
    match &reply.body {
        Body::Full { announced, .. } if has_body => {
            let _ = write!(head, "Content-Length: {announced}\r\n");
        }
        Body::Slow { bytes, .. } => {
            let _ = write!(head, "Content-Length: {}\r\n", bytes.len());
        }
        Body::Endless { .. } => head.push_str("Transfer-Encoding: chunked\r\n"),
        Body::Full { .. } | Body::Raw(_) | Body::Hang | Body::Close | Body::Tunnel(_) => {}
    }
    head.push_str("\r\n");
    head
}

/// Ends when the visitor has had enough.
async fn endless(
    stream: &mut (impl AsyncWrite + Unpin),
    piece: &[u8],
    pause: Duration,
) -> io::Result<bool> {
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    loop {
        sleep(pause).await;
        stream.write_all(&chunk).await?;
    }
}
