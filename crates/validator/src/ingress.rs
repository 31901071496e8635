//! What a validator serves: its own signatures, to anybody.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy_primitives::Address;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post},
};
use icc_attest::{
    AttestationBatch, FinalWord, Identity, JailWord, MAX_BATCH, Participation, SignPointRequest, SignedSet,
};
use icc_protocol::{ChainId, LaneId};
use serde::Deserialize;
use tokio::{
    sync::{Mutex, Semaphore},
    time::Instant,
};

use crate::{Attestor, Backlog, BacklogError, Roll};

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: u64,
}

/// Requests for attestations answered at once.
const AT_ONCE: usize = 4;

/// For how long the words on who is silent are served as they were.
const JAILS_KEPT: Duration = Duration::from_secs(2);
/// Epochs whose signature is kept.
const SETS_KEPT: usize = 64;

/// What was said of who is silent, and when.
type JailWords = (Instant, Vec<JailWord>);

#[derive(Clone)]
struct Served {
    attestor: Attestor,
    backlog: Backlog,
    roll: Roll,
    places: Arc<Semaphore>,
    /// What the set depends on, asked for by everybody, costs nothing: strangers cannot keep it from being had.
    sets: Arc<Mutex<BTreeMap<u64, SignedSet>>>,
    jails: Arc<Mutex<Option<JailWords>>>,
}

type Refusal = (StatusCode, String);

/// `GET /v1/attestations/{lane}?from=NONCE`: up to 256 attestations in nonce order. `POST /v1/sign-points/{lane}`: signs
/// older sign points of a lane, given a window's leaves. `GET /v1/final/{chain}/{height}`: its word on what is final at a
/// height or above it. `GET /v1/sets/{epoch}`: its signature on an epoch's set. `GET /v1/jails`: its word on who is
/// silent. `GET /v1/duty`: what the others did of what they were asked. `GET /v1/validator`: who this is.
/// `GET /metrics`: what `render` says.
pub fn router<F>(attestor: Attestor, backlog: Backlog, roll: Roll, render: F) -> Router
where
    F: Fn() -> String + Clone + Send + Sync + 'static,
{
    Router::new()
        .route("/metrics", get(async move || render()))
        .route("/v1/attestations/{lane}", get(attestations))
        .route("/v1/sign-points/{lane}", post(sign_points))
        .route("/v1/final/{chain}/{height}", get(final_word))
        .route("/v1/sets/{epoch}", get(signed_set))
        .route("/v1/jails", get(jails))
        .route("/v1/duty", get(duty))
        .route("/v1/validator", get(identity))
        .with_state(Served {
            attestor,
            backlog,
            roll,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            sets: Arc::default(),
            jails: Arc::default(),
        })
}

async fn attestations(
    State(served): State<Served>,
    Path(lane): Path<String>,
    Query(query): Query<From>,
) -> Result<Json<AttestationBatch>, Refusal> {
    let lane: LaneId = lane.parse().map_err(|error| (StatusCode::BAD_REQUEST, format!("lane: {error}")))?;
    // Signatures are made again for each answer: strangers must not take the time that signing needs.
    let Ok(_place) = served.places.try_acquire() else {
        return Err((StatusCode::TOO_MANY_REQUESTS, "busy; ask again".to_owned()));
    };
    let attestations = served.attestor.recorded(lane, query.from, MAX_BATCH).await.map_err(unreadable)?;
    Ok(Json(AttestationBatch { attestations }))
}

async fn sign_points(
    State(served): State<Served>,
    Path(lane): Path<String>,
    Json(request): Json<SignPointRequest>,
) -> Result<Json<AttestationBatch>, Refusal> {
    let lane: LaneId = lane.parse().map_err(|error| (StatusCode::BAD_REQUEST, format!("lane: {error}")))?;
    match served.backlog.sign(&served.attestor, lane, &request).await {
        Ok(attestations) => Ok(Json(AttestationBatch { attestations })),
        Err(BacklogError::Sign(error)) => Err(unreadable(error)),
        Err(error) => {
            let status = match error {
                BacklogError::UnknownLane => StatusCode::NOT_FOUND,
                BacklogError::Busy => StatusCode::TOO_MANY_REQUESTS,
                BacklogError::Chain(_) => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            Err((status, error.to_string()))
        }
    }
}

fn unreadable(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "journal cannot be read");
    (StatusCode::INTERNAL_SERVER_ERROR, "journal cannot be read".to_owned())
}

async fn final_word(
    State(served): State<Served>,
    Path((chain, height)): Path<(String, String)>,
) -> Result<Json<FinalWord>, Refusal> {
    let chain: ChainId =
        chain.parse().map_err(|error| (StatusCode::BAD_REQUEST, format!("chain: {error}")))?;
    let height: u64 =
        height.parse().map_err(|error| (StatusCode::BAD_REQUEST, format!("height: {error}")))?;
    let word = served.attestor.final_word(chain, height).map_err(|error| {
        tracing::error!(%error, "final block cannot be signed");
        (StatusCode::INTERNAL_SERVER_ERROR, "cannot sign".to_owned())
    })?;
    word.map(Json)
        .ok_or_else(|| (StatusCode::NOT_FOUND, format!("nothing of chain {chain} is known to be final")))
}

async fn signed_set(
    State(served): State<Served>,
    Path(epoch): Path<String>,
) -> Result<Json<SignedSet>, Refusal> {
    let epoch: u64 = epoch.parse().map_err(|error| (StatusCode::BAD_REQUEST, format!("epoch: {error}")))?;
    let mut sets = served.sets.lock().await;
    if let Some(kept) = sets.get(&epoch) {
        return Ok(Json(*kept));
    }
    let signed = served.attestor.signed_set(epoch).await.map_err(unreadable)?;
    let signed =
        signed.ok_or_else(|| (StatusCode::NOT_FOUND, format!("epoch {epoch} is not signed here")))?;
    sets.insert(epoch, signed);
    while sets.len() > SETS_KEPT {
        sets.pop_first();
    }
    Ok(Json(signed))
}

async fn jails(State(served): State<Served>) -> Result<Json<Vec<JailWord>>, Refusal> {
    let mut jails = served.jails.lock().await;
    if let Some((made, words)) = jails.as_ref()
        && made.elapsed() < JAILS_KEPT
    {
        return Ok(Json(words.clone()));
    }
    let words = served.attestor.jail_words(served.roll.silent()).await.map_err(unreadable)?;
    *jails = Some((Instant::now(), words.clone()));
    Ok(Json(words))
}

async fn duty(State(served): State<Served>) -> Json<BTreeMap<Address, Participation>> {
    Json(served.roll.all())
}

async fn identity(State(served): State<Served>) -> Json<Identity> {
    Json(Identity {
        address: served.attestor.address().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
