//! Asks validators for attestations that have not arrived: after a core's outage, or a lost database.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use icc_attest::{AttestationBatch, MAX_BATCH};
use icc_protocol::{LaneId, SIGN_INTERVAL};
use icc_store::{Store, StoreError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::Intake;

/// Most bytes of a validator's answer: 256 attestations of at most 400 bytes, with room.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// How to collect.
#[derive(Debug, Clone)]
pub struct CollectorConfig {
    /// Validators' public URLs.
    pub validators: Vec<Url>,
    /// How often to look; a lane that lacks a quorum twice in a row is asked for.
    pub interval: Duration,
}

/// Asks validators for what is missing.
pub struct Collector {
    store: Store,
    intake: Intake,
    client: reqwest::Client,
    config: CollectorConfig,
}

impl Collector {
    /// A collector.
    pub fn new(store: Store, intake: Intake, client: reqwest::Client, config: CollectorConfig) -> Self {
        Self { store, intake, client, config }
    }

    /// Collects until `shutdown`.
    ///
    /// # Errors
    /// A database error; start it again after a pause.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), crate::IntakeFailure> {
        let mut lacking: HashMap<LaneId, u64> = HashMap::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(self.config.interval) => {}
            }
            let now = self.lacking().await?;
            for (lane, delivered) in &now {
                // Freshly final messages are signed within moments: only what stays behind is asked for.
                if lacking.get(lane) == Some(delivered) {
                    tokio::select! {
                        () = shutdown.cancelled() => return Ok(()),
                        asked = self.ask_all(*lane, delivered + 1) => asked?,
                    }
                }
            }
            lacking = now;
        }
    }

    /// Lanes whose next final messages have no quorum of the destination's present set, and the nonce delivered so
    /// far. There is a sign point at every 64th nonce, so one is due within the next 64.
    async fn lacking(&self) -> Result<HashMap<LaneId, u64>, StoreError> {
        let mut lacking = HashMap::new();
        for (lane, destination, delivered) in self.store.undelivered_lanes().await? {
            let Some((_, set)) = self.store.current_set(destination).await? else { continue };
            let next = self.store.checkpoints_after(lane, delivered, &set, 1).await?;
            let due = (delivered / SIGN_INTERVAL).saturating_add(1).saturating_mul(SIGN_INTERVAL);
            if next.first().is_none_or(|checkpoint| checkpoint.0.nonce > due) {
                lacking.insert(lane, delivered);
            }
        }
        Ok(lacking)
    }

    async fn ask_all(&self, lane: LaneId, from: u64) -> Result<(), crate::IntakeFailure> {
        // At most 128 validators: the configuration sees to that.
        let asking: FuturesUnordered<_> = FuturesUnordered::new();
        for validator in &self.config.validators {
            asking.push(async move { (validator, self.ask(validator, lane, from).await) });
        }
        let mut answers = asking;
        while let Some((validator, answer)) = answers.next().await {
            match answer {
                Ok(batch) => {
                    self.intake.take(&batch.attestations).await?;
                }
                Err(error) => tracing::debug!(
                    host = validator.host_str(),
                    port = validator.port(),
                    error,
                    "validator cannot be asked"
                ),
            }
        }
        Ok(())
    }

    async fn ask(&self, validator: &Url, lane: LaneId, from: u64) -> Result<AttestationBatch, String> {
        let url = validator
            .join(&format!("v1/attestations/{lane}?from={from}"))
            .map_err(|error| error.to_string())?;
        let mut response =
            self.client.get(url).send().await.map_err(|error| error.without_url().to_string())?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err("answer is too long".to_owned());
            }
            body.extend_from_slice(&chunk);
        }
        let batch: AttestationBatch = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        if batch.attestations.len() > MAX_BATCH {
            return Err("answer has too many attestations".to_owned());
        }
        Ok(batch)
    }
}
