//! What deliveries cost their senders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChainConfig, ConfigError, invalid};

/// What deliveries cost: what gas costs at the destination, in the coin of the source, and a margin. Coins are worth
/// what one of three sources says, in any common unit; without one, deliveries are free.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeeConfig {
    /// Above the cost; 0 if it is not given.
    pub margin_percent: u32,
    /// By chain name: worths that do not change (chains with the same coin, test networks).
    pub coin_prices: BTreeMap<String, f64>,
    /// A file that something else keeps: lines `name = price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coin_prices_file: Option<String>,
    /// A program that prints such lines, and its arguments.
    pub coin_prices_command: Vec<String>,
}

impl FeeConfig {
    /// No source of prices.
    pub fn is_empty(&self) -> bool {
        self.coin_prices.is_empty() && self.coin_prices_file.is_none() && self.coin_prices_command.is_empty()
    }

    pub(super) fn check(&self, chains: &BTreeMap<String, ChainConfig>) -> Result<(), ConfigError> {
        let sources = [
            !self.coin_prices.is_empty(),
            self.coin_prices_file.is_some(),
            !self.coin_prices_command.is_empty(),
        ];
        if sources.iter().filter(|given| **given).count() > 1 {
            return Err(invalid(
                "fees",
                "give one of coin_prices, coin_prices_file and coin_prices_command, not several",
            ));
        }
        for (name, price) in &self.coin_prices {
            if !chains.contains_key(name) {
                return Err(invalid(format!("fees.coin_prices.{name}"), "is no chain of this configuration"));
            }
            if !(price.is_finite() && *price > 0.0) {
                return Err(invalid(format!("fees.coin_prices.{name}"), "must be a number above zero"));
            }
        }
        if self.margin_percent > 1000 {
            return Err(invalid("fees.margin_percent", "must be at most 1000"));
        }
        Ok(())
    }
}
