//! What validators sign.

use alloy_primitives::{Address, B256, keccak256};

use crate::{FinalBlock, LaneId, NetworkId};

/// Every this many nonces there is a sign point, which bounds the tail of a delivery.
pub const SIGN_INTERVAL: u64 = 64;

/// "The lane's accumulator at this nonce is this."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// The lane.
    pub lane: LaneId,
    /// Newest message covered.
    pub nonce: u64,
    /// The accumulator after it.
    pub accumulator: B256,
}

/// EIP-712 domain `{name: "iCrossChain", version: "1", salt: network id}`. It names neither chain nor contract: a
/// lane commits to both ends, and one signature serves every gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain(B256);

impl Domain {
    /// The domain of a network.
    pub fn new(network: NetworkId) -> Self {
        let type_hash = keccak256("EIP712Domain(string name,string version,bytes32 salt)");
        Self(keccak256(words([type_hash, keccak256("iCrossChain"), keccak256("1"), network.0])))
    }

    /// EIP-712 digest of `Checkpoint(bytes32 lane,uint64 nonce,bytes32 accumulator)`.
    pub fn checkpoint_digest(&self, checkpoint: &Checkpoint) -> B256 {
        let type_hash = keccak256("Checkpoint(bytes32 lane,uint64 nonce,bytes32 accumulator)");
        self.typed(words([type_hash, checkpoint.lane.0, word(checkpoint.nonce), checkpoint.accumulator]))
    }

    /// EIP-712 digest of `ValidatorSet(uint64 epoch,bytes32 setHash,uint64 hubTime)`.
    pub fn set_digest(&self, epoch: u64, set_hash: B256, hub_time: u64) -> B256 {
        let type_hash = keccak256("ValidatorSet(uint64 epoch,bytes32 setHash,uint64 hubTime)");
        self.typed(words([type_hash, word(epoch), set_hash, word(hub_time)]))
    }

    /// EIP-712 digest of `FinalBlock(uint64 chain,uint64 number,bytes32 hash,bool unanimous)`.
    pub fn final_block_digest(&self, block: &FinalBlock) -> B256 {
        let type_hash = keccak256("FinalBlock(uint64 chain,uint64 number,bytes32 hash,bool unanimous)");
        self.typed(words([
            type_hash,
            word(block.chain.0),
            word(block.number),
            block.hash,
            word(block.unanimous.into()),
        ]))
    }

    /// EIP-712 digest of `Jail(address validator,uint64 epoch)`.
    pub fn jail_digest(&self, validator: Address, epoch: u64) -> B256 {
        let type_hash = keccak256("Jail(address validator,uint64 epoch)");
        self.typed(words([type_hash, validator.into_word(), word(epoch)]))
    }

    /// EIP-712 digest of `Refuse(address validator,uint64 epoch)`.
    pub fn refuse_digest(&self, validator: Address, epoch: u64) -> B256 {
        let type_hash = keccak256("Refuse(address validator,uint64 epoch)");
        self.typed(words([type_hash, validator.into_word(), word(epoch)]))
    }

    fn typed(&self, encoded: impl AsRef<[u8]>) -> B256 {
        let mut bytes = [0u8; 66];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(self.0.as_slice());
        bytes[34..].copy_from_slice(keccak256(encoded).as_slice());
        keccak256(bytes)
    }
}

fn word(value: u64) -> B256 {
    B256::left_padding_from(&value.to_be_bytes())
}

fn words<const N: usize>(parts: [B256; N]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.0).collect()
}

/// Whether `nonce`, sent in block `block`, is a sign point when the lane's next message is in `next_block` (`None`: it
/// is the last message up to a final block). Sign points depend on the chain alone, so all validators sign the same.
pub fn is_sign_point(nonce: u64, block: u64, next_block: Option<u64>) -> bool {
    nonce.is_multiple_of(SIGN_INTERVAL) || next_block != Some(block)
}

/// The sign points among consecutive messages of a lane, given as (nonce, block); the last one's block must be final
/// and complete.
pub fn sign_points(messages: &[(u64, u64)]) -> impl Iterator<Item = u64> + '_ {
    messages.iter().enumerate().filter_map(|(i, &(nonce, block))| {
        is_sign_point(nonce, block, messages.get(i + 1).map(|next| next.1)).then_some(nonce)
    })
}
