//! `icc deploy`.

use std::{collections::BTreeMap, process::ExitCode};

use alloy_primitives::Address;
use eyre::{OptionExt, WrapErr};
use icc_chain_evm::{
    Account,
    deploy::{self, Acts, Contracts, Plan, RemoteSite, Site},
};
use icc_protocol::ValidatorSet;
use icc_service::config::{ChainConfig, Config};
use serde::Serialize;

use crate::{
    cli::DeployArgs,
    coins::{Coins, initial_price},
    commands::PENDING,
    output::{self, Talk},
    wiring,
};

#[derive(Serialize)]
struct Deployed {
    timelock: Address,
    gateway: Address,
    token_bridge: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_block: Option<u64>,
    /// UNIX time at which the timelock lets the deployment be completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_until: Option<u64>,
}

pub(crate) async fn run(arguments: DeployArgs, json: bool) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    let plan = plan(&config)?;
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
            remotes.push(RemoteSite { chain: remote.chain().id, contracts: *contracts, price });
        }
        let acts = deploy::open_lanes(account, contracts, &remotes, &plan)
            .await
            .wrap_err_with(|| format!("chains.{name}"))?;
        let waiting_until = if let Acts::WaitingUntil(time) = acts { Some(time) } else { None };
        waiting |= waiting_until.is_some();
        let Contracts { timelock, gateway, token_bridge, start_block } = *contracts;
        deployed
            .insert(name.clone(), Deployed { timelock, gateway, token_bridge, start_block, waiting_until });
    }
    talk.end();
    output::result(json, &deployed, &text(&deployed))?;
    Ok(if waiting { ExitCode::from(PENDING) } else { ExitCode::SUCCESS })
}

fn plan(config: &Config) -> eyre::Result<Plan> {
    let deployment = config.deployment.as_ref().ok_or_eyre(
        "[deployment] is missing in the configuration: validators, guardian, timelock_delay_seconds",
    )?;
    let mut members: Vec<Address> = deployment
        .validators
        .iter()
        .map(|text| wiring::address("deployment.validators", text))
        .collect::<eyre::Result<_>>()?;
    members.sort();
    Ok(Plan {
        network: config.network,
        guardian: wiring::address("deployment.guardian", &deployment.guardian)?,
        epoch: deployment.epoch,
        validators: ValidatorSet::new(members).wrap_err("deployment.validators")?,
        timelock_delay: deployment.timelock_delay_seconds,
        min_deadline_delay: deployment.min_deadline_delay_seconds,
        rate_window: deployment.rate_window_seconds,
        fee_updater: optional("deployment.fee_updater", deployment.fee_updater.as_deref())?,
        fee_collector: optional("deployment.fee_collector", deployment.fee_collector.as_deref())?,
    })
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
