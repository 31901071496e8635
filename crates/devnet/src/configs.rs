//! What the devnet writes down: each process's configuration, and what a person needs to use the network by hand.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt};

use icc_chain::Finality;
use icc_service::config::{ChainConfig, Config, CoreConfig, DeploymentConfig, FeeConfig, ValidatorConfig};
use url::Url;

use crate::{
    Devnet,
    bootstrap::{Keys, MARGIN_PERCENT},
    hub,
};

impl Devnet {
    pub(crate) fn config(&self, nodes: &[(Vec<Url>, Url)], listen: &str) -> Config {
        let chains = self.options.chains.iter().zip(nodes).zip(&self.contracts).map(
            |((spec, (urls, websocket)), at)| {
                let config = ChainConfig {
                    id: spec.id,
                    gateway: Some(at.gateway.to_string()),
                    token_bridge: Some(at.token_bridge.to_string()),
                    registry: self.registry_on(spec.id),
                    wrapped_native: None,
                    rpc_urls: urls.clone(),
                    websocket_url: Some(websocket.clone()),
                    finality: Finality::Finalized.to_string(),
                    economic_finality: true,
                    rpc_quorum: 2,
                    rpc_timeout_ms: 10_000,
                    poll_interval_ms: 200,
                    start_block: at.start_block.unwrap_or(0),
                    max_range: 5000,
                    max_fee_per_gas_wei: 500_000_000_000,
                };
                (spec.name.clone(), config)
            },
        );
        Config {
            network: self.network,
            database_url: Some(self.postgres.url()),
            core: CoreConfig {
                listen: listen.to_owned(),
                validator_urls: self.validator_urls.clone(),
                replace_after_ms: 10_000,
                confirmation_seconds: hub::CONFIRMATION_SECONDS,
                ..CoreConfig::default()
            },
            validator: ValidatorConfig::default(),
            fees: FeeConfig {
                margin_percent: MARGIN_PERCENT,
                coin_prices: self.options.chains.iter().map(|spec| (spec.name.clone(), 1.0)).collect(),
                ..FeeConfig::default()
            },
            deployment: None::<DeploymentConfig>,
            chains: chains.collect(),
        }
    }

    /// A configuration and a key with which a person can use the network by hand.
    pub(crate) fn write_user_files(&self) -> eyre::Result<()> {
        let nodes: Vec<(Vec<Url>, Url)> =
            self.chains.iter().map(|anvil| (vec![anvil.url()], anvil.websocket())).collect();
        let mut config = self.config(&nodes, "127.0.0.1:0");
        config.validator.core_urls = self.core_urls.clone();
        fs::write(self.folder.join("icc.toml"), config.to_toml()?)?;
        for (name, signer) in [("user.key", &self.user), ("operator.key", &self.operator)] {
            let key = self.folder.join(name);
            let _ = fs::remove_file(&key);
            let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(key)?;
            file.write_all(Keys::text([signer.as_ref()]).as_bytes())?;
        }
        Ok(())
    }
}
