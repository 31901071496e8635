//! What every process needs.

pub mod config;
mod connections;
mod http;
mod secret;
mod shutdown;
mod signer;
mod supervise;
mod telemetry;

pub use http::{BodyLimits, serve};
pub use secret::{KeySource, SecretError};
pub use shutdown::shutdown_signal;
pub use signer::Signer;
pub use supervise::supervise;
pub use telemetry::{LogFormat, Telemetry, TelemetryError, install_tls};
