//! `icc devnet`.

use std::{process::ExitCode, time::Duration};

use eyre::WrapErr;
use icc_devnet::{Demo, Devnet, DevnetOptions};
use icc_service::shutdown_signal;
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    cli::DevnetArgs,
    output::{self, Talk},
};

#[derive(Serialize)]
struct Up {
    folder: String,
    cores: Vec<String>,
    validators: Vec<String>,
    database: String,
    chains: Vec<UpChain>,
}

#[derive(Serialize)]
struct UpChain {
    name: String,
    id: u64,
    rpc: String,
    gateway: String,
    token_bridge: String,
}

pub(crate) async fn run(arguments: DevnetArgs, json: bool) -> eyre::Result<ExitCode> {
    let shutdown = shutdown_signal();
    let mut options = DevnetOptions::new(std::env::current_exe().wrap_err("the program's own path")?);
    options.validators = arguments.validators.into();
    options.cores = arguments.cores.into();
    options.folder = arguments.folder;
    let talk = Talk::new();
    let mut devnet = tokio::select! {
        () = shutdown.cancelled() => return Ok(ExitCode::FAILURE),
        devnet = Devnet::start(&options, |step| talk.step(step)) => devnet?,
    };
    let up = describe(&devnet);
    output::result(json, &up, &text(&up))?;
    if arguments.demo {
        let demo = Demo::new(&devnet, |step: &str| talk.step(step))?;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(ExitCode::FAILURE),
            done = demo.run() => done.wrap_err("the demo did not succeed")?,
        }
        talk.step("\nall arrived, each once");
    }
    if arguments.exit {
        talk.end();
        return Ok(ExitCode::SUCCESS);
    }
    talk.step("\nup; Ctrl-C ends it");
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = sleep(Duration::from_secs(1)) => devnet.check()?,
        }
    }
    talk.end();
    eprintln!("ending what was started");
    Ok(ExitCode::SUCCESS)
}

fn describe(devnet: &Devnet) -> Up {
    Up {
        folder: devnet.folder().display().to_string(),
        cores: devnet.core_urls.iter().map(ToString::to_string).collect(),
        validators: devnet.validator_urls.iter().map(ToString::to_string).collect(),
        database: devnet.postgres.url(),
        chains: devnet
            .configs
            .iter()
            .zip(&devnet.contracts)
            .map(|(chain, contracts)| UpChain {
                name: chain.name.clone(),
                id: chain.id.0,
                rpc: chain.endpoints[0].to_string(),
                gateway: contracts.gateway.to_string(),
                token_bridge: contracts.token_bridge.to_string(),
            })
            .collect(),
    }
}

fn text(up: &Up) -> String {
    let mut text = String::from("\nthe bridge is up\n");
    for chain in &up.chains {
        text.push_str(&format!(
            "  chain {:6} {}  {}  gateway {}\n",
            chain.name, chain.id, chain.rpc, chain.gateway
        ));
    }
    text.push_str(&format!(
        "  cores      {}\n  validators {}\n",
        up.cores.join(" "),
        up.validators.join(" ")
    ));
    text.push_str(&format!("  database   {}\n  logs       {}/*.log\n", up.database, up.folder));
    text.push_str(&format!(
        "  by hand    --config {0}/icc.toml --key-file {0}/user.key --core {1}\n",
        up.folder, up.cores[0]
    ));
    text
}
