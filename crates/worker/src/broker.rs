//! The connection to NATS, shared by all that a process does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, Context, context::ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use tokio::sync::watch;

use crate::permissions::INBOX;
use crate::user_key::seed_in;
use crate::{BrokerConfig, BrokerError};

/// How long a request or a PubAck may take before it is made again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The oldest server with all that we need (message schedules, pinned clients).
const OLDEST_SERVER: (i64, i64, i64) = (2, 14, 0);

/// A connection to NATS. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    /// Raised with every connection that is made.
    connections: Arc<watch::Sender<u64>>,
    jetstream: Context,
    config: BrokerConfig,
}

impl Broker {
    /// Connects; `name` is shown in the server's list of connections. Once connected, it stays so:
    /// a lost connection is made again for ever.
    pub async fn connect(config: &BrokerConfig, name: &str) -> Result<Self, BrokerError> {
        let servers = parse_servers(&config.nats_url)?;
        let connections = Arc::new(watch::Sender::new(0));
        let options = options(config, name, connections.clone())?;
        let connecting = async_nats::connect_with_options(servers, options);
        let client = match tokio::time::timeout(config.nats_timeout, connecting).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(connect_error(config, error)),
            Err(_) => {
                let error = ConnectErrorKind::TimedOut.into();
                return Err(connect_error(config, error));
            }
        };
        let (major, minor, patch) = OLDEST_SERVER;
        if !client.is_server_compatible(major, minor, patch) {
            return Err(BrokerError::Unsupported(format!(
                "nats-server is {}: {major}.{minor}.{patch} or later is needed",
                client.server_info().version
            )));
        }
        let jetstream = ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(REQUEST_TIMEOUT)
            .max_ack_inflight(4_096)
            .backpressure_on_inflight(true)
            .build(client.clone());
        let config = config.clone();
        let broker = Self {
            inner: Arc::new(Inner {
                client,
                connections,
                jetstream,
                config,
            }),
        };
        broker.require_jetstream().await?;
        Ok(broker)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn jetstream(&self) -> &Context {
        &self.inner.jetstream
    }

    /// Changes with every connection that is made: what the server was asked before is forgotten.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.inner.connections.subscribe()
    }

    /// The configuration it was connected with.
    pub fn config(&self) -> &BrokerConfig {
        &self.inner.config
    }

    /// Whether the connection stands right now.
    pub fn is_connected(&self) -> bool {
        self.client().connection_state() == async_nats::connection::State::Connected
    }

    /// Sends what is queued, as long as `limit` allows, and closes.
    pub async fn close(self, limit: Duration) {
        let flush = self.client().flush();
        if tokio::time::timeout(limit, flush).await.is_err() {
            tracing::warn!("NATS did not take our last words within {limit:?}");
        }
        let _ = self.client().drain().await;
    }
}

fn parse_servers(urls: &str) -> Result<Vec<async_nats::ServerAddr>, BrokerError> {
    urls.split(',')
        .map(|url| {
            url.trim().parse().map_err(|_| {
                BrokerError::Config(
                    "SPEECHMILL_NATS_URL is not a NATS URL: write it as nats://host:4222"
                        .to_owned(),
                )
            })
        })
        .collect()
}

fn options(
    config: &BrokerConfig,
    name: &str,
    connections: Arc<watch::Sender<u64>>,
) -> Result<ConnectOptions, BrokerError> {
    let mut options = ConnectOptions::new()
        .name(format!("speechmill {name}"))
        .custom_inbox_prefix(format!("{INBOX}{name}"))
        .connection_timeout(config.nats_timeout)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(Duration::from_secs(10))
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            // The first, also that of a new process, is made at once.
            let num_before = u64::try_from(attempts.saturating_sub(1)).unwrap_or(20);
            Duration::from_millis(100 * num_before.min(20))
        })
        .event_callback(move |event| {
            if matches!(event, Event::Connected) {
                connections.send_modify(|number| *number += 1);
            }
            async move {
                match event {
                    Event::Connected => tracing::info!("connected to NATS"),
                    Event::Disconnected => tracing::warn!("lost the connection to NATS"),
                    Event::Closed | Event::Draining => {
                        tracing::debug!("the connection to NATS closes");
                    }
                    other => tracing::warn!("NATS: {other}"),
                }
            }
        });
    if let Some(path) = &config.nats_ca {
        if !path.is_file() {
            return Err(BrokerError::Config(format!(
                "SPEECHMILL_NATS_CA: {} is not a file",
                path.display()
            )));
        }
        options = options.add_root_certificates(path.clone());
    }
    if let Some(path) = &config.nats_creds {
        options = with_credentials(options, path).map_err(|_| {
            BrokerError::Config(format!(
                "SPEECHMILL_NATS_CREDS: {} can't be read as a credentials file of NATS, nor as the seed of a user",
                path.display()
            ))
        })?;
    }
    Ok(options)
}

/// The reason of a failure may quote the file: it is for nobody.
fn with_credentials(options: ConnectOptions, path: &Path) -> std::io::Result<ConnectOptions> {
    let text = std::fs::read_to_string(path)?;
    match seed_in(&text) {
        Some(seed) => Ok(options.nkey(seed.to_owned())),
        None => options.credentials(&text),
    }
}

fn connect_error(config: &BrokerConfig, source: async_nats::ConnectError) -> BrokerError {
    let url = without_credentials(&config.nats_url);
    match source.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            BrokerError::Refused { url }
        }
        _ => BrokerError::Unreachable { url, source },
    }
}

/// The URLs without user names and passwords, which must not be printed.
fn without_credentials(urls: &str) -> String {
    let bare = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => url.to_owned(),
    };
    urls.split(',')
        .map(|url| bare(url.trim()))
        .collect::<Vec<_>>()
        .join(",")
}

/// The part of an error of JetStream that tells what it was.
pub(crate) fn error_code(source: Option<&(dyn std::error::Error + 'static)>) -> Option<u64> {
    let error = source?.downcast_ref::<jetstream::Error>()?;
    Some(error.error_code().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_url_are_never_shown() {
        assert_eq!(
            without_credentials("nats://me:secret@a:4222, tls://tok@b:4222,nats://c"),
            "nats://a:4222,tls://b:4222,nats://c"
        );
    }
}
