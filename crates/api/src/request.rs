//! What requests name, read from their paths. Errors name the field and what it must be.

use alloy_primitives::B256;
use icc_protocol::LaneId;

/// A transaction's hash.
pub(crate) fn transaction(hash: &str) -> Result<B256, String> {
    hash.parse().map_err(|_| "hash: must be 0x and 64 hexadecimal digits".to_owned())
}

/// A message's lane and nonce.
pub(crate) fn message(lane: &str, nonce: &str) -> Result<(LaneId, u64), String> {
    let lane = lane.parse().map_err(|error| format!("lane: {error}"))?;
    let nonce = nonce.parse().ok().filter(|nonce| i64::try_from(*nonce).is_ok() && *nonce > 0);
    let nonce = nonce.ok_or_else(|| format!("nonce: must be a number from 1 to {}", i64::MAX))?;
    Ok((lane, nonce))
}
