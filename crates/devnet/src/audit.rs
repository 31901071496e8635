//! What must be true after anything: read from the chains, not from any database.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, U256};
use eyre::ensure;
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
    let began = Instant::now();
    loop {
        let lagging = lagging_lanes(devnet).await?;
        if lagging.is_empty() {
            return Ok(());
        }
        ensure!(began.elapsed() < patience, "not delivered after {patience:?}: {}", lagging.join(", "));
        sleep(Duration::from_millis(250)).await;
    }
}

async fn lagging_lanes(devnet: &Devnet) -> eyre::Result<Vec<String>> {
    let mut lagging = Vec::new();
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
                lagging.push(format!("{} → {} ({} sent)", source.name, destination.name, outbox.nonce));
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
