//! Reading a chain: for the core (which may be told lies, and holds no keys to money), and for the validator (which
//! may not).

use alloy_primitives::B256;
use async_trait::async_trait;
use icc_protocol::ChainId;
use tokio::sync::watch;

use crate::{Block, BlockRef, ChainError, LocatedEvent};

/// Changes whenever a new head may be there. A hint to look, never a fact.
pub type HeadHints = watch::Receiver<u64>;

/// A chain as the indexer sees it.
#[async_trait]
pub trait ChainReader: Send + Sync {
    /// Which chain.
    fn chain(&self) -> ChainId;
    /// The gateway on it.
    fn gateway(&self) -> B256;
    /// Announces new heads.
    fn head_hints(&self) -> HeadHints;
    /// The newest block.
    async fn head(&self) -> Result<Block, ChainError>;
    /// The newest final block under the chain's policy.
    async fn finalized(&self) -> Result<Block, ChainError>;
    /// The block at a height; `None` above the head.
    async fn block(&self, number: u64) -> Result<Option<Block>, ChainError>;
    /// The gateway's events in blocks `from..=to`, in order.
    async fn events_in_range(&self, from: u64, to: u64) -> Result<Vec<LocatedEvent>, ChainError>;
    /// The gateway's events in one block.
    async fn events_in_block(&self, block: BlockRef) -> Result<Vec<LocatedEvent>, ChainError>;
}

/// The outbox accumulators at a block, proved against a header that a quorum of endpoints agrees on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedOutboxes {
    /// The block.
    pub block: BlockRef,
    /// Destination and accumulator; zero if no lane to it was ever opened.
    pub accumulators: Vec<(ChainId, B256)>,
}

/// What is final by the word of a validator's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgreedFinal {
    /// The newest block that a quorum calls final.
    pub by_quorum: BlockRef,
    /// The newest block that every single one calls final; `None` while one is missing or says otherwise.
    pub by_all: Option<BlockRef>,
}

/// A chain as a validator sees it: several endpoints of its own, none of them trusted alone.
#[async_trait]
pub trait Prover: Send + Sync {
    /// Which chain.
    fn chain(&self) -> ChainId;
    /// The gateway on it.
    fn gateway(&self) -> B256;
    /// Announces new heads.
    fn head_hints(&self) -> HeadHints;
    /// The newest block that a quorum of endpoints calls final, with a hash that a quorum agrees on; and how far all
    /// of them agree.
    async fn agreed_finalized(&self) -> Result<AgreedFinal, ChainError>;
    /// The block of a height, if a quorum of endpoints agrees on its hash.
    async fn agreed_block(&self, number: u64) -> Result<BlockRef, ChainError>;
    /// The newest block that a quorum of endpoints has, not final yet.
    async fn agreed_head(&self) -> Result<BlockRef, ChainError>;
    /// Proves outbox accumulators at an agreed block. Endpoints whose proof does not verify are passed over.
    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError>;
    /// The gateway's events in `from..=to` as one endpoint tells them; `attempt` chooses which one.
    async fn told_events(&self, from: u64, to: u64, attempt: usize) -> Result<Vec<LocatedEvent>, ChainError>;
    /// The endpoints' names for logs and metrics, in the order of `attempt`.
    fn endpoints(&self) -> Vec<String>;
}
