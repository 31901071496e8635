//! Reading for the core: any endpoint will do.

use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::Filter;
use async_trait::async_trait;
use icc_chain::{Block, ChainError, ChainReader, HeadHints, LocatedEvent};
use icc_protocol::ChainId;
use icc_rpc::{Endpoint, Pool};
use serde_json::json;

use crate::{EvmChain, events, node};

/// An EVM chain behind a pool of endpoints with failover.
pub struct EvmReader {
    config: EvmChain,
    pool: Pool,
    hints: HeadHints,
}

impl EvmReader {
    /// Connects lazily; starts the task that announces heads.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] without endpoints.
    pub fn new(config: EvmChain) -> Result<Self, ChainError> {
        Ok(Self { pool: config.pool()?, hints: config.head_hints(), config })
    }

    /// Asks every endpoint for its chain id.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] if one is on another chain; an unreachable one is not an error.
    pub async fn check_chain_id(&self) -> Result<(), ChainError> {
        check_chain_id(self.pool.endpoints(), self.config.id).await
    }

    async fn block_at(&self, tag: serde_json::Value) -> Result<Option<Block>, ChainError> {
        let tag = &tag;
        let header = self.pool.first(|e: Endpoint| async move { node::header(&e, tag).await }).await?;
        Ok(header.map(|header| header.block(self.config.gateway)))
    }

    async fn events(&self, filter: Filter) -> Result<Vec<LocatedEvent>, ChainError> {
        let gateway = self.config.gateway;
        let filter = filter.address(gateway).event_signature(events::topics());
        let filter = &filter;
        self.pool
            .first(|e: Endpoint| async move { events::decode(&e, gateway, node::logs(&e, filter).await?) })
            .await
    }
}

/// Refuses endpoints that are on another chain.
pub(crate) async fn check_chain_id(endpoints: &[Endpoint], expected: ChainId) -> Result<(), ChainError> {
    for endpoint in endpoints {
        match node::chain_id(endpoint).await {
            Ok(id) if id != expected.0 => {
                return Err(ChainError::Misconfigured(format!(
                    "{} is on chain {id}, not on chain {expected}; correct rpc_urls or the chain's id",
                    endpoint.name()
                )));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "endpoint cannot be reached yet"),
        }
    }
    Ok(())
}

#[async_trait]
impl ChainReader for EvmReader {
    fn chain(&self) -> ChainId {
        self.config.id
    }

    fn gateway(&self) -> B256 {
        Address::into_word(&self.config.gateway)
    }

    fn head_hints(&self) -> HeadHints {
        self.hints.clone()
    }

    async fn head(&self) -> Result<Block, ChainError> {
        let head = self.block_at(json!("latest")).await?;
        head.ok_or_else(|| ChainError::UnknownBlock("latest".to_owned()))
    }

    async fn finalized(&self) -> Result<Block, ChainError> {
        let finality = self.config.finality;
        let header = self.pool.first(|e: Endpoint| async move { node::finalized(&e, finality).await }).await?;
        Ok(header.block(self.config.gateway))
    }

    async fn block(&self, number: u64) -> Result<Option<Block>, ChainError> {
        self.block_at(node::number_tag(number)).await
    }

    async fn events_in_range(&self, from: u64, to: u64) -> Result<Vec<LocatedEvent>, ChainError> {
        self.events(Filter::new().from_block(from).to_block(to)).await
    }

    async fn events_in_block(&self, hash: B256) -> Result<Vec<LocatedEvent>, ChainError> {
        self.events(Filter::new().at_block_hash(hash)).await
    }
}
