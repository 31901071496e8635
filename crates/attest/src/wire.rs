//! The JSON that validators send and serve.

use alloy_primitives::B256;
use icc_protocol::{Checkpoint, CompactSignature, LaneId};
use serde::{Deserialize, Serialize};

/// Most attestations of one request or answer.
pub const MAX_BATCH: usize = 256;

/// One validator's signature on one checkpoint. The signer is whoever the signature recovers to.
#[derive(Debug, Clone, Copy, PartialEq, Hash, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The lane.
    pub lane: LaneId,
    /// Newest message covered.
    pub nonce: u64,
    /// The accumulator after it.
    pub accumulator: B256,
    /// EIP-2098 signature over the checkpoint's EIP-712 digest.
    pub signature: CompactSignature,
}

impl Attestation {
    /// What was signed.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { lane: self.lane, nonce: self.nonce, accumulator: self.accumulator }
    }
}

/// Several attestations, at most [`MAX_BATCH`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationBatch {
    /// In any order.
    pub attestations: Vec<Attestation>,
}
