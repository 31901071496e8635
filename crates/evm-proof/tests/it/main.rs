//! Proofs of real tries verify; anything changed in them is refused, and never panics.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{HashBuilder, KECCAK_EMPTY, Nibbles, TrieAccount, proof::ProofRetainer};
use icc_evm_proof::{
    AccountClaim, ProofError, StorageClaim, outbox_slots, snapshot_slot, verify_account, verify_header,
    verify_storage,
};
use proptest::{collection::vec, prelude::*};

/// Root of a trie and the proof of one key.
fn trie(leaves: &BTreeMap<B256, Vec<u8>>, key: B256) -> (B256, Vec<Bytes>) {
    let target = Nibbles::unpack(key);
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let proof = builder.take_proof_nodes().into_nodes_sorted().into_iter().map(|(_, node)| node).collect();
    (root, proof)
}

fn storage(slots: &[(B256, u64)], slot: B256) -> (B256, Vec<Bytes>) {
    let leaves =
        slots.iter().map(|(slot, value)| (keccak256(slot), alloy_rlp::encode(U256::from(*value)))).collect();
    trie(&leaves, keccak256(slot))
}

fn slots() -> impl Strategy<Value = Vec<(B256, u64)>> {
    vec((any::<[u8; 32]>().prop_map(B256::from), 1..u64::MAX), 1..40)
}

/// Changes one byte of one node, or removes, repeats or cuts a node.
fn mutate(proof: &mut Vec<Bytes>, node: usize, byte: usize, how: u8) -> bool {
    if proof.is_empty() {
        return false;
    }
    let node = node % proof.len();
    match how % 4 {
        0 => drop(proof.remove(node)),
        1 => proof.insert(node, proof[node].clone()),
        2 => proof[node] = proof[node].slice(..proof[node].len() - 1),
        _ => {
            let mut bytes = proof[node].to_vec();
            let at = byte % bytes.len();
            bytes[at] ^= 1 + how / 4;
            proof[node] = bytes.into();
        }
    }
    true
}

proptest! {
    #[test]
    fn true_slots_verify_and_other_values_do_not(slots in slots(), at in any::<prop::sample::Index>(), other in any::<u64>()) {
        let (slot, value) = slots[at.index(slots.len())];
        let value = slots.iter().rev().find(|(known, _)| *known == slot).map_or(value, |(_, value)| *value);
        let (root, proof) = storage(&slots, slot);
        let claim = |value: u64| StorageClaim { slot, value: U256::from(value) };
        prop_assert_eq!(verify_storage(root, &claim(value), &proof), Ok(()));
        if other != value {
            prop_assert!(verify_storage(root, &claim(other), &proof).is_err());
        }
        prop_assert!(verify_storage(root, &claim(0), &proof).is_err(), "a set slot is not absent");
        prop_assert!(verify_storage(keccak256(root), &claim(value), &proof).is_err(), "another root");
    }

    #[test]
    fn absent_slots_are_zero_and_nothing_else(slots in slots(), slot in any::<[u8; 32]>().prop_map(B256::from)) {
        prop_assume!(slots.iter().all(|(known, _)| *known != slot));
        let (root, proof) = storage(&slots, slot);
        prop_assert_eq!(verify_storage(root, &StorageClaim { slot, value: U256::ZERO }, &proof), Ok(()));
        let one = StorageClaim { slot, value: U256::from(1) };
        prop_assert!(verify_storage(root, &one, &proof).is_err());
    }

    #[test]
    fn mutated_proofs_are_refused(slots in slots(), at in any::<prop::sample::Index>(), node in any::<usize>(), byte in any::<usize>(), how in any::<u8>()) {
        let (slot, _) = slots[at.index(slots.len())];
        let value = slots.iter().rev().find(|(known, _)| *known == slot).unwrap().1;
        let (root, mut proof) = storage(&slots, slot);
        prop_assume!(mutate(&mut proof, node, byte, how));
        let claim = StorageClaim { slot, value: U256::from(value) };
        prop_assert!(verify_storage(root, &claim, &proof).is_err());
        let absent = StorageClaim { value: U256::ZERO, ..claim };
        prop_assert!(verify_storage(root, &absent, &proof).is_err());
    }

    #[test]
    fn every_field_of_an_account_is_proved(nonce in any::<u64>(), balance in any::<u64>(), root in any::<[u8; 32]>(), others in vec(any::<[u8; 20]>(), 0..30)) {
        let claim = AccountClaim {
            address: Address::repeat_byte(7),
            nonce,
            balance: U256::from(balance),
            storage_root: B256::from(root),
            code_hash: KECCAK_EMPTY,
        };
        let encode = |nonce, root| alloy_rlp::encode(TrieAccount::new(nonce, claim.balance, root, KECCAK_EMPTY));
        let mut leaves: BTreeMap<B256, Vec<u8>> =
            others.iter().map(|other| (keccak256(other), encode(1, B256::ZERO))).collect();
        leaves.insert(keccak256(claim.address), encode(nonce, claim.storage_root));
        let (state_root, proof) = trie(&leaves, keccak256(claim.address));
        prop_assert_eq!(verify_account(state_root, &claim, &proof), Ok(()));
        for changed in [
            AccountClaim { address: Address::repeat_byte(8), ..claim.clone() },
            AccountClaim { nonce: nonce ^ 1, ..claim.clone() },
            AccountClaim { balance: claim.balance ^ U256::from(1), ..claim.clone() },
            AccountClaim { storage_root: keccak256(root), ..claim.clone() },
            AccountClaim { code_hash: B256::ZERO, ..claim.clone() },
        ] {
            prop_assert!(verify_account(state_root, &changed, &proof).is_err());
        }
    }

    #[test]
    fn arbitrary_nodes_never_panic(root in any::<[u8; 32]>(), nodes in vec(vec(any::<u8>(), 0..600), 0..70)) {
        let nodes: Vec<Bytes> = nodes.into_iter().map(Bytes::from).collect();
        let claim = StorageClaim { slot: B256::ZERO, value: U256::from(1) };
        prop_assert!(verify_storage(B256::from(root), &claim, &nodes).is_err());
    }

    #[test]
    fn every_field_of_a_header_is_in_its_hash(number in any::<u64>(), timestamp in any::<u64>(), root in any::<[u8; 32]>()) {
        let header = Header { number, timestamp, state_root: B256::from(root), ..Header::default() };
        let hash = header.hash_slow();
        prop_assert!(verify_header(&header, hash).is_ok());
        for changed in [
            Header { number: number ^ 1, ..header.clone() },
            Header { timestamp: timestamp ^ 1, ..header.clone() },
            Header { state_root: keccak256(root), ..header },
        ] {
            prop_assert!(verify_header(&changed, hash).is_err());
        }
    }
}

/// Nodes chosen together with their root can spell a path longer than any key.
#[test]
fn a_path_longer_than_a_key_is_refused() {
    let extension = |child: B256| {
        // [compact path of 62 even nibbles, child]
        let mut path = vec![0x00];
        path.extend([0x11; 31]);
        let mut out = Vec::new();
        alloy_rlp::encode_list::<Bytes, Bytes>(
            &[Bytes::from(path), Bytes::copy_from_slice(child.as_slice())],
            &mut out,
        );
        Bytes::from(out)
    };
    let last = extension(B256::repeat_byte(1));
    let first = extension(keccak256(&last));
    let claim = StorageClaim { slot: B256::ZERO, value: U256::from(1) };
    assert!(verify_storage(keccak256(&first), &claim, &[first.clone(), last]).is_err());
}

#[test]
fn oversized_proofs_are_refused_unread() {
    let claim = StorageClaim { slot: B256::ZERO, value: U256::from(1) };
    let many = vec![Bytes::from_static(b"x"); 66];
    assert!(matches!(
        verify_storage(B256::ZERO, &claim, &many),
        Err(ProofError::Oversized { nodes: 66, .. })
    ));
    let large = vec![Bytes::from(vec![0; 1025])];
    assert!(matches!(
        verify_storage(B256::ZERO, &claim, &large),
        Err(ProofError::Oversized { largest: 1025, .. })
    ));
}

/// The slots that the gateway's tests read as well (`test_accumulatorIsWhereValidatorsProveIt`).
#[test]
fn the_outbox_slots_are_the_mappings() {
    let words = [B256::left_padding_from(&1002u64.to_be_bytes()).0, [0; 32]].concat();
    let first = U256::from_be_bytes(keccak256(words).0);
    let expected = [0u64, 1, 2].map(|word| B256::from(first + U256::from(word)));
    assert_eq!(outbox_slots(1002), expected);
    let lane = B256::repeat_byte(7);
    let of_lane = keccak256([lane.0, B256::with_last_byte(1).0].concat());
    let kept = keccak256([B256::with_last_byte(5).0, of_lane.0].concat());
    assert_eq!(snapshot_slot(lane, 5), kept);
}

/// Some nodes keep a cleared slot as a leaf with zero instead of taking it out: that it is empty is proved all the same.
#[test]
fn a_cleared_slot_is_proved_by_absence_or_by_a_zero() {
    let slot = B256::repeat_byte(3);
    let of =
        |value: U256| trie(&BTreeMap::from([(keccak256(slot), alloy_rlp::encode(value))]), keccak256(slot));
    let claim = |value| StorageClaim { slot, value };
    let (root, proof) = of(U256::ZERO);
    verify_storage(root, &claim(U256::ZERO), &proof).unwrap();
    assert!(verify_storage(root, &claim(U256::from(1)), &proof).is_err());
    // Nothing else passes for empty.
    let (root, proof) = of(U256::from(1));
    assert!(verify_storage(root, &claim(U256::ZERO), &proof).is_err());
}
