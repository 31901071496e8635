//! What must be true after anything: read from the chains, not from any database.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, U256};
use eyre::{bail, ensure};
use icc_chain_evm::{
    Account, BridgeUser,
    bindings::{Gateway, IGateway},
    token_id,
};
use tokio::time::sleep;

use crate::Devnet;

/// A token on all chains.
#[derive(Debug, Clone)]
pub struct TokenAudit {
    /// Locked at home.
    pub escrow: U256,
    /// Of it, what waits in the queue or to be claimed at home.
    pub waiting: U256,
    /// By remote chain (index): what home counts as held there, and the supply there.
    pub remotes: Vec<(usize, U256, U256)>,
}

impl TokenAudit {
    /// Supply = held = escrow, to the last unit. Only once nothing is on its way.
    ///
    /// # Errors
    /// Naming what differs.
    pub fn check(&self) -> eyre::Result<()> {
        let mut held_by_all = U256::ZERO;
        for (chain, held, supply) in &self.remotes {
            ensure!(held == supply, "chain {chain} has a supply of {supply}, but home counts {held}");
            held_by_all += *held;
        }
        ensure!(
            held_by_all + self.waiting == self.escrow,
            "escrow is {}, but remote chains hold {held_by_all} and {} waits",
            self.escrow,
            self.waiting
        );
        Ok(())
    }
}

/// Reads a token whose home is chain `home` from all chains.
///
/// # Errors
/// If a chain cannot be read.
pub async fn audit_token(devnet: &Devnet, home: usize, token: Address) -> eyre::Result<TokenAudit> {
    let id = token_id(devnet.configs[home].id, token);
    let home_account = devnet.account(home)?;
    let home_user = BridgeUser { account: &home_account, token_bridge: devnet.contracts[home].token_bridge };
    let escrow = home_user.balance(token, home_user.token_bridge).await?;
    let waiting = home_user.waiting(id).await?;
    let mut remotes = Vec::new();
    for chain in (0..devnet.chains.len()).filter(|chain| *chain != home) {
        let held = home_user.held(id, devnet.configs[chain].id).await?;
        let account = devnet.account(chain)?;
        let user = BridgeUser { account: &account, token_bridge: devnet.contracts[chain].token_bridge };
        // What waits there is counted at home, and not minted yet.
        let minted = supply(&account, user.token_bridge, id).await? + user.waiting(id).await?;
        remotes.push((chain, held, minted));
    }
    Ok(TokenAudit { escrow, waiting, remotes })
}

/// Waits until every lane's inbox is its outbox's accumulator: all that was sent has been delivered, in order.
///
/// # Errors
/// If a chain cannot be read, or `patience` is over; names the lanes that lag.
pub async fn wait_settled(devnet: &Devnet, patience: Duration) -> eyre::Result<()> {
    settled(devnet, patience, |lagging, _| lagging).await
}

/// Waits until every lane has been even at some moment, not all at the same one: what can be waited for while messages
/// are sent.
///
/// # Errors
/// As [`wait_settled`].
pub async fn wait_each_settled(devnet: &Devnet, patience: Duration) -> eyre::Result<()> {
    settled(devnet, patience, |lagging, before| match before {
        None => lagging,
        Some(before) => lagging.into_iter().filter(|(lane, _)| before.contains_key(lane)).collect(),
    })
    .await
}

/// Lanes that lag, by the places of their chains, and how many messages were sent.
type Lagging = BTreeMap<(usize, usize), u64>;

/// Reads the lanes until, of those that lag and those that were awaited before, none is to be awaited.
async fn settled(
    devnet: &Devnet,
    patience: Duration,
    awaited: impl Fn(Lagging, Option<&Lagging>) -> Lagging,
) -> eyre::Result<()> {
    let began = Instant::now();
    let mut before = None;
    loop {
        let lagging = awaited(lagging_lanes(devnet).await?, before.as_ref());
        if lagging.is_empty() {
            return Ok(());
        }
        if began.elapsed() >= patience {
            let name = |chain: usize| &devnet.configs[chain].name;
            let lanes = lagging
                .iter()
                .map(|((from, to), sent)| format!("{} → {} ({sent} sent)", name(*from), name(*to)));
            bail!("not delivered after {patience:?}: {}", lanes.collect::<Vec<_>>().join(", "));
        }
        before = Some(lagging);
        sleep(Duration::from_millis(250)).await;
    }
}

async fn lagging_lanes(devnet: &Devnet) -> eyre::Result<Lagging> {
    let mut lagging = Lagging::new();
    for (from, source) in devnet.configs.iter().enumerate() {
        for (to, destination) in devnet.configs.iter().enumerate().filter(|(to, _)| *to != from) {
            let outbox = devnet.account(from)?;
            let outbox = outbox.view(source.gateway, Gateway::outboxCall { chain: destination.id.0 }).await?;
            let remote = IGateway::Remote {
                chain: source.id.0,
                generation: outbox.generation,
                gateway: source.gateway.into_word(),
            };
            let inbox = devnet.account(to)?;
            let lane = inbox.view(destination.gateway, Gateway::laneFromCall { remote }).await?;
            let delivered = inbox.view(destination.gateway, Gateway::inboxCall { lane }).await?;
            if delivered != outbox.accumulator {
                lagging.insert((from, to), outbox.nonce);
            }
        }
    }
    Ok(lagging)
}

async fn supply(account: &Account, token_bridge: Address, id: B256) -> eyre::Result<U256> {
    let user = BridgeUser { account, token_bridge };
    let wrapper = user.local(id).await?;
    if wrapper.is_zero() { Ok(U256::ZERO) } else { Ok(user.supply(wrapper).await?) }
}
