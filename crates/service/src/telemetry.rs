//! Logs to standard error, metrics for Prometheus.

use std::{io::IsTerminal, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter in `RUST_LOG` does not parse.
    #[error("RUST_LOG: {0}")]
    Filter(String),
    /// Something is installed already.
    #[error("telemetry is already set up: {0}")]
    Installed(String),
}

/// What the process measures.
#[derive(Clone)]
pub struct Telemetry(PrometheusHandle);

const SECONDS: [f64; 14] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// TLS needs a default provider before the first HTTP client is built; another call changes nothing.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Telemetry {
    /// Sets up logs (filter: `RUST_LOG`, else `default_filter`) and metrics. Once per process, inside a runtime.
    ///
    /// # Errors
    /// [`TelemetryError`].
    pub fn init(format: LogFormat, default_filter: &str) -> Result<Self, TelemetryError> {
        install_tls();
        let filter = match std::env::var("RUST_LOG") {
            Ok(text) => {
                EnvFilter::try_new(text).map_err(|error| TelemetryError::Filter(error.to_string()))?
            }
            Err(_) => EnvFilter::new(default_filter),
        };
        let registry = tracing_subscriber::registry().with(filter);
        let installed = match format {
            LogFormat::Json => registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init(),
            LogFormat::Text => {
                let layer =
                    fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
                registry.with(layer).try_init()
            }
        };
        installed.map_err(|error| TelemetryError::Installed(error.to_string()))?;
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| TelemetryError::Installed(error.to_string()))?;
        let upkeep = handle.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self(handle))
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }
}
