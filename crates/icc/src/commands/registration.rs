//! `icc validator --register`, `status`, `exit`, `unjail`, `withdraw`, and `icc validators`.

use std::{
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{
    Address, U256,
    utils::{format_ether, format_units, parse_units},
};
use eyre::{OptionExt, WrapErr, bail, ensure};
use icc_chain::{Hub, Registration, Standing};
use icc_chain_evm::{
    Account, EvmHub,
    bindings::{DemoToken, ValidatorRegistry},
};
use icc_service::{Signer, config::Config};
use serde::Serialize;
use url::Url;

use crate::{
    cli::{RegisterArgs, ValidatorAct, ValidatorActArgs},
    output, wiring,
};

/// Of native coin.
const COIN_DECIMALS: u8 = 18;

/// Decimals of what is bonded; zero: native coin.
pub(crate) async fn bond_decimals(account: &Account, token: Address) -> eyre::Result<u8> {
    if token.is_zero() {
        return Ok(COIN_DECIMALS);
    }
    account.view(token, DemoToken::decimalsCall {}).await.wrap_err("the decimals of the bond's token")
}

/// The registry, and who acts.
struct Registrar {
    hub: EvmHub,
    account: Account,
    registry: Address,
    bond: Unit,
}

/// What is bonded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// Zero: native coin.
    token: Address,
    decimals: u8,
}

impl Unit {
    pub(super) async fn read(account: &Account, registry: Address) -> eyre::Result<Self> {
        let token = account.view(registry, ValidatorRegistry::bondTokenCall {}).await?;
        Ok(Self { token, decimals: bond_decimals(account, token).await? })
    }

    /// In whole tokens.
    pub(super) fn text(self, amount: u128) -> String {
        format_units(amount, self.decimals).unwrap_or_else(|_| amount.to_string())
    }
}

#[derive(Serialize)]
struct Shown {
    validator: Address,
    standing: String,
    in_set: bool,
    epoch: u64,
    bond: String,
    url: String,
    /// What happens next, or is missing.
    next: String,
}

impl Registrar {
    async fn open(config: &Config, signer: &Signer) -> eyre::Result<Self> {
        let chain = wiring::hub_chain(config)?;
        let registry = chain.registry.ok_or_eyre("the hub has no registry")?;
        let (hub, account) = (EvmHub::new(&chain)?, Account::new(chain, signer.key())?);
        let bond = Unit::read(&account, registry).await?;
        Ok(Self { hub, account, registry, bond })
    }

    async fn registration(&self) -> eyre::Result<Registration> {
        Ok(self.hub.registration(self.account.address()).await?)
    }

    async fn shown(&self) -> eyre::Result<Shown> {
        let registration = self.registration().await?;
        let epoch = self.hub.progress().await?.newest;
        let next = self.next(&registration).await?;
        Ok(Shown {
            validator: registration.key,
            standing: format!("{:?}", registration.standing),
            in_set: registration.in_set,
            epoch,
            bond: self.bond.text(registration.bond),
            url: registration.url,
            next,
        })
    }

    /// What a person should know.
    async fn next(&self, of: &Registration) -> eyre::Result<String> {
        let view = |call| self.account.view(self.registry, call);
        Ok(match of.standing {
            Standing::Unknown => {
                let least = view(ValidatorRegistry::minBondCall {}).await?;
                format!("not registered; `icc validator --register --bond {}` bonds and joins", self.bond.text(least))
            }
            Standing::Waiting if of.since > now() => {
                format!("on probation for {} s more; joins with the next epoch after that", of.since - now())
            }
            Standing::Waiting => "joins with one of the next epochs".to_owned(),
            Standing::Active if of.payout.is_zero() => {
                "in the first set, and not bonded: `icc validator --register` bonds; without, anybody may expel it"
                    .to_owned()
            }
            Standing::Active => "in the set; attests".to_owned(),
            Standing::Leaving => "leaves with one of the next epochs; goes on attesting until then".to_owned(),
            Standing::Jailed if of.in_set => "found silent by the others; out with the next epoch".to_owned(),
            Standing::Jailed if of.since > now() => {
                format!("out for silence; `icc validator unjail` works in {} s", of.since - now())
            }
            Standing::Jailed => "out for silence; `icc validator unjail` puts it back into the queue".to_owned(),
            Standing::Left => self.until_free(of).await?,
            Standing::Convicted => "proved to have lied; this key never comes back".to_owned(),
        })
    }

    async fn until_free(&self, of: &Registration) -> eyre::Result<String> {
        let Some((out_at, out_epoch)) = of.out else {
            return Ok("out; the bond is free: `icc validator withdraw`".to_owned());
        };
        let unbonding = self.account.view(self.registry, ValidatorRegistry::unbondingCall {}).await?;
        let free = out_at.saturating_add(unbonding.to::<u64>());
        if free > now() {
            return Ok(format!("out; the bond is free in {} s, if every gateway knows", free - now()));
        }
        for chain in self.account.view(self.registry, ValidatorRegistry::chainsCall {}).await? {
            let held = self.hub.held_epoch(icc_protocol::ChainId(chain)).await?.unwrap_or(0);
            if held < out_epoch {
                return Ok(format!(
                    "out; the bond waits for the gateway of chain {chain} to report epoch {out_epoch} (it has reported {held})"
                ));
            }
        }
        Ok("out; the bond is free: `icc validator withdraw`".to_owned())
    }
}

/// Bonds and registers a key that is not registered yet.
pub(crate) async fn register(config: &Config, signer: &Signer, arguments: &RegisterArgs) -> eyre::Result<()> {
    let registrar = Registrar::open(config, signer).await?;
    let present = registrar.registration().await?;
    let founding = present.standing == Standing::Active && present.payout.is_zero();
    if present.standing != Standing::Unknown && !founding {
        tracing::info!(standing = ?present.standing, "registered already: {}", registrar.next(&present).await?);
        return Ok(());
    }
    let (account, registry) = (&registrar.account, registrar.registry);
    let url = arguments.url.clone().or_else(|| config.validator.url.clone());
    let url: Url =
        url.ok_or_eyre("a public URL is needed: give --url, or validator.url in the configuration")?;
    let text = arguments.bond.as_deref().ok_or_eyre("--register needs --bond")?;
    let Unit { token, decimals } = registrar.bond;
    let units: U256 = parse_units(text, decimals).wrap_err("--bond")?.into();
    let amount = u128::try_from(units).wrap_err("--bond")?;
    let least = account.view(registry, ValidatorRegistry::minBondCall {}).await?;
    ensure!(amount >= least, "--bond: {text} is less than the least bond, {}", registrar.bond.text(least));
    let payout = match &arguments.payout {
        Some(text) => wiring::address("--payout", text)?,
        None => account.address(),
    };
    let value = if token.is_zero() {
        let balance = account.balance().await?;
        ensure!(
            balance > units,
            "{} has {} coins on the hub; the bond of {text} and the gas for it are more",
            account.address(),
            format_ether(balance)
        );
        units
    } else {
        account.send(token, DemoToken::approveCall { spender: registry, value: units }).await?;
        U256::ZERO
    };
    let call = ValidatorRegistry::registerCall { url: url.to_string(), payout, amount };
    account.pay(registry, call, value).await.wrap_err("registering")?;
    let registration = registrar.registration().await?;
    tracing::info!(validator = %account.address(), bond = text, %url, "registered: {}", registrar.next(&registration).await?);
    Ok(())
}

pub(crate) async fn act(act: ValidatorAct, json: bool) -> eyre::Result<ExitCode> {
    let (ValidatorAct::Status(arguments)
    | ValidatorAct::Exit(arguments)
    | ValidatorAct::Unjail(arguments)
    | ValidatorAct::Withdraw(arguments)) = &act;
    let ValidatorActArgs { file, keys } = arguments;
    let config = wiring::load(file)?;
    let signer = keys.one().wrap_err("the validator's key")?;
    let registrar = Registrar::open(&config, &signer).await?;
    let (account, registry) = (&registrar.account, registrar.registry);
    let key = account.address();
    match act {
        ValidatorAct::Status(_) => {}
        ValidatorAct::Exit(_) => {
            account.send(registry, ValidatorRegistry::exitCall { key }).await?;
        }
        ValidatorAct::Unjail(_) => {
            account.send(registry, ValidatorRegistry::unjailCall {}).await?;
        }
        ValidatorAct::Withdraw(_) => {
            let payout = registrar.registration().await?.payout;
            if payout.is_zero() {
                bail!("{key} has no bond in the registry");
            }
            account.send(registry, ValidatorRegistry::withdrawCall { key }).await?;
            account.send(registry, ValidatorRegistry::claimCall { account: payout }).await?;
        }
    }
    let shown = registrar.shown().await?;
    let text = format!(
        "{}: {} (epoch {}, {} set), bond {}, {}\n{}",
        shown.validator,
        shown.standing,
        shown.epoch,
        if shown.in_set { "in the" } else { "not in the" },
        shown.bond,
        if shown.url.is_empty() { "no URL" } else { &shown.url },
        shown.next
    );
    output::result(json, &shown, &text)?;
    Ok(ExitCode::SUCCESS)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
