//! What validators tell each other of a chain's finality.

use alloy_primitives::B256;

use crate::{ChainId, CompactSignature, Domain, SignatureError};

/// "This block is final, by endpoints of my own." Only a word between validators: no contract takes it, and it can make
/// another validator stop, never sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinalBlock {
    /// The chain.
    pub chain: ChainId,
    /// The block's height.
    pub number: u64,
    /// The block's hash.
    pub hash: B256,
    /// What the word rests on: every single endpoint of the speaker, or a quorum of them alone. Never on the word of other
    /// validators.
    pub unanimous: bool,
}

impl FinalBlock {
    /// Who signed this.
    ///
    /// # Errors
    /// [`SignatureError`] if nobody can have.
    pub fn signer(
        &self,
        domain: &Domain,
        signature: &CompactSignature,
    ) -> Result<alloy_primitives::Address, SignatureError> {
        signature.recover(&domain.final_block_digest(self))
    }
}
