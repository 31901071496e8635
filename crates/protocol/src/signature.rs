//! Signatures as they travel: EIP-2098 compact, behind a bitmap of who signed.

use alloy_primitives::{Address, B256, Signature, hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ValidatorSet;

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The malleable twin of another signature (EIP-2).
    #[error("signature has a high s")]
    HighS,
    /// No key made it.
    #[error("signature does not recover to any address")]
    Unrecoverable,
}

/// Why signatures cannot be packed or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Not a bitmap and whole signatures.
    #[error("{0} bytes are no signature set")]
    Length(usize),
    /// More or fewer bits than signatures.
    #[error("bitmap names {bits} signers for {signatures} signatures")]
    Count {
        /// Set bits.
        bits: usize,
        /// Signatures.
        signatures: usize,
    },
}

/// A 64-byte EIP-2098 signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompactSignature(pub [u8; 64]);

impl CompactSignature {
    /// The address whose key signed `digest`.
    ///
    /// # Errors
    /// [`SignatureError`] for a high s or a signature of nobody.
    pub fn recover(&self, digest: &B256) -> Result<Address, SignatureError> {
        let signature = Signature::from_erc2098(&self.0);
        if signature.normalize_s().is_some() {
            return Err(SignatureError::HighS);
        }
        signature.recover_address_from_prehash(digest).map_err(|_| SignatureError::Unrecoverable)
    }
}

impl From<Signature> for CompactSignature {
    fn from(signature: Signature) -> Self {
        Self(signature.as_erc2098())
    }
}

impl Serialize for CompactSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode_prefixed(self.0))
    }
}

impl<'de> Deserialize<'de> for CompactSignature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let mut bytes = [0u8; 64];
        hex::decode_to_slice(text.as_ref(), &mut bytes).map_err(|_| {
            serde::de::Error::custom("signature must be 0x and 128 hexadecimal digits (EIP-2098)")
        })?;
        Ok(Self(bytes))
    }
}

/// Signatures of members of one set over one digest, by place in the set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignatureSet(std::collections::BTreeMap<usize, CompactSignature>);

impl SignatureSet {
    /// Picks a quorum of `set` out of `signatures`; `None` when there are too few members among the signers.
    pub fn of_quorum(
        set: &ValidatorSet,
        signatures: impl IntoIterator<Item = (Address, CompactSignature)>,
    ) -> Option<Self> {
        let mut places = std::collections::BTreeMap::new();
        for (signer, signature) in signatures {
            if places.len() == set.quorum() {
                break;
            }
            if let Some(place) = set.position(&signer) {
                places.entry(place).or_insert(signature);
            }
        }
        (places.len() >= set.quorum()).then_some(Self(places))
    }

    /// Bitmap (32 bytes) and signatures in set order, as the gateway reads them.
    pub fn pack(&self) -> Vec<u8> {
        let mut bitmap = [0u8; 32];
        for place in self.0.keys() {
            bitmap[31 - place / 8] |= 1 << (place % 8);
        }
        let mut packed = bitmap.to_vec();
        packed.extend(self.0.values().flat_map(|signature| signature.0));
        packed
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// [`PackError`] when the bytes are no bitmap with as many signatures as bits.
    pub fn unpack(packed: &[u8]) -> Result<Self, PackError> {
        let (bitmap, rest) = packed.split_first_chunk::<32>().ok_or(PackError::Length(packed.len()))?;
        let (signatures, remainder) = rest.as_chunks::<64>();
        if !remainder.is_empty() {
            return Err(PackError::Length(packed.len()));
        }
        let places: Vec<usize> =
            (0..256).filter(|place| bitmap[31 - place / 8] >> (place % 8) & 1 == 1).collect();
        if places.len() != signatures.len() {
            return Err(PackError::Count { bits: places.len(), signatures: signatures.len() });
        }
        Ok(Self(places.into_iter().zip(signatures.iter().copied().map(CompactSignature)).collect()))
    }

    /// Whether these are valid signatures over `digest` of a quorum of `set`, and of nobody else.
    pub fn is_of_quorum(&self, set: &ValidatorSet, digest: &B256) -> bool {
        self.0.len() >= set.quorum()
            && self.0.iter().all(|(place, signature)| {
                set.members().get(*place).is_some_and(|member| signature.recover(digest) == Ok(*member))
            })
    }

    /// The signatures, in the order of the members.
    pub fn signatures(&self) -> impl Iterator<Item = &CompactSignature> {
        self.0.values()
    }

    /// How many signed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody signed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
