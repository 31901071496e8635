//! Evidence, signed sets and words on who is silent as strangers bring them: JSON, then signatures and arithmetic. Nothing
//! accuses a key that has signed nothing, or no more than the truth.
#![no_main]

use std::sync::LazyLock;

use alloy_primitives::B256;
use arbitrary::{Arbitrary, Unstructured};
use icc_attest::{Attestation, Evidence, JailWord, Outbox, SignedSet};
use icc_protocol::{
    ChainId, Checkpoint, CompactSignature, Domain, EpochRecord, Lane, NetworkId, fold,
};
use icc_service::{KeySource, Signer};
use libfuzzer_sys::fuzz_target;

const NETWORK: NetworkId = NetworkId(B256::repeat_byte(1));

/// A fixed key, of an honest validator.
static HONEST: LazyLock<Signer> = LazyLock::new(|| {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, "01".repeat(32).as_bytes()).expect("a key can be written");
    KeySource::File(file.path().to_owned()).read_one().expect("a key")
});

/// What is brought against it: of an outbox with `messages` messages, its words on two nonces, and anything beside.
#[derive(Arbitrary, Debug)]
struct Brought {
    kind: u8,
    messages: u8,
    nonces: (u8, u8),
    told_nonce: u8,
    told: Option<u8>,
    /// How many leaves, from which on.
    leaves: (u8, u8),
    end: Option<u8>,
    hub_times: (u8, u8),
    /// Place and mask, over the first word.
    flips: Vec<(u8, u8)>,
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    if choice % 2 == 0 {
        json(bytes);
    } else if let Ok(brought) = Brought::arbitrary_take_rest(Unstructured::new(bytes)) {
        accuse(&brought);
    }
});

fn json(body: &[u8]) {
    let own = HONEST.address();
    if let Ok(evidence) = serde_json::from_slice::<Evidence>(body) {
        let text = serde_json::to_string(&evidence).expect("evidence can be written");
        assert_eq!(serde_json::from_str::<Evidence>(&text).expect("and read"), evidence);
        assert_ne!(evidence.verify().map(|proved| proved.signer), Ok(own), "it has signed nothing");
    }
    let domain = Domain::new(NETWORK);
    if let Ok(set) = serde_json::from_slice::<SignedSet>(body) {
        assert_ne!(set.record().signer(&domain, &set.signature), Ok(own), "it has signed nothing");
    }
    if let Ok(word) = serde_json::from_slice::<JailWord>(body) {
        assert_ne!(word.signer(&domain), Ok(own), "it has signed nothing");
    }
}

fn accuse(brought: &Brought) {
    let (evidence, truth) = match brought.kind % 3 {
        0 => equivocation(brought),
        1 => false_checkpoint(brought),
        _ => false_set(brought),
    };
    if evidence.verify().is_ok_and(|proved| proved.signer == HONEST.address()) {
        assert!(!truth, "accused by the truth: {evidence:?}");
    }
}

fn lane() -> Lane {
    Lane {
        network: NETWORK,
        source_chain: ChainId(1),
        source_gateway: B256::repeat_byte(2),
        destination_chain: ChainId(3),
        destination_gateway: B256::repeat_byte(4),
        generation: 1,
    }
}

fn leaf(number: u8) -> B256 {
    B256::repeat_byte(number)
}

/// The accumulator at a nonce of an outbox whose leaves are 1, 2, 3…
fn accumulator(nonce: u8) -> B256 {
    (1..=nonce).fold(lane().id().0, |so_far, number| fold(so_far, leaf(number)))
}

fn truth(nonce: u8) -> Attestation {
    let checkpoint =
        Checkpoint { lane: lane().id(), nonce: u64::from(nonce), accumulator: accumulator(nonce) };
    let Checkpoint { lane, nonce, accumulator } = checkpoint;
    let signature = sign(&Domain::new(NETWORK).checkpoint_digest(&checkpoint));
    Attestation { lane, nonce, accumulator, signature }
}

fn sign(digest: &B256) -> CompactSignature {
    HONEST.sign(digest).expect("a signature")
}

fn flipped(word: Attestation, flips: &[(u8, u8)]) -> Attestation {
    let Attestation { lane, nonce, accumulator, signature } = word;
    let mut bytes =
        [lane.0.as_slice(), &nonce.to_be_bytes(), accumulator.as_slice(), signature.0.as_slice()].concat();
    for (place, mask) in flips.iter().take(8) {
        let place = usize::from(*place) % bytes.len();
        bytes[place] ^= mask;
    }
    Attestation {
        lane: icc_protocol::LaneId(B256::from_slice(&bytes[..32])),
        nonce: u64::from_be_bytes(bytes[32..40].try_into().expect("8 bytes")),
        accumulator: B256::from_slice(&bytes[40..72]),
        signature: CompactSignature(bytes[72..].try_into().expect("64 bytes")),
    }
}

/// Two true words, one of them changed at will.
fn equivocation(brought: &Brought) -> (Evidence, bool) {
    let one = flipped(truth(brought.nonces.0), &brought.flips);
    let other = truth(brought.nonces.1);
    (Evidence::Equivocation { network: NETWORK, one, other }, true)
}

/// A true word, and what is told of the outbox: only what a chain would contradict can accuse.
fn false_checkpoint(brought: &Brought) -> (Evidence, bool) {
    let messages = brought.messages;
    let nonce = brought.nonces.0.min(messages);
    let signed = flipped(truth(nonce), &brought.flips);
    let from = brought.leaves.1;
    let outbox = Outbox {
        nonce: u64::from(brought.told_nonce),
        block: 9,
        accumulator: brought.told.map(accumulator),
        leaves: (0..brought.leaves.0).map(|offset| leaf(from.wrapping_add(offset))).collect(),
        end: brought.end.map_or(B256::ZERO, accumulator),
    };
    // What is told is so on the chain: its newest nonce, and the accumulator where the leaves end.
    let end = u64::from(nonce) + outbox.leaves.len() as u64;
    let told_end = u8::try_from(end).ok().filter(|end| *end <= messages).map(accumulator);
    let so = outbox.nonce == u64::from(messages)
        && (outbox.accumulator.is_none() || told_end == Some(outbox.end));
    (Evidence::FalseCheckpoint { lane: lane(), signed, outbox }, so)
}

fn false_set(brought: &Brought) -> (Evidence, bool) {
    let record = EpochRecord {
        epoch: 3,
        set_hash: leaf(1),
        hub_time: u64::from(brought.hub_times.0),
    };
    let signature = sign(&record.digest(&Domain::new(NETWORK)));
    let EpochRecord { epoch, set_hash, hub_time } = record;
    let signed = SignedSet { epoch, set_hash, hub_time, signature };
    let told = u64::from(brought.hub_times.1);
    let evidence =
        Evidence::FalseSet { network: NETWORK, signed, hub: ChainId(1), set_hash, hub_time: told };
    (evidence, told == hub_time)
}
