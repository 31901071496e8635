//! What gas of one chain costs in the coin of another. The gateway keeps it in 2^-16 wei per gas (`Fees.sol`).

use alloy_primitives::U256;

/// The gateway's prices are in this fraction of a wei.
const PRICE_SHIFT: usize = 16;
/// The largest price that the gateway keeps (80 bits).
pub const MAX_PRICE: u128 = (1 << 80) - 1;
/// The smallest price that can be moved in steps of a quarter.
const MIN_PRICE: u128 = 4;
/// Gas of a delivery besides the message's own limit, as quoted: its share of a batch's signatures, calldata, records.
pub const OVERHEAD_GAS: u32 = 60_000;
/// Most of a price that one update may add or take: a quarter.
const STEP: u128 = 4;

/// What the coins of two chains are worth, in any common unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinPrices {
    /// Of the chain that sends, and is paid.
    pub source: u64,
    /// Of the chain that delivers, and costs.
    pub destination: u64,
}

/// The price of the destination's gas in the source's coin, with a margin; at least 4, of which a quarter can be moved.
/// `None` if a coin has no price.
pub fn target_price(gas_cost: u128, coins: CoinPrices, margin_percent: u32) -> Option<u128> {
    if coins.source == 0 || coins.destination == 0 {
        return None;
    }
    let numerator = U256::from(gas_cost)
        .checked_mul(U256::from(coins.destination))?
        .checked_mul(U256::from(100 + u64::from(margin_percent)))?
        .checked_mul(U256::from(1u64 << PRICE_SHIFT))?;
    let price = numerator / (U256::from(coins.source) * U256::from(100));
    Some(u128::try_from(price).unwrap_or(MAX_PRICE).clamp(MIN_PRICE, MAX_PRICE))
}

/// The nearest price to `target` that one update may set.
pub fn price_step(present: u128, target: u128) -> u128 {
    let step = present / STEP;
    target.clamp(present - step, present.saturating_add(step).min(MAX_PRICE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_of_equal_worth_pass_the_cost_on() {
        let coins = CoinPrices { source: 7, destination: 7 };
        assert_eq!(target_price(1_000_000_000, coins, 0), Some(1_000_000_000 << 16));
        assert_eq!(target_price(1_000_000_000, coins, 20), Some(1_200_000_000 << 16));
    }

    #[test]
    fn a_dear_coin_pays_less_of_it() {
        let coins = CoinPrices { source: 3000, destination: 1 };
        assert_eq!(target_price(3000, coins, 0), Some(1 << 16));
        assert_eq!(target_price(0, coins, 0), Some(4));
        assert_eq!(target_price(1, CoinPrices { source: 0, destination: 1 }, 0), None);
        assert_eq!(
            target_price(u128::MAX, CoinPrices { source: 1, destination: u64::MAX }, 0),
            Some(MAX_PRICE)
        );
    }

    #[test]
    fn steps_are_a_quarter_and_arrive() {
        let mut price = 1_000_000;
        let mut steps = 0;
        while price != 5_000_000 {
            let next = price_step(price, 5_000_000);
            assert!(next > price && next <= price + price / 4);
            price = next;
            steps += 1;
        }
        assert!(steps < 10);
        assert_eq!(price_step(100, 0), 75);
    }
}
