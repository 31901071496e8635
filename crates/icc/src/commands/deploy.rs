//! `icc deploy`.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, U256, utils::parse_units};
use eyre::{OptionExt, WrapErr, ensure};
use icc_chain::Hub;
use icc_chain_evm::{
    Account, EvmChain, EvmHub,
    bindings::{Gateway, ValidatorRegistry},
    deploy::{self, Contracts, HubSite, Plan, RegistryPlan, RemoteSite, Site},
    timelock::Acts,
};
use icc_protocol::ValidatorSet;
use icc_service::config::{ChainConfig, Config, RegistryConfig};
use serde::Serialize;

use crate::{
    cli::DeployArgs,
    coins::{Coins, initial_price},
    commands::{PENDING, registration::bond_decimals},
    output::{self, Talk},
    wiring,
};

#[derive(Serialize)]
struct Deployed {
    timelock: Address,
    gateway: Address,
    token_bridge: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_block: Option<u64>,
    /// UNIX time at which the timelock lets the deployment be completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_until: Option<u64>,
}

pub(crate) async fn run(arguments: DeployArgs, json: bool) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    let (plan, registry_plan) = plan(&config).await?;
    let signer = arguments.keys.one().wrap_err("the deployer's key")?;
    let talk = Talk::new();
    let mut here: Vec<(String, Account, Contracts)> = Vec::new();
    for (name, chain_config) in &config.chains {
        talk.step(&format!("{name}: contracts"));
        let account = Account::new(wiring::chain(name, chain_config)?, signer.key())?;
        account.check_chain_id().await.wrap_err_with(|| format!("chains.{name}"))?;
        let site = site(name, chain_config)?;
        let contracts =
            deploy::contracts(&account, &plan, site).await.wrap_err_with(|| format!("chains.{name}"))?;
        here.push((name.clone(), account, contracts));
    }
    let hub = hub(&config, &here, &plan, &registry_plan).await?;
    let coins = Coins::new(&config).map(|coins| async move { coins.read().await });
    let coins = match coins {
        Some(coins) => Some(coins.await.map_err(|error| eyre::eyre!("fees: {error}"))?),
        None => None,
    };
    let mut deployed = BTreeMap::new();
    let mut waiting = false;
    for (name, account, contracts) in &here {
        talk.step(&format!("{name}: lanes"));
        let mut remotes = Vec::new();
        for (_, remote, contracts) in here.iter().filter(|(other, _, _)| other != name) {
            let price = match &coins {
                Some(coins) => Some(initial_price(&config, coins, account, remote)?),
                None => None,
            };
            let remote = remote.chain();
            let economic_finality = remote.economic_finality;
            remotes.push(RemoteSite { chain: remote.id, contracts: *contracts, price, economic_finality });
        }
        let acts = deploy::open_lanes(account, contracts, &remotes, &plan, Some(hub))
            .await
            .wrap_err_with(|| format!("chains.{name}"))?;
        let waiting_until = if let Acts::WaitingUntil(time) = acts { Some(time) } else { None };
        waiting |= waiting_until.is_some();
        let Contracts { timelock, gateway, token_bridge, start_block } = *contracts;
        let registry = (account.chain().id == hub.chain).then_some(hub.registry);
        deployed.insert(
            name.clone(),
            Deployed { timelock, gateway, token_bridge, registry, start_block, waiting_until },
        );
    }
    talk.end();
    output::result(json, &deployed, &text(&deployed))?;
    Ok(if waiting { ExitCode::from(PENDING) } else { ExitCode::SUCCESS })
}

/// The registry on the hub, deployed unless the configuration has it.
async fn hub(
    config: &Config,
    here: &[(String, Account, Contracts)],
    plan: &Plan,
    registry: &RegistryPlan,
) -> eyre::Result<HubSite> {
    let deployment = config.deployment.as_ref().ok_or_eyre("[deployment] is missing")?;
    let found = here.iter().find(|(name, _, _)| *name == deployment.hub);
    let (name, account, contracts) = found.ok_or_eyre("deployment.hub is not among the chains")?;
    let registry = match account.chain().registry {
        Some(registry) => registry,
        None => deploy::registry(account, plan, registry, contracts.timelock)
            .await
            .wrap_err_with(|| format!("chains.{name}: registry"))?,
    };
    Ok(HubSite { chain: account.chain().id, registry })
}

/// What everything is deployed with. Once there is a registry, new gateways begin with its newest epoch that a quorum has
/// signed: with an earlier one, they would take rotations of the past and bring removed keys back.
async fn plan(config: &Config) -> eyre::Result<(Plan, RegistryPlan)> {
    let deployment = config.deployment.as_ref().ok_or_eyre(
        "[deployment] is missing in the configuration: validators, guardian, timelock_delay_seconds, hub, registry",
    )?;
    let mut members: Vec<Address> = deployment
        .validators
        .iter()
        .map(|text| wiring::address("deployment.validators", text))
        .collect::<eyre::Result<_>>()?;
    members.sort();
    let mut plan = Plan {
        network: config.network,
        guardian: wiring::address("deployment.guardian", &deployment.guardian)?,
        epoch: 1,
        validators: ValidatorSet::new(members).wrap_err("deployment.validators")?,
        hub_time: today(),
        min_validators: deployment.min_validators,
        timelock_delay: deployment.timelock_delay_seconds,
        min_deadline_delay: deployment.min_deadline_delay_seconds,
        rate_window: deployment.rate_window_seconds,
        fee_updater: optional("deployment.fee_updater", deployment.fee_updater.as_deref())?,
        fee_collector: optional("deployment.fee_collector", deployment.fee_collector.as_deref())?,
    };
    let (name, hub) = config.chain(&deployment.hub).wrap_err("deployment.hub")?;
    let chain = wiring::chain(name, hub)?;
    if chain.registry.is_some() {
        let hub = EvmHub::new(&chain)?;
        let present =
            hub.epoch(hub.progress().await?.signed).await.wrap_err("the registry's present epoch")?;
        plan.epoch = present.record.epoch;
        plan.hub_time = present.record.hub_time;
        plan.validators = present.set;
    } else if chain.gateway != Address::ZERO {
        // The registry goes on from what the gateways hold.
        let account = Account::new(chain.clone(), wiring::key_or_nobody(None)?)?;
        check_former_registry(&chain, &account).await?;
        let held =
            account.view(chain.gateway, Gateway::validatorSetCall {}).await.wrap_err("the hub's gateway")?;
        plan.epoch = held.epoch;
        plan.hub_time = held.hubTime;
        plan.validators = ValidatorSet::decode(&held.set).wrap_err("the hub's gateway")?;
    }
    Ok((plan, registry_plan(&deployment.registry, chain).await?))
}

/// Two registries that make epochs of one network would each take the other's sets for lies: a former one has to have ended,
/// with all its epochs signed.
async fn check_former_registry(chain: &EvmChain, account: &Account) -> eyre::Result<()> {
    let former = account.view(chain.gateway, Gateway::registryCall {}).await.wrap_err("the hub's gateway")?;
    if former.is_zero() {
        return Ok(());
    }
    let retired = account.view(former, ValidatorRegistry::retiredAtCall {}).await.wrap_err("the registry")?;
    let progress = EvmHub::new(&EvmChain { registry: Some(former), ..chain.clone() })?.progress().await?;
    ensure!(
        !retired.is_zero() && progress.newest == progress.signed,
        "chains.{}.registry is missing, and its gateway has one: {former}. Put it into the configuration; or, to move to \
         another registry, first retire it and let the gateways hold its last epoch ({}, signed up to {})",
        chain.name,
        progress.newest,
        progress.signed
    );
    Ok(())
}

async fn registry_plan(registry: &RegistryConfig, hub: EvmChain) -> eyre::Result<RegistryPlan> {
    let bond_token = optional("deployment.registry.bond_token", registry.bond_token.as_deref())?;
    let account = Account::new(hub, wiring::key_or_nobody(None)?)?;
    let decimals = bond_decimals(&account, bond_token).await?;
    let min_bond: U256 =
        parse_units(&registry.min_bond, decimals).wrap_err("deployment.registry.min_bond")?.into();
    Ok(RegistryPlan {
        treasury: wiring::address("deployment.registry.treasury", &registry.treasury)?,
        bond_token,
        min_bond: u128::try_from(min_bond).wrap_err("deployment.registry.min_bond")?,
        epoch_length: registry.epoch_seconds,
        probation: registry.probation_seconds,
        unbonding: registry.unbonding_seconds,
        defeat_window: registry.defeat_window_seconds,
        jail_time: registry.jail_seconds,
        reporter_share: registry.reporter_share,
    })
}

/// When the UTC day began: the same for a deployment that is run again after a fault, and well within the week for which
/// gateways take the first set.
fn today() -> u64 {
    const DAY: u64 = 86_400;
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs() / DAY * DAY)
}

fn optional(field: &str, text: Option<&str>) -> eyre::Result<Address> {
    text.map_or(Ok(Address::ZERO), |text| wiring::address(field, text))
}

fn site(name: &str, config: &ChainConfig) -> eyre::Result<Site> {
    let wrapped_native = config
        .wrapped_native
        .as_deref()
        .map(|text| wiring::address(&format!("chains.{name}.wrapped_native"), text))
        .transpose()?;
    let contracts = match (&config.gateway, &config.token_bridge) {
        (None, None) => None,
        (Some(gateway), Some(token_bridge)) => Some((
            wiring::address(&format!("chains.{name}.gateway"), gateway)?,
            wiring::address(&format!("chains.{name}.token_bridge"), token_bridge)?,
        )),
        _ => eyre::bail!("chains.{name}: gateway and token_bridge must both be given, or neither"),
    };
    Ok(Site { contracts, wrapped_native })
}

/// What to put into the configuration.
fn text(deployed: &BTreeMap<String, Deployed>) -> String {
    let mut text = String::from("# Put these into the configuration of every process.\n");
    for (name, at) in deployed {
        text.push_str(&format!(
            "[chains.{name}]\n# timelock {}\ngateway = \"{}\"\ntoken_bridge = \"{}\"\n",
            at.timelock, at.gateway, at.token_bridge
        ));
        if let Some(registry) = at.registry {
            text.push_str(&format!("registry = \"{registry}\"\n"));
        }
        if let Some(block) = at.start_block {
            text.push_str(&format!("start_block = {block}\n"));
        }
        if let Some(time) = at.waiting_until {
            text.push_str(&format!(
                "# lanes wait in the timelock: run `icc deploy` again at {time} (UNIX time)\n"
            ));
        }
    }
    text.trim_end().to_owned()
}
