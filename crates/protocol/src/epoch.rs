//! The sets of a network's epochs, as its hub makes them and validators sign them.

use alloy_primitives::{Address, B256};

use crate::{CompactSignature, Domain, SignatureError};

/// Seconds after which gateways refuse checkpoints of a set; a newer one has to be rotated in before.
pub const MAX_SET_AGE_SECONDS: u64 = 7 * 24 * 3600;

/// "The set of this epoch is this, made at this time."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EpochRecord {
    /// From 1, without gaps.
    pub epoch: u64,
    /// keccak256 of the packed members.
    pub set_hash: B256,
    /// UNIX seconds by the hub's clock.
    pub hub_time: u64,
}

impl EpochRecord {
    /// What validators of the epoch before sign.
    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.set_digest(self.epoch, self.set_hash, self.hub_time)
    }

    /// Who signed this.
    ///
    /// # Errors
    /// [`SignatureError`] if nobody can have.
    pub fn signer(&self, domain: &Domain, signature: &CompactSignature) -> Result<Address, SignatureError> {
        signature.recover(&self.digest(domain))
    }
}
