//! Signs sets that are not those of their epochs.

use alloy_primitives::B256;
use alloy_signer::SignerSync;
use axum::{Json, Router, extract::Path, extract::State, routing::get};
use eyre::{OptionExt, WrapErr};
use icc_attest::SignedSet;
use icc_devnet::Devnet;
use icc_protocol::EpochRecord;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Traitor;

/// Serves at a validator's URL, whose process must have ended, a false set for whatever epoch is asked for. Dropping it
/// ends it.
pub struct FalseSets(#[allow(dead_code)] DropGuard);

impl FalseSets {
    /// In place of the validator of a number.
    ///
    /// # Errors
    /// If its port is not free.
    pub async fn serve(devnet: &Devnet, validator: usize) -> eyre::Result<Self> {
        let port = devnet.validator_urls[validator].port().ok_or_eyre("a URL without port")?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await.wrap_err("the validator's port")?;
        let router =
            Router::new().route("/v1/sets/{epoch}", get(set)).with_state(Traitor::new(devnet, validator));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                _ = axum::serve(listener, router) => {}
            }
        });
        Ok(Self(stop.drop_guard()))
    }
}

async fn set(State(traitor): State<Traitor>, Path(epoch): Path<u64>) -> Result<Json<SignedSet>, String> {
    let record = EpochRecord { epoch, set_hash: B256::repeat_byte(5), hub_time: 1 };
    let signature = traitor.key.sign_hash_sync(&record.digest(&traitor.domain));
    let signature = signature.map_err(|error| error.to_string())?.into();
    let EpochRecord { set_hash, hub_time, .. } = record;
    Ok(Json(SignedSet { epoch, set_hash, hub_time, signature }))
}
