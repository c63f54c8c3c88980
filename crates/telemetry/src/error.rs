//! What can go wrong before a role can be watched.

use std::net::SocketAddr;

/// The health and metrics server could not start: a matter of configuration, exit code 64.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The address that was given can't be listened on.
    #[error("SPEECHMILL_HTTP: can't listen on {address}: choose another port, or leave it out")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Metrics were already set up in this process.
    #[error("metrics can't be set up twice in one process")]
    Twice,
}
