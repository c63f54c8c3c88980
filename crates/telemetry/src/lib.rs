//! Logs, metrics and health of a role: what operators see of it from outside.

mod config;
mod error;
mod http;
mod logs;

pub use config::{LogFormat, TelemetryConfig};
pub use error::TelemetryError;
pub use http::{Ready, Telemetry};
pub use logs::init_logs;
