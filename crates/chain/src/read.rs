//! Reading a chain: for the core (which may be told lies, and holds no keys to money), and for the validator (which
//! may not).

use std::collections::BTreeMap;

use alloy_primitives::B256;
use async_trait::async_trait;
use icc_protocol::{ChainId, LaneId};
use tokio::sync::watch;

use crate::{Block, BlockRef, ChainError, HashedHeader, LocatedEvent, QuorumBlock, UnanimousFinal};

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

/// An outbox as its storage has it, all of it proved: what a lane's id is made of, and where the lane stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvedOutbox {
    /// The accumulator after the newest message; zero if the lane is closed.
    pub accumulator: B256,
    /// Nonce of the newest message.
    pub nonce: u64,
    /// Generation of the lane; of a closed one, the last.
    pub generation: u32,
    /// The gateway at the other end.
    pub remote_gateway: B256,
}

/// Outboxes at a block, proved against the state of exactly this block. That does not say that the block is final, or on
/// the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedOutboxes {
    /// The block.
    pub header: HashedHeader,
    /// By destination. One that no endpoint could prove is missing, and does not keep the others from being here.
    pub outboxes: BTreeMap<ChainId, ProvedOutbox>,
}

impl ProvedOutboxes {
    /// Which block.
    pub fn block(&self) -> BlockRef {
        self.header.at()
    }
}

/// What is final by the word of a validator's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgreedFinal {
    /// The newest block that a quorum calls final.
    pub by_quorum: QuorumBlock,
    /// The newest block that every single one calls final; `None` while one is missing or says otherwise.
    pub by_all: Option<UnanimousFinal>,
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
    async fn agreed_block(&self, number: u64) -> Result<QuorumBlock, ChainError>;
    /// The newest block that a quorum of endpoints has, not final yet.
    async fn agreed_head(&self) -> Result<QuorumBlock, ChainError>;
    /// The header with a hash, by whichever endpoint has it: the hash itself says that it is the one.
    async fn header(&self, hash: B256) -> Result<HashedHeader, ChainError>;
    /// Proves outboxes in the state of a block. Endpoints whose proof does not verify are passed over, slot by slot.
    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError>;
    /// Proves kept accumulators of a lane in the state of a block: of message `256 × index`, for each index. Zero where
    /// none is kept.
    async fn prove_snapshots(
        &self,
        block: BlockRef,
        lane: LaneId,
        indexes: &[u64],
    ) -> Result<Vec<B256>, ChainError>;
    /// The gateway's events in `from..=to` as one endpoint tells them; `attempt` chooses which one.
    async fn told_events(&self, from: u64, to: u64, attempt: usize) -> Result<Vec<LocatedEvent>, ChainError>;
    /// The endpoints' names for logs and metrics, in the order of `attempt`.
    fn endpoints(&self) -> Vec<String>;
}
