//! Reading for the core: blocks and events by two endpoints, views by any.

use std::sync::atomic::{AtomicUsize, Ordering};

use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::Filter;
use alloy_sol_types::SolCall;
use async_trait::async_trait;
use icc_chain::{Block, BlockRef, ChainError, ChainReader, HeadHints, LocatedEvent};
use icc_protocol::ChainId;
use icc_rpc::{Endpoint, Pool};
use serde_json::json;

use crate::{EvmChain, events, node, view::Viewer, voices};

/// An EVM chain behind a pool of endpoints with failover.
pub struct EvmReader {
    config: EvmChain,
    pool: Pool,
    hints: HeadHints,
    /// Which endpoint is asked for events first: each in turn, so that a dead one costs no more than its part.
    turn: AtomicUsize,
}

impl EvmReader {
    /// Connects lazily; starts the task that announces heads.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] without endpoints.
    pub fn new(config: EvmChain) -> Result<Self, ChainError> {
        let pool = config.pool()?;
        let unchecked = pool.endpoints().len() < 2;
        metrics::gauge!("icc_rpc_unchecked", "chain" => config.id.to_string()).set(u8::from(unchecked));
        if unchecked {
            tracing::warn!(chain = %config.id, "only one endpoint in rpc_urls: nothing that it says is checked");
        }
        Ok(Self { pool, hints: config.head_hints(), config, turn: AtomicUsize::new(0) })
    }

    /// Asks every endpoint for its chain id.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] if one is on another chain; an unreachable one is not an error.
    pub async fn check_chain_id(&self) -> Result<(), ChainError> {
        check_chain_id(self.pool.endpoints(), self.config.id, 0).await
    }

    /// Calls a view function at a block; the endpoint must still hold that block's state.
    ///
    /// # Errors
    /// [`ChainError::Reverted`], or [`ChainError::Misconfigured`] if there is no such contract.
    pub async fn view_at<C: SolCall>(
        &self,
        block: u64,
        to: Address,
        call: C,
    ) -> Result<C::Return, ChainError> {
        let (pool, chain, from) = (&self.pool, self.config.id, Address::ZERO);
        Viewer { pool, chain, from, block: node::number_tag(block) }.view(to, call).await
    }

    /// Events by a filter; `reach` is a block that the endpoint must have, as logs of blocks that it lacks would be
    /// missing without a word.
    async fn events(
        &self,
        filter: Filter,
        reach: serde_json::Value,
    ) -> Result<Vec<LocatedEvent>, ChainError> {
        let contracts = events::Contracts::of(&self.config);
        let filter = filter.address(self.config.contracts()).event_signature(events::topics());
        let (filter, reach, contracts) = (&filter, &reach, &contracts);
        let ask = |e: Endpoint| async move {
            if node::header(&e, reach).await?.is_none() {
                return Err(ChainError::UnknownBlock(format!("{reach} at {}", e.name())));
            }
            events::decode(&e, contracts, node::logs(&e, filter).await?)
        };
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        voices::told_alike(self.pool.endpoints(), first, ask).await
    }
}

/// Looks for endpoints that are on another chain. Up to `bearable` of them are told of and left to disagree: one bad
/// endpoint must not keep a process from starting.
pub(crate) async fn check_chain_id(
    endpoints: &[Endpoint],
    expected: ChainId,
    bearable: usize,
) -> Result<(), ChainError> {
    let mut wrong = Vec::new();
    for endpoint in endpoints {
        match node::chain_id(endpoint).await {
            Ok(id) if id != expected.0 => wrong.push(format!("{} is on chain {id}", endpoint.name())),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "endpoint cannot be reached yet"),
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let problem =
        format!("{}, not on chain {expected}; correct rpc_urls or the chain's id", wrong.join(", "));
    if wrong.len() > bearable {
        return Err(ChainError::Misconfigured(problem));
    }
    tracing::error!(problem, "endpoint of another chain");
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
        let ask = |e: Endpoint| async move {
            let head = node::header(&e, &json!("latest")).await?;
            head.ok_or_else(|| ChainError::UnknownBlock("latest".to_owned()))
        };
        let head = voices::reached(self.pool.endpoints(), "the head", ask).await?;
        Ok(head.block(&self.config.contracts()))
    }

    async fn finalized(&self) -> Result<Block, ChainError> {
        let finality = self.config.finality;
        let ask = |e: Endpoint| async move { node::finalized(&e, finality).await };
        let header = voices::reached(self.pool.endpoints(), "the final block", ask).await?;
        Ok(header.block(&self.config.contracts()))
    }

    async fn block(&self, number: u64) -> Result<Option<Block>, ChainError> {
        let header = voices::header_at(self.pool.endpoints(), number).await?;
        Ok(header.map(|header| header.block(&self.config.contracts())))
    }

    async fn events_in_range(&self, from: u64, to: u64) -> Result<Vec<LocatedEvent>, ChainError> {
        let events = self.events(Filter::new().from_block(from).to_block(to), node::number_tag(to)).await?;
        match events.iter().find(|event| !(from..=to).contains(&event.at.block.number)) {
            None => Ok(events),
            Some(stray) => Err(ChainError::Forged {
                endpoint: self.config.name.clone(),
                reason: format!("a log of block {}, which was not asked for", stray.at.block.number),
            }),
        }
    }

    async fn events_in_block(&self, block: BlockRef) -> Result<Vec<LocatedEvent>, ChainError> {
        self.events(Filter::new().at_block_hash(block.hash), node::number_tag(block.number)).await
    }
}
