//! The JSON of one validator's word on a chain's finality.

use alloy_primitives::B256;
use icc_protocol::{ChainId, CompactSignature, FinalBlock};
use serde::{Deserialize, Serialize};

/// A [`FinalBlock`], signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalWord {
    /// The chain.
    pub chain: ChainId,
    /// The block's height.
    pub number: u64,
    /// The block's hash.
    pub hash: B256,
    /// Whether every endpoint of the validator says so, or a quorum of them alone.
    pub unanimous: bool,
    /// EIP-2098 signature over the EIP-712 digest of `FinalBlock(uint64 chain,uint64 number,bytes32 hash,bool unanimous)`.
    pub signature: CompactSignature,
}

impl FinalWord {
    /// What was said.
    pub fn block(&self) -> FinalBlock {
        FinalBlock { chain: self.chain, number: self.number, hash: self.hash, unanimous: self.unanimous }
    }
}
