//! A TCP proxy that breaks connections on demand, to stand before nats-server or Meilisearch.
//!
//! In: where the real server is. Out: an address to give to the client under test, and the faults
//! cut, delay and half-open. It never looks at the bytes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

const BUFFER_BYTES: usize = 64 * 1024;

/// Which way the bytes vanish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends never reaches the server.
    ToServer,
    /// What the server answers never reaches the client.
    ToClient,
}

/// A running proxy; ends when it is dropped, with all its connections.
#[derive(Debug)]
pub struct ChaosProxy {
    addr: SocketAddr,
    faults: watch::Sender<Faults>,
    _stop: DropGuard,
}

#[derive(Debug, Clone, Default)]
struct Faults {
    refuse: bool,
    delay: Duration,
    swallow: Option<Direction>,
    /// Ends the connections that exist; replaced whenever it is used.
    connections: CancellationToken,
}

impl ChaosProxy {
    /// Starts one before the server at this address (`127.0.0.1:4222`).
    pub async fn start(target: impl Into<String>) -> Self {
        let target = target.into();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port for the proxy");
        let addr = listener.local_addr().expect("a bound socket's address");
        let (faults, seen) = watch::channel(Faults::default());
        let stop = CancellationToken::new();
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(serve(listener, target, seen)),
        );
        Self {
            addr,
            faults,
            _stop: stop.drop_guard(),
        }
    }

    /// Where the client should connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same with a scheme: `nats://127.0.0.1:PORT`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.addr)
    }

    /// Drops all connections and closes every new one at once.
    pub fn cut(&self) {
        self.change(|faults| faults.refuse = true, true);
    }

    /// Drops all connections; new ones work.
    pub fn drop_connections(&self) {
        self.change(|_| {}, true);
    }

    /// Adds this to the way of every piece of data, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.change(|faults| faults.delay = delay, false);
    }

    /// Swallows what goes in this direction; the connections stay open.
    pub fn half_open(&self, direction: Direction) {
        self.change(|faults| faults.swallow = Some(direction), false);
    }

    /// Ends all faults. Connections that lost bytes are dropped: their streams have holes.
    pub fn heal(&self) {
        let had_holes = self.faults.borrow().swallow.is_some();
        self.change(
            |faults| {
                faults.refuse = false;
                faults.delay = Duration::ZERO;
                faults.swallow = None;
            },
            had_holes,
        );
    }

    fn change(&self, change: impl FnOnce(&mut Faults), drop_connections: bool) {
        self.faults.send_modify(|faults| {
            change(faults);
            if drop_connections {
                std::mem::take(&mut faults.connections).cancel();
            }
        });
    }
}

async fn serve(listener: TcpListener, target: String, faults: watch::Receiver<Faults>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        let now = faults.borrow().clone();
        if !now.refuse {
            let joined = join(client, target.clone(), faults.clone());
            connections.spawn(now.connections.run_until_cancelled_owned(joined));
        }
    }
}

/// Ends, and so closes both connections, when either direction does.
async fn join(client: TcpStream, target: String, faults: watch::Receiver<Faults>) {
    let Ok(server) = TcpStream::connect(&target).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, Direction::ToServer, faults.clone()) => {}
        () = pump(from_server, to_client, Direction::ToClient, faults) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    faults: watch::Receiver<Faults>,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let delay = faults.borrow().delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let swallowed = faults.borrow().swallow == Some(direction);
        if !swallowed && to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
