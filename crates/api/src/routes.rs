//! The routes.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use icc_attest::{Attestation, AttestationBatch, MAX_BATCH};
use icc_protocol::{Checkpoint, LaneId};
use icc_service::Telemetry;
use icc_store::{Store, StoreError};
use serde::Deserialize;

use crate::{
    ChainView, Intake, IntakeAnswer, IntakeFailure, MessageView, Problem, TransactionView, view::view,
};

/// What the routes need.
#[derive(Clone)]
pub struct ApiState {
    /// The database.
    pub store: Store,
    /// Attestations in.
    pub intake: Intake,
    /// Metrics out.
    pub telemetry: Telemetry,
}

pub(crate) struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(Problem { error: self.1 })).into_response()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "request failed");
        Self(StatusCode::SERVICE_UNAVAILABLE, "the database cannot be asked; try again".to_owned())
    }
}

impl From<IntakeFailure> for Refusal {
    fn from(error: IntakeFailure) -> Self {
        let IntakeFailure::Store(error) = error;
        error.into()
    }
}

fn bad(field: &str, problem: impl std::fmt::Display) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, format!("{field}: {problem}"))
}

/// The core's router.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/v1/attestations", post(attestations).get(signed_by))
        .route("/v1/transactions/{hash}", get(transaction))
        .route("/v1/messages/{lane}/{nonce}", get(message))
        .route("/v1/chains", get(chains))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(state))
}

type AppState = State<Arc<ApiState>>;

async fn attestations(
    State(state): AppState,
    body: Result<Json<AttestationBatch>, JsonRejection>,
) -> Result<Json<IntakeAnswer>, Refusal> {
    let Json(batch) =
        body.map_err(|error| Refusal(error.status(), format!("body: {}", error.body_text())))?;
    if batch.attestations.len() > MAX_BATCH {
        let count = batch.attestations.len();
        return Err(bad("attestations", format!("{count} are too many; at most {MAX_BATCH} a request")));
    }
    Ok(Json(state.intake.take(&batch.attestations).await?))
}

/// From where on, of what one key has signed.
#[derive(Deserialize)]
struct SignedBy {
    signer: String,
    lane: Option<String>,
    #[serde(default)]
    nonce: u64,
    limit: Option<u32>,
}

/// In the order of lane and nonce, from the given ones on (included).
async fn signed_by(
    State(state): AppState,
    Query(query): Query<SignedBy>,
) -> Result<Json<AttestationBatch>, Refusal> {
    let signer: Address =
        query.signer.parse().map_err(|_| bad("signer", "must be 0x and 40 hexadecimal digits"))?;
    let lane = query.lane.as_deref().map(str::parse).transpose().map_err(|error| bad("lane", error))?;
    if i64::try_from(query.nonce).is_err() {
        return Err(bad("nonce", "is out of range"));
    }
    let limit = query.limit.map_or(MAX_BATCH, |limit| limit as usize);
    if !(1..=MAX_BATCH).contains(&limit) {
        return Err(bad("limit", format!("must be from 1 to {MAX_BATCH}")));
    }
    let from = (lane.unwrap_or(LaneId(B256::ZERO)), query.nonce);
    let signed = state.store.signed_by(signer, from, u32::try_from(limit).unwrap_or(1)).await?;
    let attestations = signed.into_iter().map(|(checkpoint, signature)| {
        let Checkpoint { lane, nonce, accumulator } = checkpoint;
        Attestation { lane, nonce, accumulator, signature }
    });
    Ok(Json(AttestationBatch { attestations: attestations.collect() }))
}

async fn transaction(
    State(state): AppState,
    Path(hash): Path<String>,
) -> Result<Json<TransactionView>, Refusal> {
    let hash: B256 = hash.parse().map_err(|_| bad("hash", "must be 0x and 64 hexadecimal digits"))?;
    let mut messages = Vec::new();
    for (lane, nonce) in state.store.messages_of(hash).await? {
        messages.extend(view(&state.store, lane, nonce).await?);
    }
    Ok(Json(TransactionView { messages }))
}

async fn message(
    State(state): AppState,
    Path((lane, nonce)): Path<(String, String)>,
) -> Result<Json<MessageView>, Refusal> {
    let lane: LaneId = lane.parse().map_err(|error| bad("lane", error))?;
    let nonce: u64 = nonce
        .parse()
        .ok()
        .filter(|nonce| i64::try_from(*nonce).is_ok() && *nonce > 0)
        .ok_or_else(|| bad("nonce", "must be a number from 1"))?;
    let found = view(&state.store, lane, nonce).await?;
    found.map(Json).ok_or_else(|| {
        Refusal(StatusCode::NOT_FOUND, format!("message {nonce} of lane {lane} has not been seen"))
    })
}

async fn chains(State(state): AppState) -> Result<Json<Vec<ChainView>>, Refusal> {
    let chains = state.store.chains().await?.into_iter().map(|chain| ChainView {
        chain: chain.chain.0,
        head: chain.head,
        indexed: chain.indexed,
        finalized: chain.finalized,
        halted: chain.halted,
    });
    Ok(Json(chains.collect()))
}

async fn health(State(state): AppState) -> Result<&'static str, Refusal> {
    state.store.ping().await?;
    Ok("ok\n")
}

async fn metrics(State(state): AppState) -> String {
    state.telemetry.render()
}
