//! The work of one lane.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy_primitives::Bytes;

use icc_chain::{Spent, Submitter};
use icc_store::{LaneRow, Store};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    RelayConfig, RelayError,
    build::build,
    execute::{MAX_ATTEMPTS, execute_due},
    lease::HeldLease,
    send::Sender,
    sizing::Sizing,
};

/// Looks at the lane without having been woken this often.
const IDLE: Duration = Duration::from_secs(2);

/// Relays one lane while this core holds its lease.
pub(crate) struct LaneWorker {
    pub(crate) store: Store,
    pub(crate) submitter: Arc<dyn Submitter>,
    pub(crate) config: Arc<RelayConfig>,
    pub(crate) lane: LaneRow,
    pub(crate) wake: Arc<Notify>,
    pub(crate) sizing: Mutex<Sizing>,
}

impl LaneWorker {
    /// Works until `shutdown`; errors are noted for people and tried again.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut pause = Duration::from_millis(200);
        let mut noted = false;
        loop {
            let round = tokio::select! {
                () = shutdown.cancelled() => return,
                round = self.round() => round,
            };
            match round {
                Ok(()) => {
                    pause = Duration::from_millis(200);
                    if std::mem::take(&mut noted) {
                        self.sender().note("").await;
                    }
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        _ = timeout(IDLE, self.wake.notified()) => {}
                    }
                }
                // Another core has just done it, or all signers are at work: look again soon.
                Err(RelayError::LeaseLost(_) | RelayError::NoSigner) => tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = sleep(pause) => {}
                },
                Err(error) => {
                    tracing::warn!(lane = %self.lane.lane, %error, "lane does not get on");
                    metrics::counter!("icc_relay_errors_total", "chain" => self.lane.destination_chain.to_string())
                        .increment(1);
                    self.sender().note(&error.to_string()).await;
                    noted = true;
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(10));
                }
            }
        }
    }

    /// Does all there is to do, if this core gets the lane's lease.
    async fn round(&self) -> Result<(), RelayError> {
        let ends = [self.lane.source_chain, self.lane.destination_chain];
        if let Some(problem) = self.store.halted(ends).await? {
            return Err(RelayError::Halted(problem));
        }
        if self.store.inbox_is_foreign(self.lane.lane).await? {
            return Err(RelayError::ForeignInbox(self.lane.lane));
        }
        if !self.has_work().await? {
            return Ok(());
        }
        let name = format!("lane/{}", self.lane.lane);
        let Some(lease) = HeldLease::acquire(&self.store, &name, &self.config.owner).await? else {
            return Ok(());
        };
        loop {
            // What keeps a delivery from being made does not keep what was delivered from being executed or refunded.
            let delivered = self.deliver_next(&lease).await;
            let executed = execute_due(self.sender(), &self.lane, &lease).await?;
            let delivered = delivered?;
            if !delivered && !executed {
                return Ok(());
            }
        }
    }

    /// By the database alone: whether anything signed is not delivered, or anything recorded is due.
    async fn has_work(&self) -> Result<bool, RelayError> {
        let delivered = self.store.delivered_nonce(self.lane.lane).await?;
        let undelivered = self.store.has_checkpoint_after(self.lane.lane, delivered).await?
            && !self.store.inbox_has_ended(self.lane.lane).await?;
        Ok(undelivered || !self.store.due_executions(self.lane.lane, MAX_ATTEMPTS, 1).await?.is_empty())
    }

    async fn deliver_next(&self, lease: &HeldLease) -> Result<bool, RelayError> {
        if self.store.inbox_has_ended(self.lane.lane).await? {
            return Ok(false);
        }
        let submitter = self.submitter.as_ref();
        let fitting = |messages: &[Bytes]| self.sizing().fitting(messages, self.config.batch_gas);
        let Some(batch) = build(&self.store, submitter, &self.lane, fitting).await? else { return Ok(false) };
        let spent = match self.sender().send(&batch.call, lease).await {
            Ok(spent) => spent,
            Err(error) => {
                if error.may_be_of_size() {
                    self.sizing().failed();
                }
                return Err(error);
            }
        };
        // Also what a core said that has died since.
        self.sender().note("").await;
        let count = batch.last - batch.first + 1;
        self.sizing().delivered(count, spent.gas);
        let chain = self.lane.destination_chain.to_string();
        metrics::counter!("icc_relay_messages_total", "chain" => chain.clone()).increment(count);
        metrics::counter!("icc_relay_gas_total", "chain" => chain).increment(spent.gas);
        self.tell_cost(spent);
        tracing::info!(lane = %self.lane.lane, first = batch.first, last = batch.last, gas = spent.gas, "delivered");
        Ok(true)
    }

    fn sizing(&self) -> MutexGuard<'_, Sizing> {
        self.sizing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sender(&self) -> Sender<'_> {
        let (submitter, lane) = (self.submitter.as_ref(), Some(self.lane.lane));
        Sender { store: &self.store, submitter, config: &self.config, lane }
    }

    /// What deliveries cost, in gwei of the destination's coin, and of the source's, in which fees are paid.
    fn tell_cost(&self, spent: Spent) {
        let gwei = u64::try_from(spent.cost / 1_000_000_000).unwrap_or(u64::MAX);
        let source = self.lane.source_chain.to_string();
        let destination = self.lane.destination_chain.to_string();
        metrics::counter!("icc_relay_cost_gwei_total", "source" => source.clone(), "destination" => destination.clone())
            .increment(gwei);
        let coins = self.config.prices.as_ref();
        let coins =
            coins.and_then(|prices| prices.coins(self.lane.source_chain, self.lane.destination_chain));
        if let Some(coins) = coins.filter(|coins| coins.source > 0) {
            let converted = u128::from(gwei) * u128::from(coins.destination) / u128::from(coins.source);
            metrics::counter!("icc_relay_cost_in_source_gwei_total", "source" => source, "destination" => destination)
                .increment(u64::try_from(converted).unwrap_or(u64::MAX));
        }
    }
}
