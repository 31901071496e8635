//! `icc send`.

use std::{process::ExitCode, time::Duration};

use alloy_primitives::{Address, B256, U256, utils::parse_units};
use eyre::{OptionExt, WrapErr, bail};
use icc_api::CoreClient;
use icc_chain_evm::{Account, BridgeUser};
use icc_protocol::ChainId;
use serde::Serialize;

use crate::{
    cli::{FollowArgs, SendArgs, SendCommon, SendMessage, SendRegister, SendToken, SendWhat},
    commands::status::{self, Followed},
    output::{self, Talk},
    wiring,
};

/// The sender, and where to.
struct Route {
    account: Account,
    token_bridge: Option<Address>,
    to: ChainId,
    to_name: String,
}

#[derive(Serialize)]
struct Sent {
    transaction: B256,
    #[serde(flatten)]
    followed: Option<Followed>,
}

pub(crate) async fn run(arguments: SendArgs, json: bool) -> eyre::Result<ExitCode> {
    match arguments.what {
        SendWhat::Token(arguments) => token(arguments, json).await,
        SendWhat::Message(arguments) => message(arguments, json).await,
        SendWhat::Register(arguments) => register(arguments, json).await,
    }
}

async fn token(arguments: SendToken, json: bool) -> eyre::Result<ExitCode> {
    let token = wiring::address("token", &arguments.token)?;
    let recipient =
        arguments.recipient.as_deref().map(|text| wiring::address("recipient", text)).transpose()?;
    let route = route(&arguments.common).await?;
    let user = user(&route)?;
    let recipient = recipient.unwrap_or_else(|| route.account.address());
    let decimals = user.decimals(token).await.wrap_err("token: is it an ERC-20 of that chain?")?;
    let amount = amount(&arguments.amount, decimals)?;
    if !user.is_registered(token, route.to).await? {
        bail!(
            "token: {token} cannot be moved to {} yet; register it first: icc send register --token {token} …",
            route.to_name
        );
    }
    let balance = user.balance(token, route.account.address()).await?;
    if balance < amount {
        bail!("amount: {} is more than the sender has", arguments.amount);
    }
    let talk = Talk::new();
    talk.step("depositing");
    let transaction = user.deposit(token, amount, route.to, recipient).await?;
    finish(transaction, &arguments.common.follow, &talk, json).await
}

async fn message(arguments: SendMessage, json: bool) -> eyre::Result<ExitCode> {
    let recipient = wiring::address("recipient", &arguments.recipient)?;
    let payload = wiring::payload(&arguments.payload)?;
    if arguments.gas_limit > icc_protocol::MAX_GAS_LIMIT {
        bail!("gas-limit: {} is above {}", arguments.gas_limit, icc_protocol::MAX_GAS_LIMIT);
    }
    let route = route(&arguments.common).await?;
    let user =
        BridgeUser { account: &route.account, token_bridge: route.token_bridge.unwrap_or(Address::ZERO) };
    let talk = Talk::new();
    talk.step("sending");
    let transaction = user.message(route.to, recipient, arguments.gas_limit, payload).await?;
    finish(transaction, &arguments.common.follow, &talk, json).await
}

async fn register(arguments: SendRegister, json: bool) -> eyre::Result<ExitCode> {
    let token = wiring::address("token", &arguments.token)?;
    let route = route(&arguments.common).await?;
    let user = user(&route)?;
    if user.is_registered(token, route.to).await? {
        bail!("token: {token} is registered on {} already", route.to_name);
    }
    let talk = Talk::new();
    talk.step("registering");
    let transaction = user.register(token, route.to).await?;
    finish(transaction, &arguments.common.follow, &talk, json).await
}

async fn route(common: &SendCommon) -> eyre::Result<Route> {
    let config = wiring::load(&common.file)?;
    let (from_name, from) = config.chain(&common.from).wrap_err("--from")?;
    let (to_name, to) = config.chain(&common.to).wrap_err("--to")?;
    if from.id == to.id {
        bail!("--to: is the chain it is sent from");
    }
    let chain = wiring::chain(from_name, from)?;
    if chain.gateway.is_zero() {
        bail!("chains.{from_name}.gateway is missing in the configuration; `icc deploy` tells it");
    }
    let token_bridge = from.token_bridge.as_deref();
    let token_bridge = token_bridge
        .map(|text| wiring::address(&format!("chains.{from_name}.token_bridge"), text))
        .transpose()?;
    let account = Account::new(chain, common.keys.one()?.key())?;
    account.check_chain_id().await?;
    if account.balance().await?.is_zero() {
        bail!("{} has no coin on {from_name} to pay for gas", account.address());
    }
    Ok(Route { account, token_bridge, to: ChainId(to.id), to_name: to_name.to_owned() })
}

fn user(route: &Route) -> eyre::Result<BridgeUser<'_>> {
    let token_bridge = route.token_bridge.ok_or_eyre("token_bridge is missing in the configuration")?;
    Ok(BridgeUser { account: &route.account, token_bridge })
}

/// Whole tokens to the smallest unit; more decimals than the token has are refused, never rounded.
fn amount(text: &str, decimals: u8) -> eyre::Result<U256> {
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

async fn finish(transaction: B256, follow: &FollowArgs, talk: &Talk, json: bool) -> eyre::Result<ExitCode> {
    talk.step(&format!("in a block: {transaction}"));
    let mut code = ExitCode::SUCCESS;
    let followed = match &follow.core {
        Some(core) => {
            let client = CoreClient::new(core.clone())?;
            let followed =
                status::follow(&client, transaction, Duration::from_secs(follow.patience), talk).await?;
            code = followed.code();
            Some(followed)
        }
        None => None,
    };
    talk.end();
    let text = match &followed {
        Some(followed) => format!("{transaction} {}", followed.summary()),
        None => format!("{transaction}"),
    };
    output::result(json, &Sent { transaction, followed }, &text)?;
    Ok(code)
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
}
