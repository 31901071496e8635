//! Proofs of `eth_getProof` with something else in their leaf, hashed anew up to another root.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256, hex, keccak256};
use serde_json::{Value, json};

/// A path from a root to a leaf.
type Path = Vec<Vec<u8>>;

/// Nodes that have been replaced, by their hash.
type Replaced = BTreeMap<B256, Vec<u8>>;

/// Writes `new` over `old` (of the same length) in a path's leaf, and every hash above it anew; returns what was
/// replaced and the new root. `None` if `old` is not in the leaf.
fn rehash(path: &[Vec<u8>], old: &[u8], new: &[u8]) -> Option<(Replaced, B256)> {
    let (mut old, mut new) = (old.to_vec(), new.to_vec());
    let mut replaced = Replaced::new();
    let mut root = None;
    for node in path.iter().rev() {
        let at = node.windows(old.len()).rposition(|window| window == old)?;
        let mut altered = node.clone();
        altered[at..at + new.len()].copy_from_slice(&new);
        let (hash, altered_hash) = (keccak256(node), keccak256(&altered));
        (old, new) = (hash.to_vec(), altered_hash.to_vec());
        replaced.insert(hash, altered);
        root = Some(altered_hash);
    }
    Some((replaced, root?))
}

fn read(path: &Value) -> Option<Path> {
    path.as_array()?.iter().map(|node| hex::decode(node.as_str()?).ok()).collect()
}

fn write(path: &Path) -> Value {
    json!(path.iter().map(hex::encode_prefixed).collect::<Vec<_>>())
}

fn apply(path: &mut Value, replaced: &Replaced) -> Option<()> {
    let mut nodes = read(path)?;
    for node in &mut nodes {
        if let Some(altered) = replaced.get(&keccak256(&*node)) {
            node.clone_from(altered);
        }
    }
    *path = write(&nodes);
    Some(())
}

/// Changes the first slot that has a value, with all paths of the storage trie as they must be for it. Returns the
/// root that they lead to.
pub(super) fn alter_slot(proof: &mut Value) -> Option<B256> {
    let slots = proof["storageProof"].as_array_mut()?;
    let known = |slot: &Value| slot["value"].as_str().is_some_and(|value| value.len() > 4);
    let slot = slots.iter_mut().find(|slot| known(slot))?;
    let value: U256 = serde_json::from_value(slot["value"].clone()).ok()?;
    let altered = value ^ U256::from(1);
    let (replaced, root) =
        rehash(&read(&slot["proof"])?, &value.to_be_bytes_trimmed_vec(), &altered.to_be_bytes_trimmed_vec())?;
    slot["value"] = json!(altered);
    for slot in slots {
        apply(&mut slot["proof"], &replaced)?;
    }
    Some(root)
}

/// Gives the account another storage root, with the path of the state trie as it must be for it.
pub(super) fn alter_account(proof: &mut Value, storage_root: B256) -> Option<B256> {
    let before: B256 = serde_json::from_value(proof["storageHash"].clone()).ok()?;
    let (replaced, state_root) =
        rehash(&read(&proof["accountProof"])?, before.as_slice(), storage_root.as_slice())?;
    apply(&mut proof["accountProof"], &replaced)?;
    proof["storageHash"] = json!(storage_root);
    Some(state_root)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes};
    use alloy_trie::{HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
    use icc_evm_proof::{AccountClaim, StorageClaim, verify_account, verify_storage};

    use super::*;

    /// Root of a trie, and the proofs of some of its keys.
    fn trie(leaves: BTreeMap<B256, Vec<u8>>, keys: &[B256]) -> (B256, Vec<Vec<Bytes>>) {
        let paths: Vec<Nibbles> = keys.iter().map(Nibbles::unpack).collect();
        let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(paths.clone()));
        for (key, value) in &leaves {
            builder.add_leaf(Nibbles::unpack(key), value);
        }
        let root = builder.root();
        let nodes = builder.take_proof_nodes();
        let proof = |path: &Nibbles| nodes.matching_nodes_sorted(path).into_iter().map(|(_, n)| n).collect();
        (root, paths.iter().map(proof).collect())
    }

    fn bytes(path: &Value) -> Vec<Bytes> {
        serde_json::from_value(path.clone()).unwrap()
    }

    /// A forgery is right in itself, for every slot, and leads to another root than the true one: nothing but the root
    /// gives it away.
    #[test]
    fn forged_proofs_verify_against_their_own_roots_alone() {
        let slots: Vec<B256> = (0..40u64).map(|n| keccak256(n.to_be_bytes())).collect();
        let leaves = slots
            .iter()
            .map(|slot| (keccak256(slot), alloy_rlp::encode(U256::from_be_bytes(keccak256(slot).0) >> 1)));
        let absent = B256::repeat_byte(9);
        let asked = [absent, slots[3], slots[4]];
        let (storage_root, paths) = trie(leaves.collect(), &asked.map(keccak256));
        let value = |slot: &B256| U256::from_be_bytes(keccak256(slot).0) >> 1;
        let address = Address::repeat_byte(5);
        let account = TrieAccount::new(3, U256::from(4), storage_root, B256::repeat_byte(6));
        let accounts = (0..30u64).map(|n| (keccak256(n.to_be_bytes()), vec![7; 70]));
        let accounts = accounts.chain([(keccak256(address), alloy_rlp::encode(account))]);
        let (state_root, account_path) = trie(accounts.collect(), &[keccak256(address)]);
        let mut proof = json!({
            "storageHash": storage_root,
            "accountProof": account_path[0],
            "storageProof": [
                {"key": absent, "value": "0x0", "proof": paths[0]},
                {"key": slots[3], "value": value(&slots[3]), "proof": paths[1]},
                {"key": slots[4], "value": value(&slots[4]), "proof": paths[2]},
            ],
        });

        let forged_root = alter_slot(&mut proof).unwrap();
        assert_ne!(forged_root, storage_root);
        let mut altered = 0;
        for (told, (slot, was)) in proof["storageProof"].as_array().unwrap().iter().zip(asked.iter().zip([
            U256::ZERO,
            value(&slots[3]),
            value(&slots[4]),
        ])) {
            let value: U256 = serde_json::from_value(told["value"].clone()).unwrap();
            altered += usize::from(value != was);
            let claim = StorageClaim { slot: *slot, value };
            verify_storage(forged_root, &claim, &bytes(&told["proof"])).unwrap();
            assert!(verify_storage(storage_root, &claim, &bytes(&told["proof"])).is_err());
        }
        assert_eq!(altered, 1);

        let forged_state = alter_account(&mut proof, forged_root).unwrap();
        let claim = AccountClaim {
            address,
            nonce: 3,
            balance: U256::from(4),
            storage_root: serde_json::from_value(proof["storageHash"].clone()).unwrap(),
            code_hash: B256::repeat_byte(6),
        };
        assert_eq!(claim.storage_root, forged_root);
        verify_account(forged_state, &claim, &bytes(&proof["accountProof"])).unwrap();
        assert!(verify_account(state_root, &claim, &bytes(&proof["accountProof"])).is_err());
    }
}
