//! Several endpoints that stand in for each other.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use futures::{StreamExt, stream::FuturesUnordered};
use icc_chain::{ChainError, Class};
use tokio::time::timeout;

use crate::Endpoint;

/// Rounds over all endpoints before a call is given up.
const MAX_ROUNDS: usize = 3;
/// How long to wait for the rest once one has answered: long enough for a remote provider, so that a near node that
/// stands still does not win every time.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// Endpoints of one chain, for readers that trust any of them.
#[derive(Debug)]
pub struct Pool {
    endpoints: Vec<Endpoint>,
    preferred: AtomicUsize,
}

impl Pool {
    /// A pool; at least one endpoint.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] without endpoints.
    pub fn new(endpoints: Vec<Endpoint>) -> Result<Self, ChainError> {
        if endpoints.is_empty() {
            return Err(ChainError::Misconfigured("a chain needs at least one RPC endpoint".to_owned()));
        }
        Ok(Self { endpoints, preferred: AtomicUsize::new(0) })
    }

    /// All endpoints.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Runs `operation` on one endpoint; on an error worth a retry, on the next one, in up to three rounds with
    /// exponential backoff and jitter between rounds. The endpoint that last worked is asked first.
    ///
    /// # Errors
    /// The last error.
    pub async fn first<T, F, Fut>(&self, operation: F) -> Result<T, ChainError>
    where
        F: Fn(Endpoint) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
    {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(MAX_ROUNDS - 1)
            .with_jitter();
        (|| self.round(&operation))
            .retry(backoff)
            .when(|error| error.class() == Class::Retry && !matches!(error, ChainError::RangeTooLarge { .. }))
            .await
    }

    /// Asks all endpoints and takes the answer with the highest `key`; its endpoint is asked first from now on. Once
    /// one has answered, the others have a moment only.
    ///
    /// # Errors
    /// An error, if all have failed.
    pub async fn highest<T, F, Fut, K>(&self, operation: F, key: impl Fn(&T) -> K) -> Result<T, ChainError>
    where
        F: Fn(Endpoint) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
        K: Ord,
    {
        let mut pending: FuturesUnordered<_> = self
            .endpoints
            .iter()
            .enumerate()
            .map(|(index, endpoint)| {
                let asking = operation(endpoint.clone());
                async move { (index, asking.await) }
            })
            .collect();
        let mut best: Option<(usize, T)> = None;
        let mut last = ChainError::Misconfigured("no endpoint".to_owned());
        loop {
            let next = match best {
                None => pending.next().await,
                Some(_) => timeout(STRAGGLERS, pending.next()).await.unwrap_or(None),
            };
            match next {
                Some((index, Ok(value))) => {
                    if best.as_ref().is_none_or(|(_, known)| key(&value) > key(known)) {
                        best = Some((index, value));
                    }
                }
                Some((_, Err(error))) => last = error,
                None => break,
            }
        }
        let (index, value) = best.ok_or(last)?;
        self.preferred.store(index, Ordering::Relaxed);
        Ok(value)
    }

    async fn round<T, F, Fut>(&self, operation: &F) -> Result<T, ChainError>
    where
        F: Fn(Endpoint) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
    {
        let start = self.preferred.load(Ordering::Relaxed);
        let mut last = ChainError::Misconfigured("no endpoint".to_owned());
        for step in 0..self.endpoints.len() {
            let index = (start + step) % self.endpoints.len();
            match operation(self.endpoints[index].clone()).await {
                Ok(value) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok(value);
                }
                // A node that does not know a block may be behind.
                Err(error)
                    if error.class() == Class::Retry || matches!(error, ChainError::UnknownBlock(_)) =>
                {
                    tracing::debug!(endpoint = self.endpoints[index].name(), %error, "endpoint failed");
                    // A range that is too large has to be told: the caller can halve it.
                    if !matches!(last, ChainError::RangeTooLarge { .. }) {
                        last = error;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}
