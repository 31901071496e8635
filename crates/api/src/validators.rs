//! The validators: who they are by the registry, and what they say when asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use alloy_primitives::Address;
use futures::{StreamExt, stream};
use icc_attest::{
    AttestationBatch, Identity, JailWord, MAX_BATCH, Participation, SignPointRequest, SignedSet,
};
use icc_chain::{ChainError, Hub, Registration};
use icc_protocol::LaneId;
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Most bytes of a validator's answer: 256 attestations of at most 400 bytes, with room.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Between two readings of the registry.
const REFRESH: Duration = Duration::from_secs(5);
/// Registrations read at once.
const AT_ONCE: usize = 8;

/// Asks validators over HTTP, with bounded answers.
#[derive(Clone)]
pub struct ValidatorClient(reqwest::Client);

impl ValidatorClient {
    /// Asks with `client`, whose timeout counts.
    pub fn new(client: reqwest::Client) -> Self {
        Self(client)
    }

    /// What a validator has signed of a lane from a nonce on.
    ///
    /// # Errors
    /// In words.
    pub async fn attestations(
        &self,
        validator: &Url,
        lane: LaneId,
        from: u64,
    ) -> Result<AttestationBatch, String> {
        let batch: AttestationBatch =
            self.ask(validator, &format!("v1/attestations/{lane}?from={from}")).await?;
        if batch.attestations.len() > MAX_BATCH {
            return Err("answer has too many attestations".to_owned());
        }
        Ok(batch)
    }

    /// Has a validator sign older sign points of a lane, and tells what it signed.
    ///
    /// # Errors
    /// In words.
    pub async fn sign_points(
        &self,
        validator: &Url,
        lane: LaneId,
        request: &SignPointRequest,
    ) -> Result<AttestationBatch, String> {
        let url = validator.join(&format!("v1/sign-points/{lane}")).map_err(|error| error.to_string())?;
        let batch: AttestationBatch = answer(self.0.post(url).json(request)).await?;
        if batch.attestations.len() > MAX_BATCH {
            return Err("answer has too many attestations".to_owned());
        }
        Ok(batch)
    }

    /// What a validator has signed of an epoch.
    ///
    /// # Errors
    /// In words.
    pub async fn signed_set(&self, validator: &Url, epoch: u64) -> Result<SignedSet, String> {
        self.ask(validator, &format!("v1/sets/{epoch}")).await
    }

    /// Whom a validator finds silent.
    ///
    /// # Errors
    /// In words.
    pub async fn jail_words(&self, validator: &Url) -> Result<Vec<JailWord>, String> {
        self.ask(validator, "v1/jails").await
    }

    /// What a validator saw the others do.
    ///
    /// # Errors
    /// In words.
    pub async fn duty(&self, validator: &Url) -> Result<BTreeMap<Address, Participation>, String> {
        self.ask(validator, "v1/duty").await
    }

    /// Who serves at a URL.
    ///
    /// # Errors
    /// In words.
    pub async fn identity(&self, validator: &Url) -> Result<Identity, String> {
        self.ask(validator, "v1/validator").await
    }

    async fn ask<T: DeserializeOwned>(&self, validator: &Url, path: &str) -> Result<T, String> {
        let url = validator.join(path).map_err(|error| error.to_string())?;
        answer(self.0.get(url)).await
    }
}

/// A bounded answer.
async fn answer<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, String> {
    let mut response = request.send().await.map_err(|error| error.without_url().to_string())?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err("answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}

/// Who is in the set or waits to be, by the registry; and URLs that are configured besides.
#[derive(Clone)]
pub struct Directory {
    hub: Option<Arc<dyn Hub>>,
    configured: Vec<Url>,
    registered: Arc<RwLock<BTreeMap<Address, Registration>>>,
}

impl Directory {
    /// A directory; without a hub, of what is configured.
    pub fn new(hub: Option<Arc<dyn Hub>>, configured: Vec<Url>) -> Self {
        Self { hub, configured, registered: Arc::default() }
    }

    /// All URLs that are known, each once.
    pub fn urls(&self) -> Vec<Url> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        let mut urls: Vec<Url> = registered.values().filter_map(|known| known.url.parse().ok()).collect();
        urls.extend(self.configured.iter().cloned());
        urls.sort();
        urls.dedup();
        urls
    }

    /// Where a validator serves.
    pub fn url_of(&self, key: &Address) -> Option<Url> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        registered.get(key)?.url.parse().ok()
    }

    /// Keeps itself up to date until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let Some(hub) = self.hub.clone() else { return };
        while !shutdown.is_cancelled() {
            match read(hub.as_ref()).await {
                Ok(read) => *self.registered.write().unwrap_or_else(PoisonError::into_inner) = read,
                Err(error) => tracing::warn!(%error, "the registry cannot be read"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(REFRESH) => {}
            }
        }
    }
}

/// All members of the newest two epochs, and all that wait.
///
/// # Errors
/// Any [`ChainError`] of reading.
pub async fn read(hub: &dyn Hub) -> Result<BTreeMap<Address, Registration>, ChainError> {
    let progress = hub.progress().await?;
    let mut keys = hub.waiting().await?;
    for epoch in [progress.signed, progress.newest] {
        keys.extend(hub.epoch(epoch).await?.set.members());
    }
    keys.sort();
    keys.dedup();
    let reading = stream::iter(keys).map(|key| async move { (key, hub.registration(key).await) });
    let read: Vec<_> = reading.buffered(AT_ONCE).collect().await;
    read.into_iter().map(|(key, registration)| Ok((key, registration?))).collect()
}
