//! `vectors/from-rust.json` is made here and checked by Solidity (`contracts/test/Vectors.t.sol`);
//! `vectors/from-solidity.json` is made there and checked here. `ICC_WRITE_VECTORS=1` makes this side anew.

use std::{fs, path::PathBuf};

use alloy_primitives::{Address, B256, Bytes, hex, keccak256};
use icc_protocol::{
    ChainId, Checkpoint, Domain, Kind, Lane, LaneId, Message, NetworkId, ValidatorSet, fold, message_id,
};
use serde::{Deserialize, Serialize};

const CASES: u64 = 12;

/// Numbers are decimal strings: JSON's own lose precision above 2^53.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    network: B256,
    source_chain: String,
    source_gateway: B256,
    destination_chain: String,
    destination_gateway: B256,
    generation: String,
    lane: B256,
    kind: String,
    nonce: String,
    deadline: String,
    gas_limit: String,
    sender: B256,
    recipient: B256,
    payload: Bytes,
    encoded: Bytes,
    leaf: B256,
    message_id: B256,
    before: B256,
    accumulator: B256,
    checkpoint_digest: B256,
    epoch: String,
    hub_time: String,
    set: Bytes,
    set_hash: B256,
    set_digest: B256,
    /// Of the set's first member, and the epoch.
    jail_digest: B256,
    refuse_digest: B256,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name)
}

/// Everything that follows from a case's inputs, computed by this implementation.
fn complete(case: &Case) -> Case {
    let lane = Lane {
        network: NetworkId(case.network),
        source_chain: ChainId(case.source_chain.parse().unwrap()),
        source_gateway: case.source_gateway,
        destination_chain: ChainId(case.destination_chain.parse().unwrap()),
        destination_gateway: case.destination_gateway,
        generation: case.generation.parse().unwrap(),
    }
    .id();
    let message = Message {
        kind: match case.kind.as_str() {
            "1" => Kind::Call,
            "2" => Kind::Refund,
            _ => Kind::Evidence,
        },
        nonce: case.nonce.parse().unwrap(),
        deadline: case.deadline.parse().unwrap(),
        gas_limit: case.gas_limit.parse().unwrap(),
        sender: case.sender,
        recipient: case.recipient,
        payload: case.payload.clone(),
    };
    let leaf = message.leaf();
    let accumulator = fold(case.before, leaf);
    let domain = Domain::new(NetworkId(case.network));
    let checkpoint = Checkpoint { lane, nonce: message.nonce, accumulator };
    let set_hash = ValidatorSet::decode(&case.set).unwrap().hash();
    let (first, epoch) = (Address::from_slice(&case.set[..20]), case.epoch.parse().unwrap());
    let set_digest = domain.set_digest(epoch, set_hash, case.hub_time.parse().unwrap());
    Case {
        lane: lane.0,
        encoded: message.encode().into(),
        leaf,
        message_id: message_id(LaneId(lane.0), leaf),
        accumulator,
        checkpoint_digest: domain.checkpoint_digest(&checkpoint),
        set_hash,
        set_digest,
        jail_digest: domain.jail_digest(first, epoch),
        refuse_digest: domain.refuse_digest(first, epoch),
        ..case.clone()
    }
}

fn make(seed: u64) -> Case {
    let hash = |what: &str| keccak256(format!("{what} {seed}"));
    let number = |what: &str| u64::from_be_bytes(hash(what)[..8].try_into().unwrap());
    let mut set: Vec<Address> =
        (0..=seed).map(|i| Address::from_word(keccak256(format!("{seed} {i}")))).collect();
    set.sort();
    let payload = hash("payload").repeat(usize::try_from(seed * seed).unwrap());
    let case = Case {
        network: hash("network"),
        source_chain: number("source").to_string(),
        source_gateway: hash("source gateway"),
        destination_chain: (seed + 1).to_string(),
        destination_gateway: hash("destination gateway"),
        generation: (number("generation") as u32).to_string(),
        lane: B256::ZERO,
        kind: (1 + seed % 3).to_string(),
        nonce: if seed == 0 { u64::MAX } else { number("nonce") }.to_string(),
        deadline: if seed.is_multiple_of(2) { 0 } else { number("deadline") }.to_string(),
        gas_limit: (number("gas") as u32).to_string(),
        sender: hash("sender"),
        recipient: hash("recipient"),
        payload: payload[..payload.len() - usize::try_from(seed % 2).unwrap()].to_vec().into(),
        encoded: Bytes::new(),
        leaf: B256::ZERO,
        message_id: B256::ZERO,
        before: hash("before"),
        accumulator: B256::ZERO,
        checkpoint_digest: B256::ZERO,
        epoch: number("epoch").to_string(),
        hub_time: number("hub time").to_string(),
        set: ValidatorSet::new(set).unwrap().encode().into(),
        set_hash: B256::ZERO,
        set_digest: B256::ZERO,
        jail_digest: B256::ZERO,
        refuse_digest: B256::ZERO,
    };
    complete(&case)
}

#[test]
fn our_vectors_are_what_we_compute() {
    let vectors = Vectors { cases: (0..CASES).map(make).collect() };
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    if std::env::var_os("ICC_WRITE_VECTORS").is_some() {
        fs::write(path("from-rust.json"), &text).unwrap();
    }
    let committed = fs::read_to_string(path("from-rust.json")).unwrap();
    assert!(committed == text, "vectors/from-rust.json is not what this code computes");
}

#[test]
fn soliditys_vectors_are_what_we_compute() {
    let text = fs::read_to_string(path("from-solidity.json")).unwrap();
    let vectors: Vectors = serde_json::from_str(&text).unwrap();
    assert!(!vectors.cases.is_empty());
    for case in &vectors.cases {
        assert_eq!(&complete(case), case, "0x{}", hex::encode(case.lane));
    }
}
