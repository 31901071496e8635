//! `icc deploy`.

use std::{collections::BTreeMap, process::ExitCode};

use alloy_primitives::Address;
use eyre::{OptionExt, WrapErr};
use icc_chain_evm::{
    Account,
    deploy::{self, Acts, Contracts, Plan},
};
use icc_protocol::{ChainId, ValidatorSet};
use icc_service::config::{ChainConfig, Config};
use serde::Serialize;

use crate::{
    cli::DeployArgs,
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
        let existing = existing(name, chain_config)?;
        let contracts =
            deploy::contracts(&account, &plan, existing).await.wrap_err_with(|| format!("chains.{name}"))?;
        here.push((name.clone(), account, contracts));
    }
    let mut deployed = BTreeMap::new();
    let mut waiting = false;
    for (name, account, contracts) in &here {
        talk.step(&format!("{name}: lanes"));
        let remotes: Vec<(ChainId, Contracts)> = here
            .iter()
            .filter(|(other, _, _)| other != name)
            .map(|(_, account, contracts)| (account.chain().id, *contracts))
            .collect();
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
    })
}

fn existing(name: &str, config: &ChainConfig) -> eyre::Result<Option<(Address, Address)>> {
    match (&config.gateway, &config.token_bridge) {
        (None, None) => Ok(None),
        (Some(gateway), Some(token_bridge)) => Ok(Some((
            wiring::address(&format!("chains.{name}.gateway"), gateway)?,
            wiring::address(&format!("chains.{name}.token_bridge"), token_bridge)?,
        ))),
        _ => Err(eyre::eyre!("chains.{name}: gateway and token_bridge must both be given, or neither")),
    }
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
