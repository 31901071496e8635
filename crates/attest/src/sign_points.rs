//! A request for older sign points of a lane: what a validator that needs no history has not signed.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// The leaves of a lane's messages after message `256 × index` ([`SNAPSHOT_INTERVAL`](crate::SNAPSHOT_INTERVAL)), up to the next kept accumulator or the outbox's end. They need
/// no trust: they fold from one proved accumulator to the next, or they are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignPointRequest {
    /// Which window.
    pub index: u64,
    /// keccak256 of each encoded message, in order; at most 256.
    pub leaves: Vec<B256>,
}
