//! Free ports of the loopback interface.

use std::net::TcpListener;

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> eyre::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
