//! Deploying contracts and opening lanes, idempotently: addresses follow from what is deployed (CREATE2), everything
//! is looked up before it is done, and the owner's acts go through the timelock from the first one on.

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use alloy_sol_types::{SolCall, SolConstructor, SolValue};
use icc_chain::ChainError;
use icc_protocol::{ChainId, NetworkId, ValidatorSet};

use crate::{
    Account,
    bindings::{Gateway, IGateway, Timelock, TokenBridge},
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
    /// Seconds that the owner's acts wait once the deployment is complete.
    pub timelock_delay: u64,
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

/// What became of the owner's acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts {
    /// There was nothing to do.
    Complete,
    /// All were done.
    Done(usize),
    /// They wait in the timelock; run the deployment again at this UNIX time or later.
    WaitingUntil(u64),
}

/// Deploys what is not there. `existing` are addresses that the configuration has already.
///
/// # Errors
/// Any [`ChainError`]; run it again.
pub async fn contracts(
    account: &Account,
    plan: &Plan,
    existing: Option<(Address, Address)>,
) -> Result<Contracts, ChainError> {
    if let Some((gateway, token_bridge)) = existing {
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
        epoch: plan.epoch,
        initialSet: plan.validators.encode().into(),
    };
    let gateway = create(account, &Gateway::BYTECODE, &arguments.abi_encode()).await?;
    let arguments = TokenBridge::constructorCall { gateway_: gateway.address, owner_: timelock.address };
    let token_bridge = create(account, &TokenBridge::BYTECODE, &arguments.abi_encode()).await?;
    Ok(Contracts {
        timelock: timelock.address,
        gateway: gateway.address,
        token_bridge: token_bridge.address,
        start_block: gateway.block.map(|block| block.saturating_sub(1)),
    })
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

/// Opens lanes to remote gateways, names their token bridges, and at last sets the timelock's delay.
///
/// # Errors
/// Any [`ChainError`]; run it again.
pub async fn open_lanes(
    account: &Account,
    here: &Contracts,
    remotes: &[(ChainId, Contracts)],
    plan: &Plan,
) -> Result<Acts, ChainError> {
    let mut acts: Vec<(Address, Bytes)> = Vec::new();
    for (chain, remote) in remotes {
        let gateway = remote.gateway.into_word();
        let outbox = account.view(here.gateway, Gateway::outboxCall { chain: chain.0 }).await?;
        if outbox.accumulator.is_zero() {
            let remote = IGateway::Remote { chain: chain.0, generation: 1, gateway };
            acts.push((here.gateway, Gateway::openLaneCall { remote }.abi_encode().into()));
        } else if outbox.gateway != gateway {
            return Err(ChainError::Misconfigured(format!(
                "chain {}: the lane to chain {chain} leads to gateway {}, not to {gateway}",
                account.chain().id,
                outbox.gateway
            )));
        }
        let peer = account.view(here.token_bridge, TokenBridge::peerOfCall { chain: chain.0 }).await?;
        if peer.is_zero() {
            let call = TokenBridge::setPeerCall { chain: chain.0, peer: remote.token_bridge.into_word() };
            acts.push((here.token_bridge, call.abi_encode().into()));
        }
    }
    let delay: U256 = account.view(here.timelock, Timelock::getMinDelayCall {}).await?;
    if delay < U256::from(plan.timelock_delay) {
        let call = Timelock::updateDelayCall { newDelay: U256::from(plan.timelock_delay) };
        acts.push((here.timelock, call.abi_encode().into()));
    }
    if acts.is_empty() {
        Ok(Acts::Complete)
    } else {
        through_timelock(account, here.timelock, delay, acts).await
    }
}

/// Schedules a batch, or executes it if its time has come.
async fn through_timelock(
    account: &Account,
    timelock: Address,
    delay: U256,
    acts: Vec<(Address, Bytes)>,
) -> Result<Acts, ChainError> {
    let count = acts.len();
    let (targets, payloads): (Vec<Address>, Vec<Bytes>) = acts.into_iter().unzip();
    let values = vec![U256::ZERO; count];
    let salt = keccak256((targets.clone(), payloads.clone()).abi_encode());
    let id = account
        .view(
            timelock,
            Timelock::hashOperationBatchCall {
                targets: targets.clone(),
                values: values.clone(),
                payloads: payloads.clone(),
                predecessor: B256::ZERO,
                salt,
            },
        )
        .await?;
    let mut ready_at: U256 = account.view(timelock, Timelock::getTimestampCall { id }).await?;
    if ready_at.is_zero() {
        account
            .send(
                timelock,
                Timelock::scheduleBatchCall {
                    targets: targets.clone(),
                    values: values.clone(),
                    payloads: payloads.clone(),
                    predecessor: B256::ZERO,
                    salt,
                    delay,
                },
            )
            .await?;
        ready_at = account.view(timelock, Timelock::getTimestampCall { id }).await?;
    }
    if !account.view(timelock, Timelock::isOperationReadyCall { id }).await? {
        return Ok(Acts::WaitingUntil(ready_at.saturating_to()));
    }
    let call = Timelock::executeBatchCall { targets, values, payloads, predecessor: B256::ZERO, salt };
    account.send(timelock, call).await?;
    Ok(Acts::Done(count))
}
