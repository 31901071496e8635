//! Configuration: defaults < file < environment (`ICC__SECTION__KEY`); unknown keys are refused. Secrets are never in
//! it: keys come from files with checked permissions, the environment or standard input.

mod deployment;
mod fees;
mod roles;

use std::{collections::BTreeMap, path::Path};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use icc_protocol::{ChainId, NetworkId};
use serde::{Deserialize, Serialize};
use url::Url;

pub use deployment::{DeploymentConfig, RegistryConfig};
pub use fees::FeeConfig;
pub use roles::{CoreConfig, PeerConfig, ValidatorConfig};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file or a field of it.
    #[error("{0}")]
    Unreadable(Box<figment::Error>),
    /// A field that makes no sense.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

fn invalid(field: impl Into<String>, problem: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { field: field.into(), problem: problem.into() }
}

/// The configuration of any process of a bridge.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Names the deployment: 0x and 64 hexadecimal digits.
    pub network: NetworkId,
    /// `postgres://user@host:port/database`; cores and indexers need it, validators have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Cores and their settings.
    #[serde(default)]
    pub core: CoreConfig,
    /// A validator's settings.
    #[serde(default)]
    pub validator: ValidatorConfig,
    /// What deliveries cost their senders.
    #[serde(default, skip_serializing_if = "FeeConfig::is_empty")]
    pub fees: FeeConfig,
    /// The timelock and the set that contracts are deployed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentConfig>,
    /// Chains by name.
    pub chains: BTreeMap<String, ChainConfig>,
}

/// A chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// EIP-155 chain id.
    pub id: u64,
    /// The gateway's address; `icc deploy` tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The token bridge's address; `icc deploy` tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_bridge: Option<String>,
    /// The network's validator registry, if this chain is the hub; `icc deploy` tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The contract of its wrapped native coin; `icc deploy` deploys one if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped_native: Option<String>,
    /// HTTP endpoints. A validator's must be its own, at three different providers or more.
    pub rpc_urls: Vec<Url>,
    /// Websocket for new heads; polling without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket_url: Option<Url>,
    /// `finalized`, `safe`, or a number of confirmations.
    #[serde(default = "default_finality")]
    pub finality: String,
    /// Whether a revert of that finality costs whoever does it so much that a false checkpoint of this chain is a lie for
    /// certain: then its signer's bond is taken unless the guardian vetoes. Otherwise only if the guardian confirms.
    #[serde(default)]
    pub economic_finality: bool,
    /// Endpoints that must agree (validators).
    #[serde(default = "default_quorum")]
    pub rpc_quorum: usize,
    /// Longest that a call may take, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub rpc_timeout_ms: u64,
    /// How often to look for a head without websocket, in milliseconds.
    #[serde(default = "default_poll_ms")]
    pub poll_interval_ms: u64,
    /// The last block before the gateway was deployed.
    #[serde(default)]
    pub start_block: u64,
    /// Most blocks in one range of logs.
    #[serde(default = "default_max_range")]
    pub max_range: u64,
    /// Most wei per gas that the relay pays, base fee included.
    #[serde(default = "default_max_fee")]
    pub max_fee_per_gas_wei: u64,
}

fn default_finality() -> String {
    "finalized".to_owned()
}
fn default_quorum() -> usize {
    2
}
fn default_timeout_ms() -> u64 {
    5000
}
fn default_poll_ms() -> u64 {
    1000
}
fn default_max_range() -> u64 {
    5000
}
fn default_max_fee() -> u64 {
    500_000_000_000
}

impl Config {
    /// Reads a file, then the environment.
    ///
    /// # Errors
    /// [`ConfigError`] naming the field.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let figment = Figment::new()
            .merge(Toml::file_exact(path))
            .merge(Env::prefixed("ICC__").split("__").lowercase(true));
        let config: Self = figment.extract().map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string_pretty(self).map_err(|error| invalid("configuration", error.to_string()))
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.network.0.is_zero() {
            return Err(invalid("network", "is zero; `icc config init` makes one up"));
        }
        if self.chains.is_empty() {
            return Err(invalid("chains", "is empty; a bridge has at least two chains"));
        }
        if self.chains.len() > 64 {
            return Err(invalid("chains", "has more than 64 entries"));
        }
        let mut ids = BTreeMap::new();
        for (name, chain) in &self.chains {
            chain.check(name)?;
            if let Some(other) = ids.insert(chain.id, name) {
                return Err(invalid(
                    format!("chains.{name}.id"),
                    format!("{} is also the id of {other}", chain.id),
                ));
            }
        }
        self.fees.check(&self.chains)?;
        if let Some(deployment) = &self.deployment
            && !(1..=31_536_000).contains(&deployment.rate_window_seconds)
        {
            return Err(invalid("deployment.rate_window_seconds", "must be from 1 to 31536000"));
        }
        let hubs: Vec<&String> =
            self.chains.iter().filter(|(_, c)| c.registry.is_some()).map(|(n, _)| n).collect();
        if hubs.len() > 1 {
            return Err(invalid(
                "chains",
                format!("{} and {} both have a registry; a network has one", hubs[0], hubs[1]),
            ));
        }
        if let Some(deployment) = &self.deployment
            && !self.chains.contains_key(&deployment.hub)
        {
            return Err(invalid("deployment.hub", format!("{:?} is not among the chains", deployment.hub)));
        }
        if !(500_000..=16_000_000).contains(&self.core.batch_gas) {
            return Err(invalid(
                "core.batch_gas",
                "must be from 500000 to 16000000 (EIP-7825 caps a transaction)",
            ));
        }
        if !(1000..=3_600_000).contains(&self.core.replace_after_ms) {
            return Err(invalid("core.replace_after_ms", "must be from 1000 to 3600000"));
        }
        if self.core.validator_urls.len() > 128 || self.validator.core_urls.len() > 64 {
            return Err(invalid("core.validator_urls, validator.core_urls", "at most 128 and 64 URLs"));
        }
        if self.validator.peers.len() > 128 {
            return Err(invalid("validator.peers", "has more than 128 entries"));
        }
        Ok(())
    }

    /// The chain of a name or id.
    ///
    /// # Errors
    /// [`ConfigError`] listing the names there are.
    pub fn chain(&self, name: &str) -> Result<(&str, &ChainConfig), ConfigError> {
        let by_name = self.chains.get_key_value(name);
        let found =
            by_name.or_else(|| self.chains.iter().find(|(_, chain)| name.parse() == Ok(ChainId(chain.id))));
        found.map(|(name, chain)| (name.as_str(), chain)).ok_or_else(|| {
            let known: Vec<&str> = self.chains.keys().map(String::as_str).collect();
            invalid("chain", format!("{:.60?} is not configured; there are: {}", name, known.join(", ")))
        })
    }
}

impl ChainConfig {
    fn check(&self, name: &str) -> Result<(), ConfigError> {
        let field = |key: &str| format!("chains.{name}.{key}");
        if name.len() > 40 || name.parse::<u64>().is_ok() {
            return Err(invalid(
                format!("chains.{name}"),
                "a name has at most 40 characters and is no number",
            ));
        }
        if self.id == 0 {
            return Err(invalid(field("id"), "is zero; it must be the chain's EIP-155 id"));
        }
        if self.rpc_urls.is_empty() || self.rpc_urls.len() > 32 {
            return Err(invalid(field("rpc_urls"), "must name from 1 to 32 endpoints"));
        }
        for url in &self.rpc_urls {
            if !matches!(url.scheme(), "http" | "https") {
                return Err(invalid(
                    field("rpc_urls"),
                    format!("scheme {:?} is not http or https", url.scheme()),
                ));
            }
        }
        if let Some(url) = &self.websocket_url
            && !matches!(url.scheme(), "ws" | "wss")
        {
            return Err(invalid(
                field("websocket_url"),
                format!("scheme {:?} is not ws or wss", url.scheme()),
            ));
        }
        if self.rpc_quorum == 0 {
            return Err(invalid(field("rpc_quorum"), "is zero; at least 2 for a validator"));
        }
        if !(100..=120_000).contains(&self.rpc_timeout_ms) || !(20..=600_000).contains(&self.poll_interval_ms)
        {
            return Err(invalid(
                field("rpc_timeout_ms, poll_interval_ms"),
                "must be from 100 to 120000 and from 20 to 600000",
            ));
        }
        if !(1..=100_000).contains(&self.max_range) {
            return Err(invalid(field("max_range"), "must be from 1 to 100000"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const GOOD: &str = r#"
        network = "0x1111111111111111111111111111111111111111111111111111111111111111"
        [chains.alpha]
        id = 1
        rpc_urls = ["http://127.0.0.1:1"]
    "#;

    fn load(text: &str) -> Result<Config, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Config::load(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_good_file_loads_and_writes_itself() {
        let config = load(GOOD).unwrap();
        assert_eq!(config.chains["alpha"].rpc_quorum, 2);
        assert!(load(&config.to_toml().unwrap()).is_ok());
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            (GOOD.replace("id = 1", "id = 0"), "chains.alpha.id"),
            (GOOD.replace("id = 1", "id = -1"), "id"),
            (GOOD.replace("id = 1", "idd = 1"), "idd"),
            (GOOD.replace("http://", "ftp://"), "chains.alpha.rpc_urls"),
            (GOOD.replace("[\"http://127.0.0.1:1\"]", "[]"), "chains.alpha.rpc_urls"),
            (GOOD.replace("0x1111", "0x11"), "network"),
            (GOOD.replace("1111", "0000"), "network"),
            (format!("{GOOD}\n[chains.beta]\nid = 1\nrpc_urls = [\"http://127.0.0.1:2\"]"), "chains.beta.id"),
            (format!("{GOOD}\nmax_range = 0"), "chains.alpha.max_range"),
            (format!("{GOOD}\n[fees]\ncoin_prices = {{ beta = 1.0 }}"), "fees.coin_prices.beta"),
            (format!("{GOOD}\n[fees]\ncoin_prices = {{ alpha = 0.0 }}"), "fees.coin_prices.alpha"),
            (
                format!("{GOOD}\n[fees]\ncoin_prices = {{ alpha = 1.0 }}\ncoin_prices_file = \"x\""),
                "coin_prices_file",
            ),
        ] {
            let error = load(&text).unwrap_err();
            assert!(error.contains(field), "{error:?} does not name {field}");
        }
    }

    #[test]
    fn a_missing_file_is_an_error() {
        assert!(Config::load(Path::new("/nonexistent/icc.toml")).is_err());
    }
}
