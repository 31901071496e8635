//! What is there before any process of the bridge: keys, funds, contracts, lanes.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, hex};
use alloy_signer_local::PrivateKeySigner;
use futures::future::try_join_all;
use icc_chain::Finality;
use icc_chain::GasPrice;
use icc_chain_evm::{
    Account, EvmChain, FeePolicy,
    deploy::{self, Contracts, HubSite, Plan, RegistryPlan, RemoteSite, Site},
};
use icc_protocol::{ChainId, CoinPrices, OVERHEAD_GAS, target_price};

use crate::{Anvil, ChainSpec, hub::HUB};

/// The coins of the devnet's chains are worth the same.
const EQUAL_COINS: CoinPrices = CoinPrices { source: 1, destination: 1 };
/// Above what gas costs.
pub(crate) const MARGIN_PERCENT: u32 = 20;

/// Keys of a network that lives for an afternoon.
pub(crate) struct Keys {
    pub(crate) deployer: Arc<PrivateKeySigner>,
    pub(crate) relayers: Vec<PrivateKeySigner>,
    pub(crate) validators: Vec<PrivateKeySigner>,
    pub(crate) user: Arc<PrivateKeySigner>,
}

impl Keys {
    pub(crate) fn new(validators: usize) -> Self {
        Self {
            deployer: Arc::new(PrivateKeySigner::random()),
            relayers: (0..4).map(|_| PrivateKeySigner::random()).collect(),
            validators: (0..validators).map(|_| PrivateKeySigner::random()).collect(),
            user: Arc::new(PrivateKeySigner::random()),
        }
    }

    pub(crate) fn text<'a>(keys: impl IntoIterator<Item = &'a PrivateKeySigner>) -> String {
        keys.into_iter().map(|key| format!("{}\n", hex::encode_prefixed(key.to_bytes()))).collect()
    }
}

/// A chain as a user sees it; its gateway is not known yet.
pub(crate) fn chain(spec: &ChainSpec, anvil: &Anvil) -> EvmChain {
    EvmChain {
        id: ChainId(spec.id),
        name: spec.name.clone(),
        gateway: Address::ZERO,
        token_bridge: Address::ZERO,
        registry: None,
        endpoints: vec![anvil.url()],
        websocket: None,
        finality: Finality::Finalized,
        economic_finality: true,
        poll_interval: Duration::from_millis(200),
        timeout: Duration::from_secs(10),
        quorum: 1,
        max_range: 5000,
        fees: FeePolicy::default(),
    }
}

/// Funds everybody, deploys the contracts, opens all lanes.
pub(crate) async fn deploy_all(
    keys: &Keys,
    chains: &[Anvil],
    configs: &[EvmChain],
    plan: &Plan,
    registry: &RegistryPlan,
) -> eyre::Result<(Vec<Contracts>, HubSite)> {
    for anvil in chains {
        for account in [keys.deployer.address(), keys.user.address()] {
            anvil.fund(account, 1_000_000).await?;
        }
        for relayer in &keys.relayers {
            anvil.fund(relayer.address(), 1_000_000).await?;
        }
    }
    let accounts: Vec<Account> = configs
        .iter()
        .map(|config| Account::new(config.clone(), keys.deployer.clone()))
        .collect::<Result<_, _>>()?;
    let deploying = accounts.iter().map(|account| deploy::contracts(account, plan, Site::default()));
    let contracts = try_join_all(deploying).await?;
    let hub = HubSite {
        chain: configs[HUB].id,
        registry: deploy::registry(&accounts[HUB], plan, registry, contracts[HUB].timelock).await?,
    };
    let costs = try_join_all(accounts.iter().map(Account::gas_cost)).await?;
    let opening =
        accounts.iter().enumerate().map(|(here, account)| {
            let remotes: Vec<RemoteSite> =
                (0..configs.len())
                    .filter(|there| *there != here)
                    .map(|there| RemoteSite {
                        chain: configs[there].id,
                        contracts: contracts[there],
                        economic_finality: configs[there].economic_finality,
                        price: target_price(costs[there], EQUAL_COINS, MARGIN_PERCENT)
                            .map(|price| GasPrice { price, overhead_gas: OVERHEAD_GAS, set_at: 0 }),
                    })
                    .collect();
            let contracts = contracts[here];
            async move { deploy::open_lanes(account, &contracts, &remotes, plan, Some(hub)).await }
        });
    try_join_all(opening).await?;
    Ok((contracts, hub))
}
