//! Configuration of logs, metrics and health.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How a role can be watched.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryConfig {
    /// Where /healthz, /readyz and /metrics are served; if absent 127.0.0.1:9464, or a free port if
    /// that is taken.
    #[arg(long, env = "SPEECHMILL_HTTP")]
    pub http: Option<SocketAddr>,

    /// How log lines look.
    #[arg(long, env = "SPEECHMILL_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}
