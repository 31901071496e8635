//! What cores say of a key's signatures, true or not, and what becomes of the journal.

use std::{collections::BTreeSet, path::Path, time::Duration};

use alloy_primitives::B256;
use alloy_signer_local::PrivateKeySigner;
use axum::{Json, Router, extract::Query, routing::get};
use icc_attest::{Attestation, AttestationBatch};
use icc_protocol::{Checkpoint, Domain, LaneId, NetworkId};
use icc_service::Signer;
use icc_validator::{Attestor, Journal, RecoverError, confirm, recover};
use serde_json::{Map, Value};
use tokio::{net::TcpListener, time::timeout};
use url::Url;

const NETWORK: NetworkId = NetworkId(B256::repeat_byte(9));

fn checkpoint(lane: u8, nonce: u64, fill: u8) -> Checkpoint {
    Checkpoint { lane: LaneId(B256::repeat_byte(lane)), nonce, accumulator: B256::repeat_byte(fill) }
}

fn attestor(journal: &Path, key: u8) -> Attestor {
    let key = PrivateKeySigner::from_slice(&[key; 32]).unwrap();
    Attestor::new(Journal::open(journal, "test").unwrap(), Signer::new(key), Domain::new(NETWORK))
}

/// A journal in which a key has signed these.
fn attestor_of(journal: &Path, key: u8, checkpoints: &[Checkpoint]) -> Attestor {
    Journal::open(journal, "test").unwrap().adopt(checkpoints).unwrap();
    attestor(journal, key)
}

/// What a key has signed, in a journal that is thrown away.
async fn signed(key: u8, checkpoints: &[Checkpoint]) -> Vec<Attestation> {
    let folder = tempfile::tempdir().unwrap();
    let attestor = attestor_of(&folder.path().join("j"), key, checkpoints);
    let lanes: BTreeSet<LaneId> = checkpoints.iter().map(|checkpoint| checkpoint.lane).collect();
    let mut signed = Vec::new();
    for lane in lanes {
        signed.extend(attestor.recorded(lane, 0, checkpoints.len()).await.unwrap());
    }
    signed
}

/// A core that holds these, and answers as a core does.
async fn core(mut held: Vec<Attestation>) -> Url {
    held.sort_by_key(|attestation| (attestation.lane, attestation.nonce));
    let answer = move |Query(query): Query<Map<String, Value>>| {
        let text = |key: &str| query[key].as_str().unwrap().to_owned();
        let from = (text("lane").parse::<LaneId>().unwrap(), text("nonce").parse::<u64>().unwrap());
        let limit: usize = text("limit").parse().unwrap();
        let page = held.iter().filter(|held| (held.lane, held.nonce) >= from).take(limit).copied();
        let batch = AttestationBatch { attestations: page.collect() };
        async move { Json(batch) }
    };
    serve(Router::new().route("/v1/attestations", get(answer))).await
}

async fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn client() -> reqwest::Client {
    icc_service::install_tls();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Many lanes, long ones: more than one page of each.
fn history() -> Vec<Checkpoint> {
    (1..=30).flat_map(|lane| (1..=40).map(move |nonce| checkpoint(lane, nonce * 3, lane))).collect()
}

#[tokio::test]
async fn an_old_copy_is_refused_and_recovered_and_a_whole_journal_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let whole = history();
    let core = core(signed(7, &whole).await).await;
    for lacking in [1, 2, 500, whole.len()] {
        let path = folder.path().join(lacking.to_string());
        let attestor = attestor_of(&path, 7, &whole[..whole.len() - lacking]);
        let refused = confirm(&attestor, &client(), std::slice::from_ref(&core)).await;
        assert!(matches!(refused, Err(RecoverError::Lacks { .. })), "{lacking} lacking: {refused:?}");
        let adopted = recover(&attestor, &client(), std::slice::from_ref(&core)).await.unwrap();
        assert_eq!(adopted, lacking as u64);
        confirm(&attestor, &client(), std::slice::from_ref(&core)).await.unwrap();
    }
}

/// Attack: a core makes up signatures, to keep a validator from signing or to have it adopt a lie.
#[tokio::test]
async fn what_this_key_never_signed_counts_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let attestor = attestor_of(&folder.path().join("j"), 7, &[checkpoint(1, 3, 1)]);
    let lies = signed(8, &[checkpoint(1, 3, 9), checkpoint(1, 6, 9), checkpoint(2, 1, 9)]).await;
    let core = core(lies).await;
    confirm(&attestor, &client(), std::slice::from_ref(&core)).await.unwrap();
    assert_eq!(recover(&attestor, &client(), &[core]).await.unwrap(), 0);
    assert_eq!(attestor.recorded(checkpoint(1, 0, 0).lane, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_contradiction_is_refused_and_never_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let attestor = attestor_of(&folder.path().join("j"), 7, &[checkpoint(1, 3, 1)]);
    let core = core(signed(7, &[checkpoint(1, 3, 2), checkpoint(2, 5, 2)]).await).await;
    for refused in [
        confirm(&attestor, &client(), std::slice::from_ref(&core)).await,
        recover(&attestor, &client(), std::slice::from_ref(&core)).await.map(drop),
    ] {
        assert!(matches!(refused, Err(RecoverError::Contradicts { .. })), "{refused:?}");
    }
    let recorded = attestor.recorded(checkpoint(1, 0, 0).lane, 0, 10).await.unwrap();
    assert_eq!(recorded[0].accumulator, checkpoint(1, 3, 1).accumulator);
}

/// Nobody answers, or only nonsense: it waits. One of two that answers is enough to start, and not to recover.
#[tokio::test]
async fn without_an_answer_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let attestor = attestor(&folder.path().join("j"), 7);
    let away: Url = "http://127.0.0.1:1".parse().unwrap();
    let repeats = signed(7, &[checkpoint(1, 1, 1)]).await[0];
    let endless = serve(Router::new().route(
        "/v1/attestations",
        get(move || async move { Json(AttestationBatch { attestations: vec![repeats; 300] }) }),
    ))
    .await;
    let silent = [away.clone(), endless];
    let waits = timeout(Duration::from_secs(2), confirm(&attestor, &client(), &silent)).await;
    assert!(waits.is_err(), "{waits:?}");
    let one = [away, core(Vec::new()).await];
    confirm(&attestor, &client(), &one).await.unwrap();
    let refused = recover(&attestor, &client(), &one).await;
    assert!(matches!(refused, Err(RecoverError::Unanswered { .. })), "{refused:?}");
}
