//! The registry of a network that lives for an afternoon, on its first chain.

use std::{sync::Arc, time::SystemTime, time::UNIX_EPOCH};

use alloy_primitives::{Address, U256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use eyre::OptionExt;
use futures::future::try_join_all;
use icc_chain_evm::{
    Account, EvmChain,
    bindings::ValidatorRegistry,
    deploy::{HubSite, RegistryPlan},
};
use url::Url;

use crate::{Anvil, Devnet, anvil::local, bootstrap::Keys, ports::free_port};

/// What each validator of the first set bonds, and at least every other: 10 coins.
pub const BOND: u128 = 10_000_000_000_000_000_000;
/// The same in whole coins.
const BOND_TEXT: &str = "10";
/// So short that epochs can be watched. Seconds.
pub const EPOCH_SECONDS: u64 = 5;
/// From registering to joining. Seconds.
pub const PROBATION_SECONDS: u64 = 5;
/// In which a conviction can be vetoed. Seconds.
pub const DEFEAT_SECONDS: u64 = 10;
/// From jailing to coming back. Seconds.
pub const JAIL_SECONDS: u64 = 5;
/// How long after another a validator may sign. Seconds.
pub(crate) const CONFIRMATION_SECONDS: u64 = 5;
/// How long cores have to submit evidence before validators do. Seconds.
pub(crate) const EVIDENCE_GRACE_SECONDS: u64 = 2;
/// From leaving to a free bond, by the hub's clock. Seconds.
pub const UNBONDING_SECONDS: u64 = 21 * 86_400;
/// Which chain has it.
pub(crate) const HUB: usize = 0;

pub(crate) fn plan(treasury: Address) -> RegistryPlan {
    RegistryPlan {
        treasury,
        bond_token: Address::ZERO,
        min_bond: BOND,
        epoch_length: EPOCH_SECONDS,
        probation: PROBATION_SECONDS,
        unbonding: UNBONDING_SECONDS,
        defeat_window: DEFEAT_SECONDS,
        jail_time: JAIL_SECONDS,
        reporter_share: 1000,
    }
}

/// A little before now: when the first epoch was made.
pub(crate) fn first_epoch_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs().saturating_sub(60))
}

/// Bonds the validators of the first set, with their URLs.
pub(crate) async fn bond_founders(
    keys: &Keys,
    (anvil, config): (&Anvil, &EvmChain),
    hub: HubSite,
    urls: &[Url],
) -> eyre::Result<()> {
    let bonding = keys.validators.iter().zip(urls).map(|(key, url)| async move {
        anvil.fund(key.address(), 100).await?;
        let account = Account::new(config.clone(), Arc::new(key.clone()))?;
        let call =
            ValidatorRegistry::registerCall { url: url.to_string(), payout: account.address(), amount: BOND };
        account.pay(hub.registry, call, U256::from(BOND)).await?;
        eyre::Ok(())
    });
    try_join_all(bonding).await?;
    Ok(())
}

impl Devnet {
    /// Where the registry is.
    ///
    /// # Errors
    /// Never: a devnet has one.
    pub fn hub(&self) -> eyre::Result<HubSite> {
        let config = self.configs.get(HUB).ok_or_eyre("a devnet has a chain")?;
        let registry = config.registry.ok_or_eyre("a devnet has a registry")?;
        Ok(HubSite { chain: config.id, registry })
    }

    /// A new validator, as its operator starts it: allowed by the owner, funded, registers itself. Returns its number; it
    /// joins when its probation is over. Nothing else is told of it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn add_validator(&mut self) -> eyre::Result<usize> {
        let key = Arc::new(PrivateKeySigner::random());
        let allow = ValidatorRegistry::setAllowedCall { key: key.address(), isAllowed: true };
        self.owner_acts(HUB, vec![(self.hub()?.registry, allow.abi_encode().into())]).await?;
        self.chains[HUB].fund(key.address(), 100).await?;
        let number = self.validator_urls.len();
        self.validator_urls.push(local(&format!("http://127.0.0.1:{}", free_port()?)));
        self.validator_keys.push(key);
        self.start_validator(number, &[], &["--register", "--bond", BOND_TEXT]).await?;
        Ok(number)
    }

    pub(crate) fn registry_on(&self, chain: u64) -> Option<String> {
        let config = self.configs.iter().find(|config| config.id.0 == chain)?;
        config.registry.map(|registry| registry.to_string())
    }

    /// An account of any key on the hub.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn on_hub(&self, key: Arc<PrivateKeySigner>) -> eyre::Result<Account> {
        Ok(Account::new(self.configs[HUB].clone(), key)?)
    }
}
