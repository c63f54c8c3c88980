//! The small HTTP server of a role: /healthz (it runs), /readyz (it can work), /metrics (Prometheus).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{TelemetryConfig, TelemetryError};

/// The address if none is given.
const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// Says whether the role can work right now: `Err` names what is missing.
pub type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// A role's server, bound but not yet served.
pub struct Telemetry {
    listener: TcpListener,
    address: SocketAddr,
    metrics: PrometheusHandle,
}

impl Telemetry {
    /// Binds the address and sets up metrics.
    pub async fn bind(config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let wanted = config.http.unwrap_or(DEFAULT);
        let bound = match TcpListener::bind(wanted).await {
            Err(_) if config.http.is_none() => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
            bound => bound,
        };
        let listen = |source| TelemetryError::Listen {
            address: wanted,
            source,
        };
        let listener = bound.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let metrics = PrometheusBuilder::new()
            .install_recorder()
            .map_err(|_| TelemetryError::Twice)?;
        Ok(Self {
            listener,
            address,
            metrics,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process ends.
    pub async fn serve(self, ready: Ready, shutdown: CancellationToken) {
        let metrics = self.metrics;
        let render = move || async move {
            metrics.run_upkeep();
            metrics.render()
        };
        let readiness = move || async move {
            match ready() {
                Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
                Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
            }
        };
        let router = Router::new()
            .route("/healthz", get(|| async { "alive\n" }))
            .route("/readyz", get(readiness))
            .route("/metrics", get(render));
        let served = axum::serve(self.listener, router)
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::warn!("the health and metrics server ended: {error}");
        }
    }
}
