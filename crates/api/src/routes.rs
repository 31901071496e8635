//! The routes.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::Address;
use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use icc_attest::{Attestation, AttestationBatch, MAX_BATCH};
use icc_protocol::Checkpoint;
use icc_service::Telemetry;
use icc_store::{Store, StoreError};

use crate::{
    ChainView, EvidenceView, Intake, IntakeAnswer, IntakeFailure, MessageView, Origin, Problem,
    TransactionView, request, view::view,
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

fn bad(problem: String) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, problem)
}

/// The core's router.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/v1/attestations", post(attestations).get(signed_by))
        .route("/v1/transactions/{hash}", get(transaction))
        .route("/v1/messages/{lane}/{nonce}", get(message))
        .route("/v1/chains", get(chains))
        .route("/v1/evidence", get(evidence))
        .route("/v1/late", get(late))
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
        return Err(bad(format!("attestations: {count} are too many; at most {MAX_BATCH} a request")));
    }
    Ok(Json(state.intake.take(&batch.attestations, Origin::Pushed).await?))
}

/// In the order of lane and nonce, from the given ones on (included).
async fn signed_by(
    State(state): AppState,
    Query(query): Query<request::SignedBy>,
) -> Result<Json<AttestationBatch>, Refusal> {
    let (signer, from, limit) = query.read().map_err(bad)?;
    let signed = state.store.signed_by(signer, from, limit).await?;
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
    let hash = request::transaction(&hash).map_err(bad)?;
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
    let (lane, nonce) = request::message(&lane, &nonce).map_err(bad)?;
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

/// The newest first.
async fn evidence(State(state): AppState) -> Result<Json<Vec<EvidenceView>>, Refusal> {
    let told = state.store.evidence().await?.into_iter().map(|row| EvidenceView {
        signer: row.signer,
        chain: row.chain.0,
        outcome: row.outcome,
        evidence: serde_json::from_str(&row.body).unwrap_or_default(),
    });
    Ok(Json(told.collect()))
}

/// Of the last day.
async fn late(State(state): AppState) -> Result<Json<BTreeMap<Address, u64>>, Refusal> {
    Ok(Json(state.store.late_today().await?.into_iter().collect()))
}

async fn health(State(state): AppState) -> Result<&'static str, Refusal> {
    state.store.ping().await?;
    Ok("ok\n")
}

async fn metrics(State(state): AppState) -> String {
    state.telemetry.render()
}
