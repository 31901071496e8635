//! Proofs of accounts and slots. Small true tries are built, proofs and claims are altered: what is still accepted is
//! true. And nodes made up together with their root: nothing panics, and no root proves two values of one key.
#![no_main]

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
use arbitrary::{Arbitrary, Unstructured};
use icc_evm_proof::{AccountClaim, StorageClaim, verify_account, verify_storage};
use libfuzzer_sys::fuzz_target;

/// What is done to the list of nodes.
#[derive(Arbitrary, Debug)]
enum Change {
    Remove(u8),
    Repeat(u8),
    Cut(u8, u8),
    Flip(u8, u16, u8),
    Insert(u8, Vec<u8>),
    /// A node of another key's true proof.
    Transplant(u8, u8),
    Swap(u8, u8),
}

#[derive(Arbitrary, Debug)]
struct Slots {
    slots: Vec<(u8, Value)>,
    proved: u8,
    other: u8,
    claimed: u8,
    value: Option<Value>,
    changes: Vec<Change>,
}

/// Values of all lengths in few bytes.
#[derive(Arbitrary, Debug, Clone, Copy)]
struct Value(u8, u8);

impl Value {
    fn number(self) -> U256 {
        U256::from(self.0) << usize::from(self.1)
    }
}

#[derive(Arbitrary, Debug)]
struct Accounts {
    accounts: Vec<Account>,
    proved: u8,
    other: u8,
    claimed: u8,
    claim: Option<Account>,
    changes: Vec<Change>,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
struct Account {
    name: u8,
    nonce: u8,
    balance: Value,
    storage: u8,
    code: u8,
}

impl Account {
    fn claim(self) -> AccountClaim {
        AccountClaim {
            address: Address::repeat_byte(self.name),
            nonce: self.nonce.into(),
            balance: self.balance.number(),
            storage_root: B256::repeat_byte(self.storage),
            code_hash: B256::repeat_byte(self.code),
        }
    }
}

/// Nodes whose hashes fit together: each is `before ‖ hash of the next ‖ after`.
#[derive(Arbitrary, Debug)]
struct MadeUp {
    nodes: Vec<(Vec<u8>, Vec<u8>)>,
    slot: u8,
    values: [Value; 2],
}

#[derive(Arbitrary, Debug)]
enum Input {
    Slots(Slots),
    Accounts(Accounts),
    MadeUp(MadeUp),
}

fuzz_target!(
    init: {
        // The verifier catches one assertion of the trie library, which must not end the run; all other panics do, since
        // nothing catches them.
        std::panic::set_hook(Box::new(|panic| {
            if panic.location().is_some_and(|at| at.file().contains("fuzz_targets")) {
                eprintln!("{panic}");
            }
        }));
    },
    |data: &[u8]| {
        match Input::arbitrary_take_rest(Unstructured::new(data)) {
            Ok(Input::Slots(input)) => slots(&input),
            Ok(Input::Accounts(input)) => accounts(&input),
            Ok(Input::MadeUp(input)) => made_up(&input),
            Err(_) => {}
        }
    }
);

/// Root of a trie and the true proof of a key.
fn prove(leaves: &BTreeMap<B256, Vec<u8>>, key: B256) -> (B256, Vec<Bytes>) {
    let target = Nibbles::unpack(key);
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    (root, builder.take_proof_nodes().into_nodes_sorted().into_iter().map(|(_, node)| node).collect())
}

fn alter(proof: &mut Vec<Bytes>, other: &[Bytes], changes: &[Change]) {
    for change in changes.iter().take(8) {
        let count = proof.len();
        let at = |place: &u8| usize::from(*place) % count.max(1);
        match change {
            Change::Insert(place, node) => proof.insert(at(place), node.clone().into()),
            Change::Transplant(place, from) if !other.is_empty() => {
                let node = other[usize::from(*from) % other.len()].clone();
                if count == 0 { proof.push(node) } else { proof[at(place)] = node }
            }
            _ if count == 0 => {}
            Change::Remove(place) => drop(proof.remove(at(place))),
            Change::Repeat(place) => proof.insert(at(place), proof[at(place)].clone()),
            Change::Swap(one, two) => proof.swap(at(one), at(two)),
            Change::Cut(place, length) => {
                let node = &mut proof[at(place)];
                *node = node.slice(..node.len().saturating_sub(usize::from(*length)));
            }
            Change::Flip(place, byte, mask) => {
                let mut node = proof[at(place)].to_vec();
                let length = node.len().max(1);
                if let Some(byte) = node.get_mut(usize::from(*byte) % length) {
                    *byte ^= mask;
                }
                proof[at(place)] = node.into();
            }
            Change::Transplant(..) => {}
        }
    }
}

fn slots(input: &Slots) {
    let slot = |name: u8| B256::repeat_byte(name);
    let mut truth = BTreeMap::new();
    for (name, value) in input.slots.iter().take(64) {
        truth.insert(*name, value.number());
    }
    truth.retain(|_, value| !value.is_zero());
    let leaves: BTreeMap<B256, Vec<u8>> =
        truth.iter().map(|(name, value)| (keccak256(slot(*name)), alloy_rlp::encode(value))).collect();
    let of = |name: u8| truth.get(&name).copied().unwrap_or_default();
    let (root, mut proof) = prove(&leaves, keccak256(slot(input.proved)));
    let claim = StorageClaim { slot: slot(input.proved), value: of(input.proved) };
    assert_eq!(verify_storage(root, &claim, &proof), Ok(()), "a true proof");
    let (_, other) = prove(&leaves, keccak256(slot(input.other)));
    alter(&mut proof, &other, &input.changes);
    let value = input.value.map_or_else(|| of(input.claimed), Value::number);
    for value in [value, U256::ZERO, of(input.proved)] {
        let claim = StorageClaim { slot: slot(input.claimed), value };
        if verify_storage(root, &claim, &proof).is_ok() {
            assert_eq!(value, of(input.claimed), "a false value was accepted");
        }
    }
}

fn accounts(input: &Accounts) {
    let truth: BTreeMap<u8, AccountClaim> =
        input.accounts.iter().take(32).map(|account| (account.name, account.claim())).collect();
    let encode = |claim: &AccountClaim| {
        alloy_rlp::encode(TrieAccount::new(claim.nonce, claim.balance, claim.storage_root, claim.code_hash))
    };
    let leaves = truth.values().map(|claim| (keccak256(claim.address), encode(claim))).collect();
    let key = |name: u8| keccak256(Address::repeat_byte(name));
    let (root, mut proof) = prove(&leaves, key(input.proved));
    if let Some(claim) = truth.get(&input.proved) {
        assert_eq!(verify_account(root, claim, &proof), Ok(()), "a true proof");
    }
    let (_, other) = prove(&leaves, key(input.other));
    alter(&mut proof, &other, &input.changes);
    let claims = [input.claim.map(Account::claim), truth.get(&input.claimed).cloned()];
    for claim in claims.into_iter().flatten() {
        if verify_account(root, &claim, &proof).is_ok() {
            assert_eq!(truth.get(&claim.address[0]), Some(&claim), "a false account was accepted");
        }
    }
}

fn made_up(input: &MadeUp) {
    let mut proof: Vec<Bytes> = Vec::new();
    let mut root = B256::ZERO;
    for (before, after) in input.nodes.iter().rev().take(80) {
        let mut node = before.clone();
        if !proof.is_empty() {
            node.extend(root);
        }
        node.extend(after);
        root = keccak256(&node);
        proof.insert(0, node.into());
    }
    let values = [U256::ZERO, input.values[0].number(), input.values[1].number()];
    let mut accepted = None;
    for value in values {
        let claim = StorageClaim { slot: B256::repeat_byte(input.slot), value };
        if verify_storage(root, &claim, &proof).is_ok() {
            assert!(accepted.is_none_or(|other| other == value), "one root, two values");
            accepted = Some(value);
        }
    }
}
