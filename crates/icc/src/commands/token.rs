//! `icc token`.

use std::process::ExitCode;

use alloy_primitives::{Address, B256, U256, utils::format_units};
use alloy_sol_types::SolCall;
use eyre::{WrapErr, bail};
use icc_chain_evm::{
    Account,
    bindings::{DemoToken, Gateway, TokenBridge},
    timelock::{self, Acts},
};
use serde::Serialize;

use crate::{
    cli::{KeyArgs, TokenArgs, TokenAt, TokenWhat},
    commands::{PENDING, route::amount},
    output, wiring,
};

/// A token on one chain, and who asks or acts.
struct Place {
    account: Account,
    token: Address,
    id: B256,
    decimals: u8,
}

#[derive(Serialize)]
struct Shown {
    token_id: B256,
    home_chain: u64,
    /// In whole tokens, within the rate window.
    arrivals: String,
    /// The same; absent: not limited.
    departures: Option<String>,
    /// Arrivals beyond departures at present.
    net_flow: String,
    rate_window_seconds: u64,
    deposits_paused: bool,
    releases_paused: bool,
    /// Places in the queue that are taken: from the first, up to and without the second.
    queue: (u64, u64),
    waiting: String,
    claims: String,
}

pub(crate) async fn run(arguments: TokenArgs, json: bool) -> eyre::Result<ExitCode> {
    match arguments.what {
        TokenWhat::Show(at) => show(&at, json).await,
        TokenWhat::Limits { at, keys, arrivals, departures } => {
            let place = place(&at, Some(&keys)).await?;
            let call = TokenBridge::setLimitsCall {
                tokenId: place.id,
                arrivals: place.units("arrivals", &arrivals)?,
                departures: departures.map_or(Ok(0), |text| place.units("departures", &text))?,
            };
            owner(&place, call, json).await
        }
        TokenWhat::Pause { at, keys, deposits, releases } => {
            if !deposits && !releases {
                bail!("say what to pause: --deposits, --releases, or both");
            }
            let place = place(&at, Some(&keys)).await?;
            send(&place, TokenBridge::pauseCall { tokenId: place.id, deposits, releases }, json).await
        }
        TokenWhat::Unpause { at, keys } => {
            let place = place(&at, Some(&keys)).await?;
            let call = TokenBridge::unpauseCall { tokenId: place.id, deposits: false, releases: false };
            owner(&place, call, json).await
        }
        TokenWhat::Cancel { at, keys, index } => {
            let place = place(&at, Some(&keys)).await?;
            owner(&place, TokenBridge::cancelCall { tokenId: place.id, index }, json).await
        }
        TokenWhat::Claim { at, keys, recipient } => {
            let place = place(&at, Some(&keys)).await?;
            let account = place.account.address();
            let recipient =
                recipient.as_deref().map(|text| wiring::address("recipient", text)).transpose()?;
            let recipient = recipient.unwrap_or(account);
            send(&place, TokenBridge::claimCall { tokenId: place.id, account, recipient }, json).await
        }
    }
}

async fn place(at: &TokenAt, keys: Option<&KeyArgs>) -> eyre::Result<Place> {
    let config = wiring::load(&at.file)?;
    let (name, chain) = config.chain(&at.chain).wrap_err("--chain")?;
    let chain = wiring::chain(name, chain)?;
    if chain.token_bridge.is_zero() {
        bail!("chains.{name}.token_bridge is missing in the configuration; `icc deploy` tells it");
    }
    let token = wiring::address("token", &at.token)?;
    let account = Account::new(chain, wiring::key_or_nobody(keys)?)?;
    account.check_chain_id().await?;
    let bridge = account.chain().token_bridge;
    let id = account.view(bridge, TokenBridge::idOfCall { token }).await?;
    if id.is_zero() {
        bail!("token: {token} is not known to the bridge on {name}; `icc send register` makes it known");
    }
    let info = account.view(bridge, TokenBridge::tokenInfoCall { tokenId: id }).await?;
    let decimals = account.view(token, DemoToken::decimalsCall {}).await?;
    // Amounts are kept in units of the home token.
    let scale = if info.local == token { info.scale } else { 0 };
    Ok(Place { account, token, id, decimals: decimals.saturating_sub(scale) })
}

impl Place {
    fn units(&self, field: &str, text: &str) -> eyre::Result<u128> {
        let units = amount(text, self.decimals).map_err(|error| eyre::eyre!("{field}: {error}"))?;
        units.try_into().map_err(|_| eyre::eyre!("{field}: is too large"))
    }

    fn whole(&self, units: U256) -> String {
        format_units(units, self.decimals).unwrap_or_else(|_| units.to_string())
    }
}

async fn show(at: &TokenAt, json: bool) -> eyre::Result<ExitCode> {
    let place = place(at, None).await?;
    let (account, bridge, id) = (&place.account, place.account.chain().token_bridge, place.id);
    let flow = account.view(bridge, TokenBridge::flowOfCall { tokenId: id }).await?;
    let queue = account.view(bridge, TokenBridge::queueOfCall { tokenId: id }).await?;
    let (sign, net) = flow.net.into_sign_and_abs();
    let shown = Shown {
        token_id: id,
        home_chain: account.view(bridge, TokenBridge::tokenOfCall { tokenId: id }).await?.homeChain,
        arrivals: place.whole(flow.arrivals),
        departures: (!flow.departures.is_zero()).then(|| place.whole(flow.departures)),
        net_flow: format!("{}{}", if sign.is_negative() { "-" } else { "" }, place.whole(net)),
        rate_window_seconds: account.view(bridge, TokenBridge::rateWindowCall {}).await?,
        deposits_paused: flow.depositsPaused,
        releases_paused: flow.releasesPaused,
        queue: (queue.head, queue.tail),
        waiting: place.whole(U256::from(queue.waiting)),
        claims: place
            .whole(U256::from(account.view(bridge, TokenBridge::claimsOfCall { tokenId: id }).await?)),
    };
    let text = format!(
        "{} (id {}), home chain {}\narrivals up to {} and departures up to {} in {} s; net flow {}\n\
         deposits {}, releases {}\nqueue {}..{}, {} waiting; {} to be claimed",
        place.token,
        shown.token_id,
        shown.home_chain,
        shown.arrivals,
        shown.departures.as_deref().unwrap_or("any amount"),
        shown.rate_window_seconds,
        shown.net_flow,
        if shown.deposits_paused { "paused" } else { "open" },
        if shown.releases_paused { "paused" } else { "open" },
        shown.queue.0,
        shown.queue.1,
        shown.waiting,
        shown.claims,
    );
    output::result(json, &shown, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// An act of the owner, through its timelock.
async fn owner<C: SolCall>(place: &Place, call: C, json: bool) -> eyre::Result<ExitCode> {
    let chain = place.account.chain();
    let timelock = place.account.view(chain.gateway, Gateway::ownerCall {}).await?;
    let acts = vec![(chain.token_bridge, call.abi_encode().into())];
    let acts = timelock::through_timelock(&place.account, timelock, acts).await?;
    told(&[(chain.name.clone(), acts)], json)
}

/// What became of acts of owners, by chain.
pub(crate) fn told(acts: &[(String, Acts)], json: bool) -> eyre::Result<ExitCode> {
    let mut waiting = Vec::new();
    for (name, acts) in acts {
        if let Acts::WaitingUntil(time) = acts {
            waiting.push((name.clone(), *time));
        }
    }
    let text = if waiting.is_empty() {
        "done".to_owned()
    } else {
        let lines = waiting.iter().map(|(name, time)| format!("{name}: waits in the timelock until {time}"));
        lines.collect::<Vec<_>>().join("\n") + "\nrun the same command again then"
    };
    output::result(json, &serde_json::json!({ "done": waiting.is_empty(), "waiting": waiting }), &text)?;
    Ok(if waiting.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(PENDING) })
}

async fn send<C: SolCall>(place: &Place, call: C, json: bool) -> eyre::Result<ExitCode> {
    let receipt = place.account.send(place.account.chain().token_bridge, call).await?;
    let result = serde_json::json!({ "transaction": receipt.transaction });
    output::result(json, &result, &receipt.transaction.to_string())?;
    Ok(ExitCode::SUCCESS)
}
