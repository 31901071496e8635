//! Attestations as they arrive: JSON, then signature and membership. Who has no key of the set gets nothing counted: what
//! counts is, to the byte, what a member signed.
#![no_main]

use std::sync::LazyLock;

use alloy_primitives::B256;
use arbitrary::{Arbitrary, Unstructured};
use icc_attest::{Attestation, AttestationBatch, Comparison, compare, verify};
use icc_protocol::{Checkpoint, CompactSignature, Domain, LaneId, NetworkId, ValidatorSet};
use icc_service::{KeySource, Signer};
use libfuzzer_sys::fuzz_target;

struct World {
    domain: Domain,
    set: ValidatorSet,
    /// The last is in no set.
    signers: Vec<Signer>,
}

/// Fixed keys: a committed corpus stays true.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let keys: Vec<String> = (1..=4).map(|byte: u8| format!("{byte:02x}").repeat(32)).collect();
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, keys.join("\n").as_bytes()).expect("keys can be written");
    let signers = KeySource::File(file.path().to_owned()).read().expect("keys");
    let mut members: Vec<_> = signers[..3].iter().map(Signer::address).collect();
    members.sort();
    let set = ValidatorSet::new(members).expect("a set");
    World { domain: Domain::new(NetworkId(B256::repeat_byte(1))), set, signers }
});

/// A true attestation and what is done to it.
#[derive(Arbitrary, Debug)]
struct Altered {
    signer: u8,
    lane: u8,
    nonce: u64,
    accumulator: u8,
    /// Byte and mask, over lane, nonce, accumulator and signature.
    flips: Vec<(u8, u8)>,
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    if choice % 2 == 0 {
        json(bytes);
    } else if let Ok(altered) = Altered::arbitrary_take_rest(Unstructured::new(bytes)) {
        alter(&altered);
    }
});

fn json(body: &[u8]) {
    let Ok(batch) = serde_json::from_slice::<AttestationBatch>(body) else { return };
    let text = serde_json::to_string(&batch).expect("a batch can be written");
    assert_eq!(serde_json::from_str::<AttestationBatch>(&text).expect("and read"), batch);
    for attestation in &batch.attestations {
        counts_only_if_signed(attestation);
    }
}

fn alter(altered: &Altered) {
    let signer = &WORLD.signers[usize::from(altered.signer) % WORLD.signers.len()];
    let (lane, accumulator) =
        (LaneId(B256::repeat_byte(altered.lane)), B256::repeat_byte(altered.accumulator));
    let checkpoint = Checkpoint { lane, nonce: altered.nonce, accumulator };
    let signature = sign(signer, &checkpoint);
    let mut bytes =
        [lane.0.as_slice(), &altered.nonce.to_be_bytes(), accumulator.as_slice(), signature.0.as_slice()]
            .concat();
    for (place, mask) in altered.flips.iter().take(8) {
        let place = usize::from(*place) % bytes.len();
        bytes[place] ^= mask;
    }
    let told = Attestation {
        lane: LaneId(B256::from_slice(&bytes[..32])),
        nonce: u64::from_be_bytes(bytes[32..40].try_into().expect("8 bytes")),
        accumulator: B256::from_slice(&bytes[40..72]),
        signature: CompactSignature(bytes[72..].try_into().expect("64 bytes")),
    };
    let counts = counts_only_if_signed(&told);
    let true_and_fit = told == Attestation { lane, nonce: altered.nonce, accumulator, signature }
        && (1..=i64::MAX as u64).contains(&told.nonce)
        && WORLD.set.position(&signer.address()).is_some();
    assert_eq!(counts, true_and_fit);
}

fn sign(signer: &Signer, checkpoint: &Checkpoint) -> CompactSignature {
    signer.sign(&WORLD.domain.checkpoint_digest(checkpoint)).expect("a signature")
}

fn counts_only_if_signed(attestation: &Attestation) -> bool {
    let Ok(verified) = verify(&WORLD.domain, &WORLD.set, attestation) else { return false };
    assert_eq!(verified.checkpoint, attestation.checkpoint());
    let signer = WORLD.signers[..3].iter().find(|signer| signer.address() == verified.signer);
    let signer = signer.expect("only a member counts");
    assert_eq!(attestation.signature, sign(signer, &verified.checkpoint), "nobody signed this");
    let own = verified.checkpoint.accumulator;
    assert_eq!(compare(Some(own), attestation.accumulator), Comparison::Agrees);
    true
}
