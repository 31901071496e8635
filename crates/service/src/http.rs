//! Serving HTTP with bounds, until shutdown.

use std::time::Duration;

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::connections::Bounded;

/// Bounds of a server.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Most bytes of a request's body.
    pub body_bytes: usize,
    /// Longest that a request may take, its body included.
    pub timeout: Duration,
}

/// Most connections at once: fewer than the files that a process may have open, so that callers cannot keep it from the
/// chains and the database.
const MAX_CONNECTIONS: usize = 512;
/// Beyond a request's own time: how long a connection may be open without an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long open connections may take to finish after shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `shutdown`, then drains for at most five seconds.
///
/// # Errors
/// An I/O error of the listener.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: BodyLimits,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let router = router
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limits.timeout))
        .layer(DefaultBodyLimit::max(limits.body_bytes))
        .layer(CatchPanicLayer::new());
    let listener = Bounded::new(listener, MAX_CONNECTIONS, limits.timeout + PATIENCE);
    let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        served = serving => served,
        () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}
