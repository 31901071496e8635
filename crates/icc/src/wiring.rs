//! From configuration to parts. The one place (beside the devnet) that names a chain family.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, Bytes};
use eyre::{OptionExt, WrapErr, bail};
use icc_chain::Finality;
use icc_chain_evm::{EvmChain, FeePolicy};
use icc_protocol::ChainId;
use icc_service::{
    KeySource, Signer,
    config::{ChainConfig, Config},
};

use crate::{
    cli::{ConfigFile, KeyArgs},
    private,
};

pub(crate) fn load(file: &ConfigFile) -> eyre::Result<Config> {
    Config::load(&file.config).wrap_err_with(|| {
        format!(
            "cannot use configuration {}; `icc config init` writes one to start from",
            file.config.display()
        )
    })
}

/// A chain; its gateway may be missing (before the deployment).
pub(crate) fn chain(name: &str, config: &ChainConfig) -> eyre::Result<EvmChain> {
    let field = |key: &str| format!("chains.{name}.{key}");
    let gateway = config.gateway.as_deref().map(|text| address(&field("gateway"), text)).transpose()?;
    let token_bridge =
        config.token_bridge.as_deref().map(|text| address(&field("token_bridge"), text)).transpose()?;
    let registry = config.registry.as_deref().map(|text| address(&field("registry"), text)).transpose()?;
    let finality: Finality = config.finality.parse().wrap_err_with(|| field("finality"))?;
    Ok(EvmChain {
        id: ChainId(config.id),
        name: name.to_owned(),
        gateway: gateway.unwrap_or(Address::ZERO),
        token_bridge: token_bridge.unwrap_or(Address::ZERO),
        registry,
        endpoints: config.rpc_urls.clone(),
        websocket: config.websocket_url.clone(),
        finality,
        economic_finality: config.economic_finality,
        poll_interval: Duration::from_millis(config.poll_interval_ms),
        timeout: Duration::from_millis(config.rpc_timeout_ms),
        quorum: config.rpc_quorum,
        max_range: config.max_range,
        fees: FeePolicy { max_fee_per_gas: config.max_fee_per_gas_wei.into(), ..FeePolicy::default() },
    })
}

/// All chains, each with its gateway.
pub(crate) fn deployed_chains(config: &Config) -> eyre::Result<Vec<(EvmChain, &ChainConfig)>> {
    let deployed = config.chains.iter().map(|(name, chain_config)| {
        let chain = chain(name, chain_config)?;
        if chain.gateway.is_zero() {
            bail!("chains.{name}.gateway is missing; `icc deploy` tells it");
        }
        Ok((chain, chain_config))
    });
    deployed.collect()
}

/// The hub among chains, if the configuration names one.
pub(crate) fn hub(chains: &[EvmChain]) -> Option<&EvmChain> {
    chains.iter().find(|chain| chain.registry.is_some())
}

/// The hub of a configuration.
pub(crate) fn hub_chain(config: &Config) -> eyre::Result<EvmChain> {
    let (name, chain_config) = config.chains.iter().find(|(_, chain)| chain.registry.is_some()).ok_or_eyre(
        "no chain has a `registry`; put what `icc deploy` tells into the configuration of the hub",
    )?;
    chain(name, chain_config)
}

pub(crate) fn address(field: &str, text: &str) -> eyre::Result<Address> {
    // Mixed case is a checksum (EIP-55), and a wrong one a typing error.
    let lower = text.to_lowercase();
    let checked = if text == lower || text.to_uppercase().replace("0X", "0x") == text {
        lower.parse().ok()
    } else {
        Address::parse_checksummed(text, None).ok()
    };
    checked.ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        eyre::eyre!("{field}: {shown:?} is no address (0x and 40 hexadecimal digits with a valid checksum)")
    })
}

/// Text, or 0x and hexadecimal digits.
pub(crate) fn payload(text: &str) -> eyre::Result<Bytes> {
    let bytes = match text.strip_prefix("0x") {
        Some(digits) => alloy_primitives::hex::decode(digits).wrap_err("payload: not hexadecimal")?,
        None => text.as_bytes().to_vec(),
    };
    if bytes.len() > icc_protocol::MAX_PAYLOAD_LENGTH {
        bail!("payload: {} bytes are too many; at most {}", bytes.len(), icc_protocol::MAX_PAYLOAD_LENGTH);
    }
    Ok(bytes.into())
}

impl KeyArgs {
    fn source(&self) -> eyre::Result<KeySource> {
        let file = self.key_file.as_ref().and_then(|path| path.to_str());
        let given = [
            ("--key-file", file, "a file's path"),
            ("--key-env", self.key_env.as_deref(), "a variable's name"),
        ];
        for (argument, value, wanted) in given {
            if value.is_some_and(private::looks_like_a_key) {
                bail!(
                    "{argument}: what was given looks like a private key, and {wanted} is wanted. Keys in arguments are \
                     seen by every user of the machine and kept by shells: use another one from now on"
                );
            }
        }
        let file = self.key_file.clone().map(KeySource::File);
        let environment = self.key_env.clone().map(KeySource::Environment);
        let stdin = self.key_stdin.then_some(KeySource::Stdin);
        file.or(environment)
            .or(stdin)
            .ok_or_eyre("a key is needed: give --key-file, --key-env or --key-stdin")
    }

    pub(crate) fn one(&self) -> eyre::Result<Signer> {
        Ok(self.source()?.read_one()?)
    }

    pub(crate) fn several(&self) -> eyre::Result<Vec<Signer>> {
        Ok(self.source()?.read()?)
    }
}

/// The key of an account, or one made up for the moment: views need no funds, and nobody's key.
pub(crate) fn key_or_nobody(
    keys: Option<&KeyArgs>,
) -> eyre::Result<Arc<alloy_signer_local::PrivateKeySigner>> {
    match keys {
        Some(keys) => Ok(keys.one()?.key()),
        None => Ok(Arc::new(alloy_signer_local::PrivateKeySigner::random())),
    }
}

/// An HTTP client of the bridge's own services. Validators name their URLs themselves: nobody is led elsewhere.
pub(crate) fn http_client() -> eyre::Result<reqwest::Client> {
    let nowhere_else = reqwest::redirect::Policy::none();
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .redirect(nowhere_else)
        .no_proxy()
        .build()?)
}

/// A name for this process that no other has or had: leases are held under it.
pub(crate) fn instance() -> String {
    format!("{}-{:016x}", std::process::id(), rand::random::<u64>())
}

pub(crate) fn keys(signers: &[Signer]) -> Vec<Arc<alloy_signer_local::PrivateKeySigner>> {
    signers.iter().map(Signer::key).collect()
}
