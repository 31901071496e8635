//! Free ports of the loopback interface.

use std::{collections::BTreeSet, net::TcpListener, sync::Mutex};

use eyre::bail;

/// Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): a port that is
/// free now must not be taken by somebody's connection before its process listens.
const RANGE: std::ops::Range<u16> = 12_000..32_000;
const TRIES: usize = 1000;

static HANDED_OUT: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that nobody listens on, and that was not handed out before.
pub(crate) fn free_port() -> eyre::Result<u16> {
    let mut handed_out = HANDED_OUT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for _ in 0..TRIES {
        let port = rand::random_range(RANGE);
        if !handed_out.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            handed_out.insert(port);
            return Ok(port);
        }
    }
    bail!("no free port from {} to {} after {TRIES} tries", RANGE.start, RANGE.end)
}
