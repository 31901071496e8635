//! Keeps the gateways' gas prices near what gas costs: in steps that the gateways bound, and before a price is too old
//! to be quoted.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use async_trait::async_trait;
use icc_chain::{Call, GasPrice, Submitter};
use icc_protocol::{ChainId, CoinPrices, price_step, target_price};

use crate::{RelayConfig, RelayError, lease::HeldLease, send::Sender};

/// The gateway takes one update a minute.
const INTERVAL_SECONDS: u64 = 62;
/// A price is renewed when it is this old, also unchanged; the gateway quotes it for a day.
const RENEW_SECONDS: u64 = 12 * 3600;
/// Changes under this part of the price (1/20) are not worth a transaction.
const WORTH: u128 = 20;

/// What coins are worth, in any common unit.
#[async_trait]
pub trait CoinFeed: Send + Sync {
    /// The present price of each chain's coin.
    ///
    /// # Errors
    /// In words; the gateways' prices are then left alone, and grow old.
    async fn coin_prices(&self) -> Result<HashMap<ChainId, u64>, String>;
}

/// How gas prices are kept.
#[derive(Clone)]
pub struct PriceUpdates {
    feed: Arc<dyn CoinFeed>,
    margin_percent: u32,
    coins: Arc<RwLock<HashMap<ChainId, u64>>>,
}

impl std::fmt::Debug for PriceUpdates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PriceUpdates").field("margin_percent", &self.margin_percent).finish_non_exhaustive()
    }
}

impl PriceUpdates {
    /// Prices by a feed, and a margin above the cost.
    pub fn new(feed: Arc<dyn CoinFeed>, margin_percent: u32) -> Self {
        Self { feed, margin_percent, coins: Arc::default() }
    }

    /// Asks the feed.
    pub(crate) async fn refresh(&self) {
        match self.feed.coin_prices().await {
            Ok(prices) => *self.coins.write().unwrap_or_else(PoisonError::into_inner) = prices,
            Err(error) => {
                // Old prices must not be renewed as if they were new.
                self.coins.write().unwrap_or_else(PoisonError::into_inner).clear();
                metrics::counter!("icc_coin_feed_errors_total").increment(1);
                tracing::warn!(error, "coin prices cannot be read; gas prices are left as they are");
            }
        }
    }

    /// What the coins of a lane's ends are worth, if both are known.
    pub(crate) fn coins(&self, source: ChainId, destination: ChainId) -> Option<CoinPrices> {
        let coins = self.coins.read().unwrap_or_else(PoisonError::into_inner);
        Some(CoinPrices { source: *coins.get(&source)?, destination: *coins.get(&destination)? })
    }
}

/// Updates what a chain's gateway asks for gas at each destination, where that is worth it. One destination's trouble is
/// its own.
pub(crate) async fn update_prices(
    sender: Sender<'_>,
    updates: &PriceUpdates,
    destinations: &[Arc<dyn Submitter>],
    lease: &HeldLease,
) {
    let source = sender.submitter.chain();
    for destination in destinations.iter().filter(|destination| destination.chain() != source) {
        if let Err(error) = update_one(sender, updates, destination.as_ref(), lease).await {
            tracing::warn!(%source, destination = %destination.chain(), %error, "gas price is not updated");
        }
    }
}

async fn update_one(
    sender: Sender<'_>,
    updates: &PriceUpdates,
    destination: &dyn Submitter,
    lease: &HeldLease,
) -> Result<(), RelayError> {
    let source = sender.submitter.chain();
    let Some(coins) = updates.coins(source, destination.chain()) else { return Ok(()) };
    let (present, updater) = sender.submitter.gas_price_of(destination.chain()).await?;
    if !may_update(sender.config, updater) {
        return Ok(());
    }
    let cost = destination.gas_cost().await?;
    let Some(target) = target_price(cost, coins, updates.margin_percent) else { return Ok(()) };
    let Some(price) = next_price(&present, target, now()) else { return Ok(()) };
    let price = GasPrice { price, ..present };
    let call = Call::SetPrice { chain: destination.chain(), price };
    sender.send_as(updater, &call, lease).await?;
    tracing::info!(%source, destination = %destination.chain(), from = present.price, to = price.price, target, "gas price");
    Ok(())
}

fn may_update(config: &RelayConfig, updater: B256) -> bool {
    config.signers.contains(&updater)
}

/// The price to set now; `None` if there is nothing to do. A price of zero is the owner's to change.
fn next_price(present: &GasPrice, target: u128, now: u64) -> Option<u128> {
    let age = now.saturating_sub(present.set_at);
    if present.price == 0 || age < INTERVAL_SECONDS {
        return None;
    }
    let next = price_step(present.price, target);
    let worth = next.abs_diff(present.price).saturating_mul(WORTH) >= present.price;
    (worth || age >= RENEW_SECONDS).then_some(next)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(price: u128, set_at: u64) -> GasPrice {
        GasPrice { price, overhead_gas: 1, set_at }
    }

    #[test]
    fn moves_in_steps_and_not_too_often() {
        assert_eq!(next_price(&at(1000, 0), 2000, 100), Some(1250));
        assert_eq!(next_price(&at(1000, 90), 2000, 100), None);
        assert_eq!(next_price(&at(1000, 0), 1010, 100), None);
        assert_eq!(next_price(&at(1000, 0), 1010, RENEW_SECONDS), Some(1010));
    }

    #[test]
    fn free_stays_free() {
        assert_eq!(next_price(&at(0, 0), 2000, RENEW_SECONDS * 2), None);
    }
}
