//! The JSON of one validator's signature on an epoch's set.

use alloy_primitives::B256;
use icc_protocol::{CompactSignature, EpochRecord};
use serde::{Deserialize, Serialize};

/// An [`EpochRecord`], signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedSet {
    /// Which epoch.
    pub epoch: u64,
    /// keccak256 of its packed members.
    pub set_hash: B256,
    /// When it was made, UNIX seconds by the hub's clock.
    pub hub_time: u64,
    /// EIP-2098 signature over the EIP-712 digest of `ValidatorSet(uint64 epoch,bytes32 setHash,uint64 hubTime)`.
    pub signature: CompactSignature,
}

impl SignedSet {
    /// What was signed.
    pub fn record(&self) -> EpochRecord {
        EpochRecord { epoch: self.epoch, set_hash: self.set_hash, hub_time: self.hub_time }
    }
}
