//! `icc indexer`.

use std::{process::ExitCode, sync::Arc, time::Duration};

use eyre::{OptionExt, WrapErr};
use icc_chain_evm::EvmReader;
use icc_indexer::{Config as IndexConfig, Indexer};
use icc_service::{config::Config, shutdown_signal, supervise};
use icc_store::Store;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{cli::IndexerArgs, wiring};

pub(crate) async fn run(arguments: IndexerArgs) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    let url = config.database_url.as_deref().ok_or_eyre("database_url is missing in the configuration")?;
    let connections = u32::try_from(config.chains.len()).unwrap_or(64) + 2;
    let store = Store::connect(url, connections).await.wrap_err("database_url")?;
    let shutdown = shutdown_signal();
    let tasks = TaskTracker::new();
    spawn(&config, &store, &tasks, &shutdown)?;
    tasks.close();
    tasks.wait().await;
    Ok(ExitCode::SUCCESS)
}

/// One supervised task per chain.
pub(crate) fn spawn(
    config: &Config,
    store: &Store,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> eyre::Result<()> {
    for (chain, chain_config) in wiring::deployed_chains(config)? {
        let index_config = IndexConfig {
            network: config.network,
            start_block: chain_config.start_block,
            max_range: chain_config.max_range,
            idle: Duration::from_millis(chain_config.poll_interval_ms.saturating_mul(4)),
        };
        let (store, shutdown) = (store.clone(), shutdown.clone());
        tracing::info!(chain = %chain.id, name = chain.name, "indexer starts");
        tasks.spawn(async move {
            let name = format!("indexer/{}", chain.id);
            supervise(&name, shutdown, |stop| {
                let (chain, store) = (chain.clone(), store.clone());
                async move {
                    let reader = EvmReader::new(chain)?;
                    reader.check_chain_id().await?;
                    Indexer::new(Arc::new(reader), store, index_config)
                        .run(stop)
                        .await
                        .map_err(eyre::Report::from)
                }
            })
            .await;
        });
    }
    Ok(())
}
