//! `icc send`.

use std::{process::ExitCode, time::Duration};

use alloy_primitives::{B256, U256};
use eyre::bail;
use icc_api::CoreClient;
use icc_chain::ChainError;
use serde::Serialize;

use crate::{
    cli::{FollowArgs, SendArgs, SendCommon, SendMessage, SendRegister, SendToken, SendWhat},
    commands::{
        route::{Route, amount, coins},
        status::{self, Followed},
    },
    output::{self, Talk},
    wiring,
};

#[derive(Serialize)]
struct Sent {
    transaction: B256,
    /// Wei of the source's coin.
    fee_wei: String,
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
    let route = route(&arguments.common).await?;
    let deposit = route.deposit(&arguments.transfer).await?;
    let user = route.user()?;
    let talk = Talk::new();
    let fee = fee(&route, &arguments.common, user.quote(&deposit), &talk).await?;
    let (balance, needed) = match deposit.token {
        Some(token) => (user.balance(token, route.account.address()).await?, deposit.amount),
        None => (route.account.balance().await?, deposit.amount.saturating_add(fee)),
    };
    if balance < needed {
        bail!("amount: {} is more than the sender has", arguments.transfer.amount);
    }
    talk.step("depositing");
    let transaction = user.deposit(&deposit, fee).await?;
    finish((transaction, fee), &arguments.common.follow, &talk, json).await
}

async fn message(arguments: SendMessage, json: bool) -> eyre::Result<ExitCode> {
    let route = route(&arguments.common).await?;
    let message = route.message(&arguments.message).await?;
    let user = route.sender();
    let talk = Talk::new();
    let fee = fee(&route, &arguments.common, user.quote_message(&message), &talk).await?;
    talk.step("sending");
    let transaction = user.message(&message, fee).await?;
    finish((transaction, fee), &arguments.common.follow, &talk, json).await
}

async fn register(arguments: SendRegister, json: bool) -> eyre::Result<ExitCode> {
    let route = route(&arguments.common).await?;
    let user = route.user()?;
    let token = match &arguments.token {
        Some(token) => wiring::address("token", token)?,
        None => user.wrapped_native().await?,
    };
    if user.can_move(token, route.to).await? {
        bail!("token: {token} is registered on {} already", route.to_name);
    }
    let talk = Talk::new();
    let fee = fee(&route, &arguments.common, user.quote_registration(route.to), &talk).await?;
    talk.step("registering");
    let transaction = user.register(token, route.to, fee).await?;
    finish((transaction, fee), &arguments.common.follow, &talk, json).await
}

async fn route(common: &SendCommon) -> eyre::Result<Route> {
    let route = Route::new(&common.route, common.keys.one()?.key()).await?;
    if route.account.balance().await?.is_zero() {
        let (sender, chain) = (route.account.address(), &route.account.chain().name);
        bail!("{sender} has no coin on {chain} to pay for gas");
    }
    Ok(route)
}

/// What is paid for the delivery; told before anything is signed. What is not paid for is not quoted either: a price that
/// is too old must not keep anybody from sending.
async fn fee(
    route: &Route,
    common: &SendCommon,
    quote: impl Future<Output = Result<U256, ChainError>>,
    talk: &Talk,
) -> eyre::Result<U256> {
    if common.unpaid {
        talk.step("the delivery is not paid for");
        return Ok(U256::ZERO);
    }
    let quoted = quote.await?;
    if let Some(most) = &common.max_fee {
        let most = amount(most, 18).map_err(|error| eyre::eyre!("max-fee: {error}"))?;
        if quoted > most {
            bail!("max-fee: the delivery costs {} coins of {}", coins(quoted), route.account.chain().name);
        }
    }
    talk.step(&format!("the delivery costs {} coins of {}", coins(quoted), route.account.chain().name));
    Ok(quoted)
}

async fn finish(
    (transaction, fee): (B256, U256),
    follow: &FollowArgs,
    talk: &Talk,
    json: bool,
) -> eyre::Result<ExitCode> {
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
    output::result(json, &Sent { transaction, fee_wei: fee.to_string(), followed }, &text)?;
    Ok(code)
}
