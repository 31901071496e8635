//! What the fuzz targets in `fuzz/` reach of this crate; in no other build.

use alloy_primitives::B256;
use icc_protocol::LaneId;

use crate::request;

/// The transaction that a path names.
///
/// # Errors
/// What is told to who asked.
pub fn transaction(hash: &str) -> Result<B256, String> {
    request::transaction(hash)
}

/// The message that a path names.
///
/// # Errors
/// What is told to who asked.
pub fn message(lane: &str, nonce: &str) -> Result<(LaneId, u64), String> {
    request::message(lane, nonce)
}
