//! What stops an indexer.

use icc_chain::ChainError;
use icc_protocol::ChainId;
use icc_store::{ApplyError, StoreError};

/// Why an indexer stopped. All but [`IndexError::FinalityReverted`] and [`IndexError::GatewayChanged`] go away by
/// starting it again.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A final block is no longer on the chain. Somebody has to look; nothing is papered over.
    #[error("chain {chain} reverted block {number}, which was final: its lanes must be reconciled by hand")]
    FinalityReverted {
        /// Which chain.
        chain: ChainId,
        /// Height of the block.
        number: u64,
    },
    /// The database holds the events of another gateway.
    #[error("chain {chain}: the database was indexed for another gateway; use a new database")]
    GatewayChanged {
        /// Which chain.
        chain: ChainId,
    },
}

impl From<StoreError> for IndexError {
    fn from(error: StoreError) -> Self {
        Self::Apply(error.into())
    }
}
