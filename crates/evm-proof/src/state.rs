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
    let expected = (!claim.value.is_zero()).then(|| alloy_rlp::encode(claim.value));
    verify("slot", storage_root, keccak256(claim.slot), expected, proof)
}

/// The storage slot of the accumulator towards a destination, as the mapping is the gateway's first variable.
pub fn outbox_slot(destination: u64) -> B256 {
    first_mapping_slot(destination)
}

/// The two storage slots of an epoch, as the mapping is the registry's first variable: the set's hash, and a word whose
/// lowest 64 bits are the hub's time.
pub fn epoch_slots(epoch: u64) -> [B256; 2] {
    let first = first_mapping_slot(epoch);
    [first, (U256::from_be_bytes(first.0).wrapping_add(U256::ONE)).into()]
}

/// Of `mapping(uint64 => …)` in slot 0: `keccak256(abi.encode(key, 0))`.
fn first_mapping_slot(key: u64) -> B256 {
    let mut words = [0u8; 64];
    words[24..32].copy_from_slice(&key.to_be_bytes());
    keccak256(words)
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
        .map_err(|error| ProofError::Invalid { what, reason: error.to_string() })
}
