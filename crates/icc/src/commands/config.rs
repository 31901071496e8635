//! `icc config`.

use std::{fs, io::Write, process::ExitCode};

use alloy_primitives::hex;
use eyre::{WrapErr, bail};
use icc_chain_evm::EvmReader;
use serde::Serialize;

use crate::{
    cli::{ConfigArgs, ConfigCheck, ConfigFile, ConfigWhat},
    output, private, wiring,
};

/// What `config init` writes.
const TEMPLATE: &str = include_str!("config_template.toml");

#[derive(Serialize)]
struct Checked {
    chains: usize,
    network: String,
}

pub(crate) async fn run(arguments: ConfigArgs, json: bool) -> eyre::Result<ExitCode> {
    match arguments.what {
        ConfigWhat::Init(file) => init(&file),
        ConfigWhat::Check(arguments) => check(&arguments, json).await,
    }
}

fn init(file: &ConfigFile) -> eyre::Result<ExitCode> {
    private::refuse_as_path("--config", &file.config)?;
    let network = hex::encode_prefixed(rand::random::<[u8; 32]>());
    let text = TEMPLATE.replace("{network}", &network);
    let mut new = fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(&file.config)
        .wrap_err_with(|| format!("cannot write {}; it must not exist yet", file.config.display()))?;
    new.write_all(text.as_bytes())?;
    eprintln!("wrote {}; edit it, then run `icc config check`", file.config.display());
    Ok(ExitCode::SUCCESS)
}

async fn check(arguments: &ConfigCheck, json: bool) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    for (name, chain_config) in &config.chains {
        let chain = wiring::chain(name, chain_config)?;
        if let Err(error) = chain.check_quorum() {
            eprintln!("note: no validator can use this configuration: {error}");
        }
        if arguments.offline {
            continue;
        }
        let reader = EvmReader::new(chain)?;
        reader.check_chain_id().await.wrap_err_with(|| format!("chains.{name}.rpc_urls"))?;
        if let Err(error) = icc_chain::ChainReader::head(&reader).await {
            bail!("chains.{name}.rpc_urls: no endpoint tells a valid head: {error}");
        }
    }
    let checked = Checked { chains: config.chains.len(), network: config.network.to_string() };
    output::result(json, &checked, &format!("{} chains, network {}: good", checked.chains, checked.network))?;
    Ok(ExitCode::SUCCESS)
}
