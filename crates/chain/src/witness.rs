//! What was signed, by the calls that brought it to a chain.

use alloy_primitives::B256;
use async_trait::async_trait;
use icc_protocol::{ChainId, Checkpoint, CompactSignature, EpochRecord, NetworkId};

use crate::{BlockRef, ChainError};

/// Reads signatures out of transactions: who signs a lie and submits it without telling anybody has left it there.
#[async_trait]
pub trait Witness: Send + Sync {
    /// Which chain.
    fn chain(&self) -> ChainId;
    /// The checkpoints of a transaction's deliveries to the gateway, each with the signatures it came with. One endpoint's
    /// word; signatures prove themselves.
    async fn delivered_by(
        &self,
        network: NetworkId,
        transaction: B256,
    ) -> Result<Vec<(Checkpoint, Vec<CompactSignature>)>, ChainError>;
    /// The sets that the gateway was rotated to in a block, each with the signatures that did it. As above.
    async fn rotated_in(
        &self,
        block: BlockRef,
    ) -> Result<Vec<(EpochRecord, Vec<CompactSignature>)>, ChainError>;
}
