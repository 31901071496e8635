//! What stops an indexer.

use icc_chain::ChainError;
use icc_protocol::ChainId;
use icc_store::{ApplyError, StoreError};

/// Why an indexer stopped. All but [`IndexError::FinalityReverted`], [`IndexError::Contradiction`] and
/// [`IndexError::GatewayChanged`] go away by starting it again.
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
    /// The events after a final block go on to contradict what is stored. Either an endpoint had left out events before it,
    /// or the gateway is not what it should be; nothing that is final is forgotten for it.
    #[error(
        "chain {chain}: events after block {after} contradict what is stored as final ({problem}): an endpoint has left \
         out events, or the gateway lies. If the endpoints are honest, index the chain anew"
    )]
    Contradiction {
        /// Which chain.
        chain: ChainId,
        /// The block up to which it is stored.
        after: u64,
        /// What is wrong.
        problem: String,
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

impl IndexError {
    /// Whether the chain's lanes stand still until somebody has looked.
    pub fn halts(&self) -> bool {
        matches!(self, Self::FinalityReverted { .. } | Self::Contradiction { .. })
    }
}
