//! `icc core` and `icc run`.

use std::{process::ExitCode, sync::Arc, time::Duration};

use eyre::{OptionExt, WrapErr};
use icc_api::{ApiState, Collector, Directory, Intake, ValidatorClient, Watchtower};
use icc_chain::{Hub, Submitter, Witness};
use icc_chain_evm::{EvmChain, EvmHub, EvmSubmitter, EvmWitness};
use icc_protocol::Domain;
use icc_relay::{AccuserHandle, EpochKeeping, Heard, PriceUpdates, Relay, RelayConfig};
use icc_service::{BodyLimits, Signer, Telemetry, config::Config, serve, shutdown_signal, supervise};
use icc_store::Store;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::{
    cli::CoreArgs,
    coins::Coins,
    commands::indexer,
    voices::{Charges, Voices},
    wiring,
};

/// A batch of 256 attestations is about 100 kB.
const LIMITS: BodyLimits = BodyLimits { body_bytes: 256 * 1024, timeout: Duration::from_secs(15) };
const API_CONNECTIONS: u32 = 8;
const RELAY_CONNECTIONS: u32 = 12;

pub(crate) async fn run(
    arguments: CoreArgs,
    telemetry: Telemetry,
    with_indexers: bool,
) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    let signers = arguments.keys.several().wrap_err("the relay's signers")?;
    let chains: Vec<EvmChain> =
        wiring::deployed_chains(&config)?.into_iter().map(|(chain, _)| chain).collect();
    let url = config.database_url.as_deref().ok_or_eyre("database_url is missing in the configuration")?;
    // Two pools: a flood of requests must not keep the relay from renewing its leases.
    let store = Store::connect(url, API_CONNECTIONS).await.wrap_err("database_url")?;
    let relay_store = Store::connect(url, RELAY_CONNECTIONS).await.wrap_err("database_url")?;
    let listener = TcpListener::bind(&config.core.listen)
        .await
        .wrap_err_with(|| format!("core.listen: cannot listen on {}", config.core.listen))?;
    tracing::info!(listen = %listener.local_addr()?, chains = chains.len(), "core starts");

    let shutdown = shutdown_signal();
    let tasks = TaskTracker::new();
    let hub: Option<Arc<dyn Hub>> = match wiring::hub(&chains) {
        Some(chain) => Some(Arc::new(EvmHub::new(chain)?)),
        None => None,
    };
    let folder = config.core.evidence_folder.clone();
    let mut witnesses: Vec<Arc<dyn Witness>> = Vec::new();
    for chain in &chains {
        witnesses.push(Arc::new(EvmWitness::new(chain.clone())?));
    }
    let watchtower = Watchtower::new(store.clone(), config.network, hub.clone())
        .with_witnesses(witnesses)
        .into_folder(folder)
        .confirmed_within(Duration::from_secs(config.core.confirmation_seconds));
    let watching = {
        let (watchtower, shutdown) = (watchtower.clone(), shutdown.clone());
        async move { supervise("watchtower", shutdown, |stop| watchtower.clone().run(stop)).await }
    };
    tasks.spawn(watching);
    let intake = Intake::new(store.clone(), Domain::new(config.network), watchtower.clone());
    let client = ValidatorClient::new(wiring::http_client()?);
    let directory = Directory::new(hub.clone(), config.core.validator_urls.clone());
    tasks.spawn(directory.clone().run(shutdown.clone()));
    let accuser_hub = hub.clone();
    let epochs = hub.map(|hub| EpochKeeping {
        hub,
        heard: Heard::default(),
        voices: Arc::new(Voices {
            directory: directory.clone(),
            client: client.clone(),
            watchtower: watchtower.clone(),
        }),
        domain: Domain::new(config.network),
    });
    let relay = {
        let (store, shutdown) = (relay_store.clone(), shutdown.clone());
        let accuser = signers
            .first()
            .map(|first| Charges { watchtower, reporter: first.address(), hub: accuser_hub })
            .map(|charges| AccuserHandle(Arc::new(charges)));
        let relay_config = RelayConfig { epochs, accuser, ..relay_config(&config, &signers) };
        async move {
            supervise("relay", shutdown, |stop| {
                let relay = make_relay(&store, &chains, &signers, &relay_config);
                async move { relay?.run(stop).await.map_err(eyre::Report::from) }
            })
            .await;
        }
    };
    tasks.spawn(relay);
    let confirmation = Duration::from_secs(config.core.confirmation_seconds);
    let collect = {
        let (store, intake, shutdown) = (store.clone(), intake.clone(), shutdown.clone());
        async move {
            supervise("collector", shutdown, |stop| {
                let (client, directory) = (client.clone(), directory.clone());
                Collector::new(store.clone(), intake.clone(), client, directory, confirmation).run(stop)
            })
            .await;
        }
    };
    tasks.spawn(collect);
    if with_indexers {
        indexer::spawn(&config, &relay_store, &tasks, &shutdown)?;
    }
    let router = icc_api::router(ApiState { store, intake, telemetry });
    serve(listener, router, LIMITS, shutdown).await?;
    tasks.close();
    let _ = tokio::time::timeout(Duration::from_secs(8), tasks.wait()).await;
    Ok(ExitCode::SUCCESS)
}

fn relay_config(config: &Config, signers: &[Signer]) -> RelayConfig {
    RelayConfig {
        owner: wiring::instance(),
        signers: signers.iter().map(|signer| signer.address().into_word()).collect(),
        batch_gas: config.core.batch_gas,
        replace_after: Duration::from_millis(config.core.replace_after_ms),
        prices: Coins::new(config)
            .map(|coins| PriceUpdates::new(Arc::new(coins), config.fees.margin_percent)),
        epochs: None,
        accuser: None,
    }
}

fn make_relay(
    store: &Store,
    chains: &[EvmChain],
    signers: &[Signer],
    config: &RelayConfig,
) -> eyre::Result<Relay> {
    let keys = wiring::keys(signers);
    let submitters: Vec<Arc<dyn Submitter>> = chains
        .iter()
        .map(|chain| Ok(Arc::new(EvmSubmitter::new(chain.clone(), &keys)?) as Arc<dyn Submitter>))
        .collect::<eyre::Result<_>>()?;
    Ok(Relay::new(store.clone(), submitters, config.clone()))
}
