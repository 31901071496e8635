//! `icc validator`.

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use alloy_primitives::Address;
use eyre::{WrapErr, bail};
use icc_chain_evm::{EvmChain, EvmProver};
use icc_protocol::{ChainId, Domain};
use icc_service::{BodyLimits, Telemetry, config::Config, serve, shutdown_signal, supervise};
use icc_validator::{
    Attestor, Backlog, Duty, DutyConfig, FirstTrust, Journal, Peer, Peers, RecoverError, Roll, SetWatcher,
    WatchConfig, Watcher, confirm, publish, recover,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{cli::ValidatorArgs, commands::registration, prosecute::Prosecutor, wiring};

/// A window's leaves (256 of 69 bytes) are the largest that anybody sends.
const LIMITS: BodyLimits = BodyLimits { body_bytes: 32 * 1024, timeout: Duration::from_secs(10) };

pub(crate) async fn run(arguments: ValidatorArgs, telemetry: Telemetry) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    let chains = wiring::deployed_chains(&config)?;
    for (chain, _) in &chains {
        chain.check_quorum()?;
    }
    let signer = arguments.keys.one().wrap_err("the validator's key")?;
    if arguments.registration.register {
        registration::register(&config, &signer, &arguments.registration).await?;
    }
    let identity = format!("{} on network {}", signer.address(), config.network);
    let prosecutor = Prosecutor {
        config: config.clone(),
        signer: signer.clone(),
        folder: config.validator.evidence_folder(),
        grace: Duration::from_secs(config.validator.evidence_grace_seconds),
    };
    let journal =
        Journal::open(Path::new(&config.validator.journal), &identity).wrap_err("validator.journal")?;
    let attestor = Attestor::new(journal, signer, Domain::new(config.network));
    let listener = TcpListener::bind(&config.validator.listen)
        .await
        .wrap_err_with(|| format!("validator.listen: cannot listen on {}", config.validator.listen))?;
    tracing::info!(address = %attestor.address(), listen = %listener.local_addr()?, "validator starts");

    let shutdown = shutdown_signal();
    // Cancelled once the cores have confirmed that the journal is whole: nothing is signed before.
    let confirmed = CancellationToken::new();
    let confirming =
        confirm_journal(attestor.clone(), config.validator.core_urls.clone(), arguments.recover, &confirmed)?;
    let publisher = publish(wiring::http_client()?, &config.validator.core_urls, &shutdown);
    let peers = peers(&config, attestor.address())?;
    let tasks = TaskTracker::new();
    let hub = chains.iter().map(|(chain, _)| chain).find(|chain| chain.registry.is_some());
    if let Some(hub) = hub {
        let first = first_trust(&config)?;
        spawn_sets((hub.clone(), first), (&attestor, &peers), &tasks, (&confirmed, &shutdown));
        tasks.spawn(prosecutor.run(shutdown.clone()));
    }
    let backlog = Backlog::default();
    let ids: Vec<ChainId> = chains.iter().map(|(chain, _)| chain.id).collect();
    for (chain, chain_config) in chains {
        let watch_config = WatchConfig {
            network: config.network,
            destinations: ids.iter().copied().filter(|id| *id != chain.id).collect(),
            start_block: chain_config.start_block,
            max_range: chain_config.max_range,
            idle: Duration::from_millis(chain_config.poll_interval_ms.saturating_mul(4)),
        };
        let (attestor, publisher, peers) = (attestor.clone(), publisher.clone(), peers.clone());
        let (backlog, confirmed, shutdown) = (backlog.clone(), confirmed.clone(), shutdown.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = confirmed.cancelled() => {}
            }
            let name = format!("watch/{}", chain.id);
            supervise(&name, shutdown, |stop| {
                let (chain, signing) = (chain.clone(), (attestor.clone(), publisher.clone()));
                let (peers, backlog, watch_config) = (peers.clone(), backlog.clone(), watch_config.clone());
                async move {
                    let prover = EvmProver::new(chain)?;
                    prover.check_chain_id().await?;
                    let watcher = Watcher::new(Arc::new(prover), signing, peers, backlog, watch_config)?;
                    watcher.run(stop).await.map_err(eyre::Report::from)
                }
            })
            .await;
        });
    }
    let roll = Roll::default();
    spawn_duty(&config, (&attestor, &peers, &roll), &tasks, (&confirmed, &shutdown))?;
    let router = icc_validator::router(attestor, backlog, roll, move || telemetry.render());
    tokio::select! {
        served = serve(listener, router, LIMITS, shutdown) => served?,
        refused = confirming => return Err(refused.into()),
    }
    tasks.close();
    let _ = tokio::time::timeout(Duration::from_secs(5), tasks.wait()).await;
    Ok(ExitCode::SUCCESS)
}

/// Whom to trust at the first start.
fn first_trust(config: &Config) -> eyre::Result<FirstTrust> {
    let anchor = config.validator.trusted_epoch.as_ref().map(|trusted| {
        let set_hash = trusted.set_hash.parse().map_err(|_| {
            eyre::eyre!("validator.trusted_epoch.set_hash: is no hash (0x and 64 hexadecimal digits)")
        });
        Ok::<_, eyre::Report>((trusted.epoch, set_hash?))
    });
    Ok(FirstTrust {
        anchor: anchor.transpose()?,
        oldest: Duration::from_secs(config.validator.oldest_hub_block_seconds),
    })
}

/// Signs the sets of new epochs.
fn spawn_sets(
    (hub, first): (EvmChain, FirstTrust),
    (attestor, peers): (&Attestor, &Peers),
    tasks: &TaskTracker,
    (confirmed, shutdown): (&CancellationToken, &CancellationToken),
) {
    let (attestor, peers) = (attestor.clone(), peers.clone());
    let (confirmed, shutdown) = (confirmed.clone(), shutdown.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = confirmed.cancelled() => {}
        }
        supervise("sets", shutdown, |stop| {
            let (hub, attestor, peers) = (hub.clone(), attestor.clone(), peers.clone());
            async move {
                let prover = EvmProver::new(hub)?;
                prover.check_chain_id().await?;
                let watcher = SetWatcher::new(Arc::new(prover), attestor, peers, first)?;
                watcher.run(stop).await.map_err(eyre::Report::from)
            }
        })
        .await;
    });
}

/// Looks whether the others sign.
fn spawn_duty(
    config: &Config,
    (attestor, peers, roll): (&Attestor, &Peers, &Roll),
    tasks: &TaskTracker,
    (confirmed, shutdown): (&CancellationToken, &CancellationToken),
) -> eyre::Result<()> {
    let chains = wiring::deployed_chains(config)?;
    let gateways = chains.iter().map(|(chain, _)| (chain.id, chain.gateway.into_word()));
    let duty = DutyConfig {
        confirmation: Duration::from_secs(config.validator.confirmation_seconds),
        silence: Duration::from_secs(config.validator.silence_seconds),
        cores: config.validator.core_urls.clone(),
        network: config.network,
        gateways: gateways.collect(),
        evidence: config.validator.evidence_folder(),
    };
    let (client, attestor, peers, roll) =
        (wiring::http_client()?, attestor.clone(), peers.clone(), roll.clone());
    let (confirmed, shutdown) = (confirmed.clone(), shutdown.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = confirmed.cancelled() => {}
        }
        supervise("duty", shutdown, |stop| {
            Duty::new(client.clone(), attestor.clone(), peers.clone(), roll.clone(), duty.clone()).run(stop)
        })
        .await;
    });
    Ok(())
}

/// The other validators; a list of all is welcome too.
fn peers(config: &Config, own: Address) -> eyre::Result<Peers> {
    let mut peers: Vec<Peer> = Vec::new();
    for (index, peer) in config.validator.peers.iter().enumerate() {
        let address = wiring::address(&format!("validator.peers[{index}].address"), &peer.address)?;
        if peers.iter().any(|known| known.address == address) {
            bail!("validator.peers[{index}].address: {address} is there twice; each validator has one voice");
        }
        if address != own {
            peers.push(Peer { url: peer.url.clone(), address });
        }
    }
    if peers.is_empty() {
        tracing::warn!(
            "validator.peers is empty: while one endpoint of a chain is missing or says otherwise, nothing is signed for it"
        );
    }
    Ok(Peers::new(wiring::http_client()?, Domain::new(config.network), peers))
}

/// Ends only with the reason why this key must not sign.
fn confirm_journal(
    attestor: Attestor,
    cores: Vec<Url>,
    take_over: bool,
    confirmed: &CancellationToken,
) -> eyre::Result<impl Future<Output = RecoverError>> {
    let (client, confirmed) = (wiring::http_client()?, confirmed.clone());
    Ok(async move {
        let outcome = async {
            if take_over {
                recover(&attestor, &client, &cores).await?;
            }
            confirm(&attestor, &client, &cores).await
        };
        match outcome.await {
            Ok(()) => {
                confirmed.cancel();
                std::future::pending().await
            }
            Err(error) => error,
        }
    })
}
