//! What requests name, read from their paths. Errors name the field and what it must be.

use alloy_primitives::{Address, B256};
use icc_attest::MAX_BATCH;
use icc_protocol::LaneId;
use serde::Deserialize;

/// A transaction's hash.
pub(crate) fn transaction(hash: &str) -> Result<B256, String> {
    hash.parse().map_err(|_| "hash: must be 0x and 64 hexadecimal digits".to_owned())
}

/// From where on, of what one key has signed.
#[derive(Deserialize)]
pub(crate) struct SignedBy {
    signer: String,
    lane: Option<String>,
    #[serde(default)]
    nonce: u64,
    limit: Option<u32>,
}

impl SignedBy {
    /// The key, the lane and nonce to begin at, and how many.
    pub(crate) fn read(&self) -> Result<(Address, (LaneId, u64), u32), String> {
        let signer = self.signer.parse().map_err(|_| "signer: must be 0x and 40 hexadecimal digits")?;
        let lane = self.lane.as_deref().map(str::parse).transpose();
        let lane = lane.map_err(|error| format!("lane: {error}"))?;
        if i64::try_from(self.nonce).is_err() {
            return Err("nonce: is out of range".to_owned());
        }
        let limit = self.limit.unwrap_or(MAX_BATCH as u32);
        if !(1..=MAX_BATCH as u32).contains(&limit) {
            return Err(format!("limit: must be from 1 to {MAX_BATCH}"));
        }
        Ok((signer, (lane.unwrap_or(LaneId(B256::ZERO)), self.nonce), limit))
    }
}

/// A message's lane and nonce.
pub(crate) fn message(lane: &str, nonce: &str) -> Result<(LaneId, u64), String> {
    let lane = lane.parse().map_err(|error| format!("lane: {error}"))?;
    let nonce = nonce.parse().ok().filter(|nonce| i64::try_from(*nonce).is_ok() && *nonce > 0);
    let nonce = nonce.ok_or_else(|| format!("nonce: must be a number from 1 to {}", i64::MAX))?;
    Ok((lane, nonce))
}
