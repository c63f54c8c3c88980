//! A web site on the loopback address whose pages a test sets and whose visitors it reads.
//!
//! In: replies for paths, before or during the test. Out: real HTTP/1.1 over TCP, or HTTP/2 and
//! HTTP/1.1 over TLS, and a record of every request. It understands no request bodies. A request that
//! names a whole URL, as one to a proxy does, has that URL for its path: so it is a fake proxy too.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::tls::{H2, ServerCertificate};
use crate::{Reply, connection, http2};

/// A request as the site saw it.
#[derive(Debug, Clone)]
pub struct Request {
    /// When its last header byte had come.
    pub at: Instant,
    /// `HTTP/1.1` or `HTTP/2`.
    pub version: &'static str,
    /// `GET`, `HEAD` …
    pub method: String,
    /// The path with the query, as sent.
    pub path: String,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// The first header of this name (any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A running web site; ends when it is dropped, with all its connections.
#[derive(Debug)]
pub struct FakeSite {
    scheme: &'static str,
    addr: SocketAddr,
    state: Arc<State>,
    _stop: DropGuard,
}

impl FakeSite {
    /// Starts one on a free port of 127.0.0.1. Every path is a 404 until it is set.
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0").await
    }

    /// Starts one on this address: `127.0.0.2:0` is another host, `[::1]:0` an IPv6 one.
    pub async fn start_on(addr: &str) -> Self {
        Self::start_over(addr, None).await
    }

    /// Starts one over TLS on a free port of 127.0.0.1.
    pub async fn start_tls(certificate: ServerCertificate) -> Self {
        Self::start_over("127.0.0.1:0", Some(certificate.acceptor())).await
    }

    async fn start_over(addr: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(addr)
            .await
            .unwrap_or_else(|error| panic!("no web site on {addr}: {error}"));
        let addr = listener.local_addr().expect("a bound socket's address");
        let state = Arc::new(State::default());
        let stop = CancellationToken::new();
        let scheme = if tls.is_some() { "https" } else { "http" };
        tokio::spawn(stop.clone().run_until_cancelled_owned(serve(
            listener,
            tls,
            Arc::clone(&state),
        )));
        Self {
            scheme,
            addr,
            state,
            _stop: stop.drop_guard(),
        }
    }

    /// Answers this path with this reply from now on. A path without a query stands for all its
    /// queries that are not set themselves.
    pub fn page(&self, path: &str, reply: Reply) {
        self.sequence(path, [reply]);
    }

    /// Answers this path with these replies, one request each; the last one stays.
    pub fn sequence(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        let replies: Vec<_> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "a sequence of no replies for {path}");
        let mut next = 0;
        self.answer(path, move |_| {
            let reply = replies[next].clone();
            next = (next + 1).min(replies.len() - 1);
            reply
        });
    }

    /// Answers this path with what the function says.
    pub fn answer(&self, path: &str, answer: impl FnMut(&Request) -> Reply + Send + 'static) {
        self.state
            .lock()
            .pages
            .insert(path.to_owned(), Box::new(answer));
    }

    /// Answers all paths that are not set.
    pub fn otherwise(&self, reply: Reply) {
        self.state.lock().otherwise = Some(reply);
    }

    /// The address of a path: `http://127.0.0.1:PORT/path`.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.addr)
    }

    /// The host as in a URL: `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.addr.to_string()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many requests came for this path, query included.
    pub fn hits(&self, path: &str) -> usize {
        self.requests_to(path).len()
    }

    /// The requests for this path, query included, oldest first.
    pub fn requests_to(&self, path: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.path == path);
        requests
    }

    /// All requests, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().requests.clone()
    }

    /// How many connections were opened, whatever came over them.
    pub fn num_connections(&self) -> usize {
        self.state.lock().num_connections
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.state.lock().requests.clear();
    }
}

type Answer = Box<dyn FnMut(&Request) -> Reply + Send>;

#[derive(Default)]
pub(crate) struct State(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    pages: HashMap<String, Answer>,
    otherwise: Option<Reply>,
    requests: Vec<Request>,
    num_connections: usize,
}

impl State {
    /// Records the request and says what to answer.
    pub(crate) fn reply_to(&self, request: Request) -> Reply {
        let mut inner = self.lock();
        let bare = request.path.split('?').next().unwrap_or_default();
        let key = if inner.pages.contains_key(&request.path) {
            request.path.as_str()
        } else {
            bare
        };
        let reply = match inner.pages.get_mut(key) {
            Some(answer) => answer(&request),
            None => inner
                .otherwise
                .clone()
                .unwrap_or_else(|| Reply::status(404)),
        };
        inner.requests.push(request);
        reply
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("an answer function panicked")
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        state.lock().num_connections += 1;
        connections.spawn(welcome(stream, tls.clone(), Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

/// A visitor who doesn't like the certificate goes away again.
async fn welcome(stream: TcpStream, tls: Option<TlsAcceptor>, state: Arc<State>) {
    // Head and body are two writes: without this the second one waits for an ack, for 40 ms.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return connection::serve(stream, state).await;
    };
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    if stream.get_ref().1.alpn_protocol() == Some(H2) {
        http2::serve(stream, state).await;
    } else {
        connection::serve(stream, state).await;
    }
}
