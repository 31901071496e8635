//! What strangers ask: a validator's router as it is served, and what the core reads from its paths. The first byte
//! chooses.
#![no_main]

use std::sync::LazyLock;

use alloy_primitives::{B256, hex};
use axum::{Router, body::Body, http::Request};
use icc_attest::{AttestationBatch, MAX_BATCH};
use icc_protocol::{ChainId, Checkpoint, Domain, LaneId, NetworkId};
use icc_service::KeySource;
use icc_validator::{Attestor, ChainState, Journal, Roll, router};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower_service::Service;

/// Nonces that are recorded of lane `0x0707…07`.
const RECORDED: [u64; 3] = [1, 64, u64::MAX];
const LANE: LaneId = LaneId(B256::repeat_byte(7));
/// Bytes of a request line that a server reads.
const LONGEST: usize = 4096;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

static VALIDATOR: LazyLock<Router> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let key = folder.join("key");
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, hex::encode([7; 32]).as_bytes()).expect("a key");
    file.persist(&key).expect("a key file");
    let signer = KeySource::File(key).read_one().expect("a key");
    let journal = Journal::open(&folder.join("journal"), "fuzz").expect("a journal");
    let checkpoint = |nonce| Checkpoint { lane: LANE, nonce, accumulator: B256::repeat_byte(9) };
    journal.record(ChainId(1), &ChainState::default(), &RECORDED.map(checkpoint)).expect("a record");
    let attestor = Attestor::new(journal, signer, Domain::new(NetworkId(B256::repeat_byte(1))));
    router(attestor, Roll::default(), String::new)
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(&bytes[..bytes.len().min(LONGEST)]) else { return };
    match choice % 4 {
        0 => asked(text),
        // The lane that there is, so that a fuzzer can get past its name.
        1 => asked(&format!("/v1/attestations/{LANE}{text}")),
        2 => paths(text),
        _ => nonce(text),
    }
});

/// Any path is answered, with what was asked for or with what is wrong; nothing is the server's fault.
fn asked(path: &str) {
    // What follows a # stays with who asks.
    let path = path.split('#').next().unwrap_or("");
    let Ok(request) = Request::get(path).body(Body::empty()) else { return };
    let (status, body) = RUNTIME.block_on(async {
        let response = VALIDATOR.clone().call(request).await.expect("a router always answers");
        let status = response.status();
        (status, axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a bounded body"))
    });
    assert!(status.is_success() || status.is_client_error(), "{status} for {path:?}");
    let Some(rest) = path.strip_prefix("/v1/attestations/").filter(|_| status.is_success()) else { return };
    let batch: AttestationBatch = serde_json::from_slice(&body).expect("attestations");
    assert!(batch.attestations.len() <= MAX_BATCH);
    if !rest.to_lowercase().trim_start_matches("0x").starts_with(&"07".repeat(32)) {
        return assert!(
            batch.attestations.is_empty() || rest.contains('%'),
            "of a lane that was not asked for"
        );
    }
    let nonces: Vec<u64> = batch.attestations.iter().map(|one| one.nonce).collect();
    let from = RECORDED.len() - nonces.len();
    assert_eq!(nonces, RECORDED[from..], "what is recorded, from a nonce on");
    assert!(batch.attestations.iter().all(|one| one.lane == LANE));
    if let Some((_, query)) = rest.split_once('?')
        && let Some(Ok(asked)) = query.strip_prefix("from=").map(str::parse::<u64>)
    {
        assert!(nonces.iter().all(|nonce| *nonce >= asked));
        assert_eq!(nonces.len(), RECORDED.iter().filter(|nonce| **nonce >= asked).count());
    }
}

/// Numbers from 1 that a database holds are nonces, nothing else is.
fn nonce(text: &str) {
    let read = icc_api::fuzzing::message(&LANE.to_string(), text).ok();
    let expected = text.parse::<i64>().ok().filter(|nonce| *nonce > 0);
    assert_eq!(read, expected.map(|nonce| (LANE, nonce.unsigned_abs())), "{text:?}");
}

/// What is read from a path names one thing, and all of it can be stored.
fn paths(text: &str) {
    let (one, two) = text.split_once('/').unwrap_or((text, ""));
    match icc_api::fuzzing::transaction(one) {
        Ok(hash) => {
            let digits = one.to_lowercase();
            assert_eq!(digits.strip_prefix("0x").unwrap_or(&digits), hex::encode(hash));
        }
        Err(problem) => assert!(problem.starts_with("hash: ")),
    }
    match icc_api::fuzzing::message(one, two) {
        Ok((lane, nonce)) => {
            assert!(nonce > 0 && i64::try_from(nonce).is_ok());
            assert_eq!(icc_api::fuzzing::message(&lane.to_string(), &nonce.to_string()), Ok((lane, nonce)));
        }
        Err(problem) => {
            assert!(problem.starts_with("lane: ") || problem.starts_with("nonce: "));
            assert!(problem.chars().count() < 1000);
        }
    }
}
