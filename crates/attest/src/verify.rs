//! When an attestation counts.

use alloy_primitives::Address;
use icc_protocol::{Checkpoint, CompactSignature, Domain, SignatureError, ValidatorSet};

use crate::Attestation;

/// Why an attestation does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The signature is malformed or malleable.
    #[error("signature: {0}")]
    Signature(#[from] SignatureError),
    /// The signer is not in the destination's current set.
    #[error("signature: {0} is not in the current validator set")]
    NotAValidator(Address),
    /// Nothing is before the first message.
    #[error("nonce: is zero; nonces begin at 1")]
    ZeroNonce,
    /// Beyond what can be stored.
    #[error("nonce: {0} is out of range")]
    NonceOutOfRange(u64),
}

/// An attestation by a member of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedAttestation {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// By whom.
    pub signer: Address,
    /// The signature.
    pub signature: CompactSignature,
}

/// Checks signature and membership.
///
/// # Errors
/// [`IntakeError`] naming the field.
pub fn verify(
    domain: &Domain,
    set: &ValidatorSet,
    attestation: &Attestation,
) -> Result<VerifiedAttestation, IntakeError> {
    if attestation.nonce == 0 {
        return Err(IntakeError::ZeroNonce);
    }
    if attestation.nonce > i64::MAX as u64 {
        return Err(IntakeError::NonceOutOfRange(attestation.nonce));
    }
    let checkpoint = attestation.checkpoint();
    let signer = attestation.signature.recover(&domain.checkpoint_digest(&checkpoint))?;
    if set.position(&signer).is_none() {
        return Err(IntakeError::NotAValidator(signer));
    }
    Ok(VerifiedAttestation { checkpoint, signer, signature: attestation.signature })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use alloy_signer::SignerSync;
    use alloy_signer_local::PrivateKeySigner;
    use icc_protocol::{LaneId, NetworkId};

    use super::*;

    fn signed(key: &PrivateKeySigner, domain: &Domain) -> Attestation {
        let checkpoint =
            Checkpoint { lane: LaneId(B256::repeat_byte(7)), nonce: 3, accumulator: B256::repeat_byte(9) };
        let signature = key.sign_hash_sync(&domain.checkpoint_digest(&checkpoint)).unwrap().into();
        Attestation { lane: checkpoint.lane, nonce: 3, accumulator: checkpoint.accumulator, signature }
    }

    #[test]
    fn only_members_count_and_only_for_what_they_signed() {
        let domain = Domain::new(NetworkId(B256::repeat_byte(1)));
        let key = PrivateKeySigner::from_slice(&[5; 32]).unwrap();
        let stranger = PrivateKeySigner::from_slice(&[6; 32]).unwrap();
        let set = ValidatorSet::new(vec![key.address()]).unwrap();
        let good = signed(&key, &domain);
        assert_eq!(verify(&domain, &set, &good).unwrap().signer, key.address());
        let foreign = verify(&domain, &set, &signed(&stranger, &domain));
        assert_eq!(foreign, Err(IntakeError::NotAValidator(stranger.address())));
        let other = Domain::new(NetworkId(B256::repeat_byte(2)));
        assert!(verify(&other, &set, &good).is_err(), "another network");
        assert!(verify(&domain, &set, &Attestation { nonce: 4, ..good }).is_err(), "another nonce");
        assert_eq!(verify(&domain, &set, &Attestation { nonce: 0, ..good }), Err(IntakeError::ZeroNonce));
    }
}
