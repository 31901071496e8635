//! `icc registry`: acts of the owner (through its timelock), of the guardian, and what anyone may do.

use std::process::ExitCode;

use alloy_primitives::Address;
use alloy_sol_types::SolCall;
use eyre::{OptionExt, WrapErr};
use icc_chain_evm::{
    Account,
    bindings::ValidatorRegistry::{
        self, confirmCall, expelCall, hearCall, refuseCall, setAllowedCall, setDeafCall, setOpenCall,
        settleCall, vetoCall,
    },
    timelock,
};
use icc_service::config::Config;

use crate::{
    cli::{RegistryArgs, RegistryWhat},
    commands::token::told,
    output, wiring,
};

/// The registry, and who acts.
struct Place {
    account: Account,
    registry: Address,
    json: bool,
}

pub(crate) async fn run(arguments: RegistryArgs, json: bool) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    let chain = wiring::hub_chain(&config)?;
    let registry = chain.registry.ok_or_eyre("the hub has no registry")?;
    let place = Place { account: Account::new(chain, arguments.keys.one()?.key())?, registry, json };
    let key = |text: &str| wiring::address("validator", text);
    match &arguments.what {
        RegistryWhat::Allow { validator } => {
            place.owner(setAllowedCall { key: key(validator)?, isAllowed: true }).await
        }
        RegistryWhat::Disallow { validator } => {
            place.owner(setAllowedCall { key: key(validator)?, isAllowed: false }).await
        }
        RegistryWhat::Open => place.owner(setOpenCall { isOpen: true }).await,
        RegistryWhat::Restrict => place.owner(setOpenCall { isOpen: false }).await,
        RegistryWhat::Refuse { validator } => place.send(refuseCall { key: key(validator)? }).await,
        RegistryWhat::Veto { validator } => place.send(vetoCall { key: key(validator)? }).await,
        RegistryWhat::Confirm { validator } => place.send(confirmCall { key: key(validator)? }).await,
        RegistryWhat::Deafen { chain } => {
            place.send(setDeafCall { chain: id(&config, chain)?, isDeaf: true }).await
        }
        RegistryWhat::Hear { chain } => {
            let chain = id(&config, chain)?;
            place.account.send(registry, setDeafCall { chain, isDeaf: false }).await.wrap_err("hear")?;
            place.send(hearCall { chain }).await
        }
        RegistryWhat::Settle { validator } => place.send(settleCall { key: key(validator)? }).await,
        RegistryWhat::Expel { validator } => place.send(expelCall { key: key(validator)? }).await,
    }
}

fn id(config: &Config, chain: &str) -> eyre::Result<u64> {
    Ok(config.chain(chain)?.1.id)
}

impl Place {
    /// An act of the owner, through its timelock.
    async fn owner<C: SolCall>(&self, call: C) -> eyre::Result<ExitCode> {
        let owner = self.account.view(self.registry, ValidatorRegistry::ownerCall {}).await?;
        let acts = vec![(self.registry, call.abi_encode().into())];
        let acts = timelock::through_timelock(&self.account, owner, acts).await?;
        told(&[(self.account.chain().name.clone(), acts)], self.json)
    }

    async fn send<C: SolCall>(&self, call: C) -> eyre::Result<ExitCode> {
        let receipt = self.account.send(self.registry, call).await?;
        let result = serde_json::json!({ "transaction": receipt.transaction });
        output::result(self.json, &result, &receipt.transaction.to_string())?;
        Ok(ExitCode::SUCCESS)
    }
}
