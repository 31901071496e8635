//! The JSON of one validator's word that another is silent.

use alloy_primitives::{Address, B256};
use icc_protocol::{CompactSignature, Domain, SignatureError};
use serde::{Deserialize, Serialize};

/// "This validator is silent in this epoch", signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JailWord {
    /// Who is silent.
    pub validator: Address,
    /// The newest signed epoch.
    pub epoch: u64,
    /// EIP-2098 signature over the EIP-712 digest of `Jail(address validator,uint64 epoch)`.
    pub signature: CompactSignature,
}

impl JailWord {
    /// What is signed.
    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.jail_digest(self.validator, self.epoch)
    }

    /// Who signed it.
    ///
    /// # Errors
    /// [`SignatureError`] if nobody can have.
    pub fn signer(&self, domain: &Domain) -> Result<Address, SignatureError> {
        self.signature.recover(&self.digest(domain))
    }
}
