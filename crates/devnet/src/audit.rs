//! What must be true after anything: read from the chains, not from any database.

use alloy_primitives::{Address, B256, U256};
use eyre::ensure;
use icc_chain_evm::{Account, BridgeUser, token_id};

use crate::Devnet;

/// A token on all chains.
#[derive(Debug, Clone)]
pub struct TokenAudit {
    /// Locked at home.
    pub escrow: U256,
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
        ensure!(held_by_all == self.escrow, "escrow is {}, but remote chains hold {held_by_all}", self.escrow);
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
    let mut remotes = Vec::new();
    for chain in (0..devnet.chains.len()).filter(|chain| *chain != home) {
        let held = home_user.held(id, devnet.configs[chain].id).await?;
        let account = devnet.account(chain)?;
        remotes.push((chain, held, supply(&account, devnet.contracts[chain].token_bridge, id).await?));
    }
    Ok(TokenAudit { escrow, remotes })
}

async fn supply(account: &Account, token_bridge: Address, id: B256) -> eyre::Result<U256> {
    let user = BridgeUser { account, token_bridge };
    let wrapper = user.local(id).await?;
    if wrapper.is_zero() { Ok(U256::ZERO) } else { Ok(user.supply(wrapper).await?) }
}
