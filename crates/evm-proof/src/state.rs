//! Merkle-Patricia proofs of accounts and storage slots (`eth_getProof`, EIP-1186).

use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};

/// Most nodes of one proof: a path of 64 nibbles, with room.
const MAX_NODES: usize = 65;
/// Most bytes of one node: a branch of 16 hashes and a value, with room.
const MAX_NODE_LENGTH: usize = 1024;

/// A proof that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Too many or too large nodes.
    #[error("proof of {nodes} nodes, the largest of {largest} bytes, is out of bounds")]
    Oversized {
        /// Nodes.
        nodes: usize,
        /// Bytes of the largest.
        largest: usize,
    },
    /// The nodes do not lead from the root to the value.
    #[error("proof of {what} does not verify: {reason}")]
    Invalid {
        /// Account or slot.
        what: &'static str,
        /// Where it fails.
        reason: String,
    },
}

/// What a node says about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountClaim {
    /// The account.
    pub address: Address,
    /// Transactions sent.
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    /// Root of its storage trie.
    pub storage_root: B256,
    /// keccak256 of its code.
    pub code_hash: B256,
}

/// What a node says about a storage slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageClaim {
    /// The slot.
    pub slot: B256,
    /// Its value; zero means that the slot is not in the trie.
    pub value: U256,
}

/// Checks that an existing account is in the state.
///
/// # Errors
/// [`ProofError`] for anything but a valid proof of exactly this account.
pub fn verify_account(state_root: B256, claim: &AccountClaim, proof: &[Bytes]) -> Result<(), ProofError> {
    let account = TrieAccount::new(claim.nonce, claim.balance, claim.storage_root, claim.code_hash);
    verify("account", state_root, keccak256(claim.address), Some(alloy_rlp::encode(account)), proof)
}

/// Checks that a slot has a value (or, for zero, is absent).
///
/// # Errors
/// [`ProofError`] for anything but a valid proof of exactly this value.
pub fn verify_storage(storage_root: B256, claim: &StorageClaim, proof: &[Bytes]) -> Result<(), ProofError> {
    let key = keccak256(claim.slot);
    if !claim.value.is_zero() {
        return verify("slot", storage_root, key, Some(alloy_rlp::encode(claim.value)), proof);
    }
    // The specification knows no zero in a trie (a cleared slot is taken out); some nodes keep a leaf with one all the same,
    // and then that is what leads to the root. Either proof says the same of the slot.
    verify("slot", storage_root, key, None, proof)
        .or_else(|_| verify("slot", storage_root, key, Some(alloy_rlp::encode(U256::ZERO)), proof))
}

/// The three storage slots of the outbox towards a destination, as the mapping is the gateway's first variable: the
/// accumulator; a word with the nonce in its lowest 64 bits and the generation in the 32 above; the far gateway.
pub fn outbox_slots(destination: u64) -> [B256; 3] {
    let first = mapping_slot(destination, B256::ZERO);
    [first, after(first, 1), after(first, 2)]
}

/// The storage slot of a lane's kept accumulator of message `256 × index`: a mapping of mappings, the gateway's second
/// variable.
pub fn snapshot_slot(lane: B256, index: u64) -> B256 {
    let of_lane = keccak256([lane.0, B256::with_last_byte(1).0].concat());
    mapping_slot(index, of_lane)
}

/// The two storage slots of an epoch, as the mapping is the registry's first variable: the set's hash, and a word whose
/// lowest 64 bits are the hub's time.
pub fn epoch_slots(epoch: u64) -> [B256; 2] {
    let first = mapping_slot(epoch, B256::ZERO);
    [first, after(first, 1)]
}

/// The registry's third variable: the newest epoch in its lowest 64 bits, the newest signed one in the 64 above.
pub fn epoch_progress_slot() -> B256 {
    B256::with_last_byte(2)
}

/// Of `mapping(uint64 => …)` in a slot: `keccak256(abi.encode(key, slot))`.
fn mapping_slot(key: u64, slot: B256) -> B256 {
    let mut words = [0u8; 64];
    words[24..32].copy_from_slice(&key.to_be_bytes());
    words[32..].copy_from_slice(slot.as_slice());
    keccak256(words)
}

fn after(slot: B256, words: u64) -> B256 {
    U256::from_be_bytes(slot.0).wrapping_add(U256::from(words)).into()
}

fn verify(
    what: &'static str,
    root: B256,
    key: B256,
    expected: Option<Vec<u8>>,
    proof: &[Bytes],
) -> Result<(), ProofError> {
    let largest = proof.iter().map(|node| node.len()).max().unwrap_or(0);
    if proof.len() > MAX_NODES || largest > MAX_NODE_LENGTH {
        return Err(ProofError::Oversized { nodes: proof.len(), largest });
    }
    // The trie library asserts on paths of more than 64 nibbles, which nodes chosen together with a root can spell.
    catch_unwind(AssertUnwindSafe(|| verify_proof(root, Nibbles::unpack(key), expected, proof)))
        .map_err(|_| ProofError::Invalid { what, reason: "path is longer than a key".to_owned() })?
        .map_err(|error| ProofError::Invalid { what, reason: short(&error.to_string()) })
}

/// The library prints whole nodes, which nobody reads.
fn short(reason: &str) -> String {
    const MOST: usize = 120;
    match reason.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}
