//! The running hash over a lane's messages.

use alloy_primitives::{B256, keccak256};

use crate::LaneId;

fn pair(left: B256, right: B256) -> B256 {
    let mut bytes = [0u8; 64];
    bytes[..32].copy_from_slice(left.as_slice());
    bytes[32..].copy_from_slice(right.as_slice());
    keccak256(bytes)
}

/// `acc_n = keccak256(acc_{n-1} ‖ leaf_n)`; `acc_0` is the lane id.
pub fn fold(accumulator: B256, leaf: B256) -> B256 {
    pair(accumulator, leaf)
}

/// [`fold`] over several leaves.
pub fn fold_all(accumulator: B256, leaves: impl IntoIterator<Item = B256>) -> B256 {
    leaves.into_iter().fold(accumulator, fold)
}

/// `keccak256(lane ‖ leaf)`: the id under which a message is received, recorded and executed.
pub fn message_id(lane: LaneId, leaf: B256) -> B256 {
    pair(lane.0, leaf)
}
