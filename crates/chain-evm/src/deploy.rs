//! Deploying contracts and opening lanes, idempotently: addresses follow from what is deployed (CREATE2), everything
//! is looked up before it is done, and the owner's acts go through the timelock from the first one on.

use alloy_primitives::{
    Address, B256, Bytes, U256, address,
    aliases::{U40, U80},
    keccak256,
};
use alloy_sol_types::{SolCall, SolConstructor};
use icc_chain::{ChainError, GasPrice};
use icc_protocol::{ChainId, NetworkId, ValidatorSet};

use crate::{
    Account,
    bindings::{
        Gateway, IGateway, IValidatorRegistry, Timelock, TokenBridge, ValidatorRegistry, WrappedNative,
    },
    timelock::{Acts, through_timelock},
};

/// The deterministic deployment proxy that most chains have (Arachnid's; EIP-2470 is its kin).
const FACTORY: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");

/// What contracts are deployed with; the same on all chains of a network.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The deployment.
    pub network: NetworkId,
    /// May pause.
    pub guardian: Address,
    /// Epoch of `validators`: the network's present one.
    pub epoch: u64,
    /// The first set.
    pub validators: ValidatorSet,
    /// When that epoch was made, UNIX seconds by the hub's clock.
    pub hub_time: u64,
    /// With fewer validators in a set, deliveries stop.
    pub min_validators: u16,
    /// Seconds that the owner's acts wait once the deployment is complete.
    pub timelock_delay: u64,
    /// Seconds that a deadline must be ahead when a message is sent.
    pub min_deadline_delay: u64,
    /// Seconds over which rate limits count, and for which a transfer above them waits.
    pub rate_window: u64,
    /// May move gas prices in bounded steps; zero: nobody.
    pub fee_updater: Address,
    /// Gets the fees; zero: they stay in the gateways.
    pub fee_collector: Address,
}

/// What the registry is deployed with, on the hub. Times in seconds.
#[derive(Debug, Clone)]
pub struct RegistryPlan {
    /// Gets what is taken from liars, less the reporter's share.
    pub treasury: Address,
    /// What is bonded; zero: native coin.
    pub bond_token: Address,
    /// Least that a validator bonds.
    pub min_bond: u128,
    /// Least time between two epochs.
    pub epoch_length: u64,
    /// From registering to joining.
    pub probation: u64,
    /// From leaving to a free bond.
    pub unbonding: u64,
    /// In which the guardian may veto or confirm a conviction.
    pub defeat_window: u64,
    /// From jailing to coming back.
    pub jail_time: u64,
    /// Of a taken bond, in 1/10,000.
    pub reporter_share: u16,
}

/// Where the registry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSite {
    /// The hub.
    pub chain: ChainId,
    /// The registry on it.
    pub registry: Address,
}

/// What a chain has before the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Site {
    /// Gateway and token bridge.
    pub contracts: Option<(Address, Address)>,
    /// The contract of its wrapped native coin; one is deployed if there is none.
    pub wrapped_native: Option<Address>,
}

/// A chain that lanes are opened to.
#[derive(Debug, Clone, Copy)]
pub struct RemoteSite {
    /// Which.
    pub chain: ChainId,
    /// Its contracts.
    pub contracts: Contracts,
    /// What its gas costs at first, in the coin of the chain that sends; `None`: delivery is free.
    pub price: Option<GasPrice>,
    /// Whether a revert of its finality costs enough for a false checkpoint of it to be a lie for certain.
    pub economic_finality: bool,
}

/// Contracts of one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contracts {
    /// The owner.
    pub timelock: Address,
    /// The gateway.
    pub gateway: Address,
    /// The token bridge.
    pub token_bridge: Address,
    /// A block before the gateway existed, if it was deployed just now.
    pub start_block: Option<u64>,
}

/// Deploys what is not there.
///
/// # Errors
/// Any [`ChainError`]; run it again.
pub async fn contracts(account: &Account, plan: &Plan, site: Site) -> Result<Contracts, ChainError> {
    if let Some((gateway, token_bridge)) = site.contracts {
        let timelock = account.view(gateway, Gateway::ownerCall {}).await?;
        check_network(account, gateway, plan).await?;
        return Ok(Contracts { timelock, gateway, token_bridge, start_block: None });
    }
    if account.code(FACTORY).await?.is_empty() {
        return Err(ChainError::Misconfigured(format!(
            "chain {} has no deterministic deployment proxy at {FACTORY}; deploy it first",
            account.chain().id
        )));
    }
    let actors = vec![account.address()];
    let timelock = create(
        account,
        &Timelock::BYTECODE,
        &Timelock::constructorCall { minDelay: U256::ZERO, proposers: actors.clone(), executors: actors }
            .abi_encode(),
    )
    .await?;
    let arguments = Gateway::constructorCall {
        networkId_: plan.network.0,
        owner_: timelock.address,
        guardian_: plan.guardian,
        initial: IGateway::InitialSet {
            epoch: plan.epoch,
            hubTime: plan.hub_time,
            minValidators: plan.min_validators,
            set: plan.validators.encode().into(),
        },
        minDeadlineDelay_: plan.min_deadline_delay,
    };
    let gateway = create(account, &Gateway::BYTECODE, &arguments.abi_encode()).await?;
    let wrapped_native = match site.wrapped_native {
        Some(address) => address,
        None => create(account, &WrappedNative::BYTECODE, &[]).await?.address,
    };
    let arguments = TokenBridge::constructorCall {
        gateway_: gateway.address,
        owner_: timelock.address,
        wrappedNative_: wrapped_native,
        rateWindow_: plan.rate_window,
    };
    let token_bridge = create(account, &TokenBridge::BYTECODE, &arguments.abi_encode()).await?;
    Ok(Contracts {
        timelock: timelock.address,
        gateway: gateway.address,
        token_bridge: token_bridge.address,
        start_block: gateway.block.map(|block| block.saturating_sub(1)),
    })
}

/// Deploys the registry on the hub, unless it is there.
///
/// # Errors
/// Any [`ChainError`]; run it again.
pub async fn registry(
    account: &Account,
    plan: &Plan,
    registry: &RegistryPlan,
    timelock: Address,
) -> Result<Address, ChainError> {
    let seconds = |value: u64| U40::saturating_from(value);
    let arguments = ValidatorRegistry::constructorCall {
        networkId: plan.network.0,
        owner_: timelock,
        guardian_: plan.guardian,
        treasury_: registry.treasury,
        bondToken_: registry.bond_token,
        epoch: plan.epoch,
        set: plan.validators.encode().into(),
        hubTime: plan.hub_time,
        parameters: IValidatorRegistry::Parameters {
            epochLength: seconds(registry.epoch_length),
            probation: seconds(registry.probation),
            unbonding: seconds(registry.unbonding),
            defeatWindow: seconds(registry.defeat_window),
            jailTime: seconds(registry.jail_time),
            floor: plan.min_validators,
            reporterShare: registry.reporter_share,
            minBond: registry.min_bond,
        },
    };
    Ok(create(account, &ValidatorRegistry::BYTECODE, &arguments.abi_encode()).await?.address)
}

/// Acts of the owner that connect a gateway with the registry, and on the hub the registry with all gateways.
async fn hub_acts(
    account: &Account,
    here: &Contracts,
    remotes: &[RemoteSite],
    hub: HubSite,
) -> Result<Vec<(Address, Bytes)>, ChainError> {
    let mut acts: Vec<(Address, Bytes)> = Vec::new();
    if account.view(here.gateway, Gateway::registryCall {}).await?.is_zero() {
        let call = Gateway::setHubCall { chain: hub.chain.0, registry_: hub.registry };
        acts.push((here.gateway, call.abi_encode().into()));
    }
    if account.chain().id != hub.chain {
        return Ok(acts);
    }
    let own = (account.chain().id, here.gateway, account.chain().economic_finality);
    let others =
        remotes.iter().map(|remote| (remote.chain, remote.contracts.gateway, remote.economic_finality));
    for (chain, gateway_, economic) in others.chain([own]) {
        let known = account.view(hub.registry, ValidatorRegistry::gatewayCall { chain: chain.0 }).await?;
        if (known.gateway, known.economicFinality) != (gateway_, economic) {
            let call =
                ValidatorRegistry::setGatewayCall { chain: chain.0, gateway_, economicFinality: economic };
            acts.push((hub.registry, call.abi_encode().into()));
        }
    }
    Ok(acts)
}

async fn check_network(account: &Account, gateway: Address, plan: &Plan) -> Result<(), ChainError> {
    let network = account.view(gateway, Gateway::networkIdCall {}).await?;
    if network == plan.network.0 {
        return Ok(());
    }
    Err(ChainError::Misconfigured(format!(
        "gateway {gateway} on chain {} belongs to network {network}, not {}",
        account.chain().id,
        plan.network
    )))
}

struct Created {
    address: Address,
    /// Height of the deployment; `None` if it was there.
    block: Option<u64>,
}

/// Deploys by CREATE2 under a zero salt, unless it is there.
async fn create(account: &Account, bytecode: &Bytes, arguments: &[u8]) -> Result<Created, ChainError> {
    let init_code = [bytecode.as_ref(), arguments].concat();
    let address = FACTORY.create2(B256::ZERO, keccak256(&init_code));
    if !account.code(address).await?.is_empty() {
        return Ok(Created { address, block: None });
    }
    let data = [B256::ZERO.as_slice(), &init_code].concat();
    let receipt = account.transact(Some(FACTORY), data.into()).await?;
    if account.code(address).await?.is_empty() {
        let reason = format!("the contract is not at {address} after its deployment");
        return Err(ChainError::Reverted { reason, data: Bytes::new() });
    }
    tracing::info!(chain = %account.chain().id, %address, gas = receipt.gas_used, "deployed");
    Ok(Created { address, block: Some(receipt.block) })
}

/// Opens lanes to remote gateways, names their token bridges, sets first prices and who updates them, and at last sets
/// the timelock's delay.
///
/// # Errors
/// Any [`ChainError`]; run it again.
pub async fn open_lanes(
    account: &Account,
    here: &Contracts,
    remotes: &[RemoteSite],
    plan: &Plan,
    hub: Option<HubSite>,
) -> Result<Acts, ChainError> {
    let mut acts = match hub {
        Some(hub) => hub_acts(account, here, remotes, hub).await?,
        None => Vec::new(),
    };
    for RemoteSite { chain, contracts: remote, price, .. } in remotes {
        let gateway = remote.gateway.into_word();
        let outbox = account.view(here.gateway, Gateway::outboxCall { chain: chain.0 }).await?;
        if outbox.generation == 0 {
            let remote = IGateway::Remote { chain: chain.0, generation: 1, gateway };
            acts.push((here.gateway, Gateway::openLaneCall { remote }.abi_encode().into()));
        } else if !outbox.accumulator.is_zero() && outbox.gateway != gateway {
            return Err(ChainError::Misconfigured(format!(
                "chain {}: the lane to chain {chain} leads to gateway {}, not to {gateway}",
                account.chain().id,
                outbox.gateway
            )));
        }
        if let Some(price) = price
            && outbox.price.is_zero()
        {
            acts.push((here.gateway, set_price(*chain, price).into()));
        }
        let peer = account.view(here.token_bridge, TokenBridge::peerOfCall { chain: chain.0 }).await?;
        if peer.is_zero() {
            let call = TokenBridge::setPeerCall { chain: chain.0, peer: remote.token_bridge.into_word() };
            acts.push((here.token_bridge, call.abi_encode().into()));
        }
    }
    let updater = account.view(here.gateway, Gateway::feeUpdaterCall {}).await?;
    let collector = account.view(here.gateway, Gateway::feeCollectorCall {}).await?;
    // A role that the plan does not name stays as it is.
    let named = |role: Address, present: Address| if role.is_zero() { present } else { role };
    let roles = (named(plan.fee_updater, updater), named(plan.fee_collector, collector));
    if roles != (updater, collector) {
        let call = Gateway::setFeeRolesCall { updater: roles.0, collector: roles.1 };
        acts.push((here.gateway, call.abi_encode().into()));
    }
    let delay: U256 = account.view(here.timelock, Timelock::getMinDelayCall {}).await?;
    if delay < U256::from(plan.timelock_delay) {
        let call = Timelock::updateDelayCall { newDelay: U256::from(plan.timelock_delay) };
        acts.push((here.timelock, call.abi_encode().into()));
    }
    through_timelock(account, here.timelock, acts).await
}

fn set_price(chain: ChainId, price: &GasPrice) -> Vec<u8> {
    let (price, overhead_gas) = (U80::saturating_from(price.price), price.overhead_gas);
    Gateway::setPriceCall { chain: chain.0, price, overheadGas: overhead_gas }.abi_encode()
}
