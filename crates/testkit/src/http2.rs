//! One HTTP/2 connection of the fake web site.
//!
//! What has no meaning in HTTP/2 (raw bytes, a connection that is closed without an answer) becomes
//! a stream that is reset.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::Response;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::reply::{Body, Reply};
use crate::site::{Request, State};

/// Serves the connection until either side closes it.
pub(crate) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut answers = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        let reply = state.reply_to(seen(&request.into_parts().0));
        answers.spawn(answer(reply, respond));
        while answers.try_join_next().is_some() {}
    }
}

fn seen(head: &http::request::Parts) -> Request {
    let path = head.uri.path_and_query();
    let headers = head.headers.iter();
    Request {
        at: Instant::now(),
        version: "HTTP/2",
        method: head.method.to_string(),
        path: path.map_or("/", http::uri::PathAndQuery::as_str).to_owned(),
        headers: headers
            .map(|(name, value)| {
                let value = value.to_str().unwrap_or_default();
                (name.to_string(), value.to_owned())
            })
            .collect(),
    }
}

async fn answer(reply: Reply, mut respond: SendResponse<Bytes>) {
    if !reply.delay.is_zero() {
        sleep(reply.delay).await;
    }
    match &reply.body {
        Body::Hang => std::future::pending().await,
        Body::Raw(_) | Body::Close | Body::Tunnel(_) => {
            return respond.send_reset(Reason::INTERNAL_ERROR);
        }
        Body::Full { .. } | Body::Slow { .. } | Body::Endless { .. } => {}
    }
    let Ok(body) = respond.send_response(head(&reply), false) else {
        return;
    };
    // A visitor that hangs up is no failure.
    let _ = send(reply.body, body).await;
}

fn head(reply: &Reply) -> Response<()> {
    let mut head = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        head = head.header(name, value);
    }
    head.body(()).expect("a reply that HTTP/2 can carry")
}

async fn send(body: Body, mut to: SendStream<Bytes>) -> Result<(), h2::Error> {
    match body {
        // A stream that is left before its end is reset once all is sent.
        Body::Full { bytes, announced } => {
            let is_whole = bytes.len() == announced;
            to.send_data(bytes.into(), is_whole)?;
        }
        Body::Slow {
            bytes,
            piece,
            pause,
        } => {
            for part in bytes.chunks(piece) {
                sleep(pause).await;
                to.send_data(part.to_vec().into(), false)?;
            }
            to.send_data(Bytes::new(), true)?;
        }
        Body::Endless { piece, pause } => endless(&mut to, &piece.into(), pause).await?,
        Body::Raw(_) | Body::Hang | Body::Close | Body::Tunnel(_) => {}
    }
    Ok(())
}

/// Ends when the visitor has had enough; waits for room, or it would all pile up here.
async fn endless(
    to: &mut SendStream<Bytes>,
    piece: &Bytes,
    pause: Duration,
) -> Result<(), h2::Error> {
    loop {
        sleep(pause).await;
        to.reserve_capacity(piece.len());
        let room = std::future::poll_fn(|context| to.poll_capacity(context)).await;
        match room {
            Some(room) => {
                let room = room?.min(piece.len());
                to.send_data(piece.slice(..room), false)?;
            }
            None => return Ok(()),
        }
    }
}
