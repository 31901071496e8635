//! What a chain needs that belongs to no lane: releases from queues, gas prices, figures of fees.

use std::{sync::Arc, time::Duration};

use icc_chain::Submitter;
use icc_store::Store;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    RelayConfig, RelayError,
    epochs::{follow_epochs, jail_silent, keep_epochs},
    evidence::submit_evidence,
    lease::HeldLease,
    prices::update_prices,
    release::{Failures, release_due},
    send::Sender,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// Between two looks at gas prices and fees.
const SELDOM: Duration = Duration::from_secs(10);

/// Does the chores of one chain while this core holds their lease.
pub(crate) struct Chores {
    pub(crate) store: Store,
    pub(crate) submitter: Arc<dyn Submitter>,
    pub(crate) all: Vec<Arc<dyn Submitter>>,
    pub(crate) config: Arc<RelayConfig>,
}

impl Chores {
    /// Works until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let chain = self.submitter.chain();
        let mut next_prices = Instant::now();
        let mut failures = Failures::default();
        loop {
            let round = tokio::select! {
                () = shutdown.cancelled() => return,
                round = self.round(&mut next_prices, &mut failures) => round,
            };
            if let Err(error) = round
                && !matches!(error, RelayError::NoSigner | RelayError::LeaseLost(_))
            {
                tracing::warn!(%chain, %error, "chores of a chain do not get on");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(PAUSE) => {}
            }
        }
    }

    async fn round(&self, next_prices: &mut Instant, failures: &mut Failures) -> Result<(), RelayError> {
        let name = format!("chores/{}", self.submitter.chain());
        let Some(lease) = HeldLease::acquire(&self.store, &name, &self.config.owner).await? else {
            return Ok(());
        };
        let submitter = self.submitter.as_ref();
        let sender = Sender { store: &self.store, submitter, config: &self.config, lane: None };
        // One chore's trouble does not keep the others from being done.
        let released = release_due(sender, failures, &lease).await;
        let released = released.and(self.epochs(sender, &lease).await);
        let accused = match &self.config.accuser {
            Some(accuser) => submit_evidence(sender, accuser.0.as_ref(), &lease).await,
            None => Ok(()),
        };
        let released = released.and(accused);
        if Instant::now() < *next_prices {
            return released;
        }
        *next_prices = Instant::now() + SELDOM;
        self.tell_fees().await?;
        if let Some(epochs) = &self.config.epochs
            && epochs.hub.chain() == self.submitter.chain()
            && let Err(error) = jail_silent(sender, epochs, &lease).await
        {
            tracing::warn!(%error, "who is silent cannot be jailed");
        }
        if let Some(updates) = &self.config.prices {
            updates.refresh().await;
            update_prices(sender, updates, &self.all, &lease).await;
        }
        released
    }

    /// On the hub, makes epochs; everywhere, follows them.
    async fn epochs(&self, sender: Sender<'_>, lease: &HeldLease) -> Result<(), RelayError> {
        let Some(epochs) = &self.config.epochs else { return Ok(()) };
        let hub = epochs.hub.as_ref();
        let kept = if hub.chain() == self.submitter.chain() {
            keep_epochs(sender, epochs, lease).await
        } else {
            Ok(())
        };
        follow_epochs(sender, hub, lease).await.and(kept)
    }

    /// What was paid for this chain's lanes, in gwei of its coin; beside `icc_relay_cost_gwei_total` and
    /// `icc_relay_cost_in_source_gwei_total`, which say what they took.
    async fn tell_fees(&self) -> Result<(), RelayError> {
        let here = self.submitter.chain();
        for fees in self.store.lane_fees(here).await? {
            let (source, destination) = (here.to_string(), fees.destination_chain.to_string());
            metrics::gauge!("icc_lane_fees_gwei", "source" => source, "destination" => destination)
                .set((fees.paid / 1_000_000_000) as f64);
        }
        Ok(())
    }
}
