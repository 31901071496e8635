//! From arguments to what is to be sent: shared by `icc send` and `icc quote`.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{
    Address, U256,
    utils::{format_ether, parse_units},
};
use alloy_signer_local::PrivateKeySigner;
use eyre::{WrapErr, bail};
use icc_chain_evm::{Account, BridgeUser, OutgoingMessage, TokenDeposit};
use icc_protocol::ChainId;

use crate::{
    cli::{MessageArgs, RouteArgs, TransferArgs},
    wiring,
};

/// The sender, and where to.
pub(crate) struct Route {
    pub(crate) account: Account,
    token_bridge: Option<Address>,
    pub(crate) to: ChainId,
    pub(crate) to_name: String,
}

impl Route {
    /// With a key that signs; one made up for the moment will do for questions.
    pub(crate) async fn new(arguments: &RouteArgs, key: Arc<PrivateKeySigner>) -> eyre::Result<Self> {
        let config = wiring::load(&arguments.file)?;
        let (from_name, from) = config.chain(&arguments.from).wrap_err("--from")?;
        let (to_name, to) = config.chain(&arguments.to).wrap_err("--to")?;
        if from.id == to.id {
            bail!("--to: is the chain it is sent from");
        }
        let chain = wiring::chain(from_name, from)?;
        if chain.gateway.is_zero() {
            bail!("chains.{from_name}.gateway is missing in the configuration; `icc deploy` tells it");
        }
        let token_bridge = Some(chain.token_bridge).filter(|address| !address.is_zero());
        let account = Account::new(chain, key)?;
        account.check_chain_id().await?;
        Ok(Self { account, token_bridge, to: ChainId(to.id), to_name: to_name.to_owned() })
    }

    /// With or without a token bridge.
    pub(crate) fn sender(&self) -> BridgeUser<'_> {
        BridgeUser { account: &self.account, token_bridge: self.token_bridge.unwrap_or(Address::ZERO) }
    }

    pub(crate) fn user(&self) -> eyre::Result<BridgeUser<'_>> {
        if self.token_bridge.is_none() {
            let name = &self.account.chain().name;
            bail!("chains.{name}.token_bridge is missing in the configuration; `icc deploy` tells it");
        }
        Ok(self.sender())
    }

    /// The deposit that the arguments ask for.
    pub(crate) async fn deposit(&self, arguments: &TransferArgs) -> eyre::Result<TokenDeposit> {
        let user = self.user()?;
        let given = arguments.token.as_deref().map(|text| wiring::address("token", text)).transpose()?;
        let recipient = arguments.recipient.as_deref();
        let recipient = recipient.map(|text| wiring::address("recipient", text)).transpose()?;
        let (token, decimals) = match given {
            Some(token) => {
                (token, user.decimals(token).await.wrap_err("token: is it an ERC-20 of that chain?")?)
            }
            None => (user.wrapped_native().await?, 18),
        };
        let amount = amount(&arguments.amount, decimals)?;
        if !user.can_move(token, self.to).await? {
            let what = given.map_or_else(|| "--native".to_owned(), |token| format!("--token {token}"));
            bail!(
                "token: {token} cannot be moved to {} yet; register it first: icc send register {what} …",
                self.to_name
            );
        }
        let call = match arguments.call_gas {
            Some(gas) => Some((gas, wiring::payload(arguments.call.as_deref().unwrap_or(""))?)),
            None => None,
        };
        Ok(TokenDeposit {
            token: given,
            amount,
            to: self.to,
            recipient: recipient.unwrap_or_else(|| self.account.address()),
            deadline: self.deadline(arguments.deadline).await?,
            call,
        })
    }

    /// The message that the arguments ask for.
    pub(crate) async fn message(&self, arguments: &MessageArgs) -> eyre::Result<OutgoingMessage> {
        let recipient = wiring::address("recipient", &arguments.recipient)?;
        let payload = wiring::payload(&arguments.payload)?;
        if arguments.gas_limit > icc_protocol::MAX_GAS_LIMIT {
            bail!("gas-limit: {} is above {}", arguments.gas_limit, icc_protocol::MAX_GAS_LIMIT);
        }
        Ok(OutgoingMessage {
            to: self.to,
            recipient,
            gas_limit: arguments.gas_limit,
            deadline: self.deadline(arguments.deadline).await?,
            payload,
        })
    }

    /// Seconds from now to UNIX seconds; 0 stays 0.
    async fn deadline(&self, seconds: u64) -> eyre::Result<u64> {
        if seconds == 0 {
            return Ok(0);
        }
        let least = self.sender().min_deadline_delay().await?;
        if seconds <= least {
            bail!("deadline: must be 0 (none) or above {least} seconds on {}", self.account.chain().name);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        Ok(now.saturating_add(seconds))
    }
}

/// Wei in whole coins, for people.
pub(crate) fn coins(wei: U256) -> String {
    let text = format_ether(wei);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

/// Whole tokens to the smallest unit; more decimals than the token has are refused, never rounded.
pub(crate) fn amount(text: &str, decimals: u8) -> eyre::Result<U256> {
    let shown: String = text.chars().take(60).collect();
    let digits = text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.matches('.').count() <= 1;
    if text.len() > 80 || !digits || !text.chars().any(|c| c.is_ascii_digit()) {
        bail!("amount: {shown:?} is no amount; write whole tokens, like 12.5");
    }
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction).trim_end_matches('0');
    if fraction.len() > usize::from(decimals) {
        bail!("amount: {shown} has more than the token's {decimals} decimals");
    }
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let normalised = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    let normalised = if normalised.starts_with('.') { format!("0{normalised}") } else { normalised };
    let amount: U256 = parse_units(&normalised, decimals).wrap_err("amount")?.into();
    if amount.is_zero() || amount > U256::from(u128::MAX) {
        bail!("amount: {shown} must be above zero and below 2^128 of the smallest unit");
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        assert_eq!(amount("12.5", 6).unwrap(), U256::from(12_500_000));
        assert_eq!(amount("12.50000000", 6).unwrap(), U256::from(12_500_000));
        assert_eq!(amount(".5", 1).unwrap(), U256::from(5));
        assert_eq!(amount("7", 0).unwrap(), U256::from(7));
        for bad in ["", ".", "-1", "1e5", "0", "0.0", "1.0000001", "1,5", "0x10", &"9".repeat(80), "1.2.3"] {
            let error = amount(bad, 6).unwrap_err().to_string();
            assert!(error.starts_with("amount"), "{bad}: {error}");
        }
    }

    #[test]
    fn coins_are_told_exactly() {
        assert_eq!(coins(U256::from(1_500_000_000_000_000_000u64)), "1.5");
        assert_eq!(coins(U256::from(1)), "0.000000000000000001");
        assert_eq!(coins(U256::ZERO), "0");
    }
}
