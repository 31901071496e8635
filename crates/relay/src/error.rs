//! What keeps a lane from getting on.

use icc_chain::ChainError;
use icc_protocol::LaneId;
use icc_store::StoreError;

/// Why a lane does not get on; its text is the relay note that `icc status` shows.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The destination chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else has the lease now.
    #[error("the lease on {0} was lost")]
    LeaseLost(String),
    /// Every signer of the pool is at work.
    #[error("all relay signers are busy")]
    NoSigner,
    /// The destination has closed the lane.
    #[error("the lane is closed at its destination")]
    LaneClosed,
    /// A chain at one of the lane's ends cannot be followed any further.
    #[error("{0}")]
    Halted(String),
    /// The inbox is at an accumulator that the source never had: one of the chains reverted its finality.
    #[error(
        "lane {0}: the destination's inbox is at no accumulator of the source; it must be reconciled by hand"
    )]
    ForeignInbox(LaneId),
    /// A checkpoint with a quorum contradicts what this core holds as final.
    #[error(
        "lane {lane}: a quorum signed another accumulator at nonce {nonce} than this core holds; not relayed"
    )]
    Conflict {
        /// The lane.
        lane: LaneId,
        /// The checkpoint's nonce.
        nonce: u64,
    },
    /// No fee within the cap got the transaction into a block.
    #[error("transaction is in no block after {attempts} offers")]
    Stuck {
        /// How often more was offered.
        attempts: u32,
    },
    /// It was included and reverted.
    #[error("transaction reverted in block {block}")]
    Reverted {
        /// Height.
        block: u64,
    },
}

impl RelayError {
    /// Whether a smaller transaction might have gone through.
    pub(crate) fn may_be_of_size(&self) -> bool {
        match self {
            Self::Chain(error) => !matches!(
                error,
                ChainError::NotTaken(_)
                    | ChainError::InsufficientFunds { .. }
                    | ChainError::FeeAboveCap { .. }
            ),
            Self::Reverted { .. } | Self::Stuck { .. } => true,
            _ => false,
        }
    }
}
