//! Errors of a chain, by what to do about them.

use alloy_primitives::{B256, Bytes};

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Ask again, elsewhere or a little later.
    Retry,
    /// Nothing is wrong; the chain is not there yet.
    Wait,
    /// Asking again gives the same answer: somebody has to look.
    Fatal,
}

/// What can go wrong between the bridge and a chain.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// An endpoint could not be reached, timed out, or answered nonsense. Retry.
    #[error("{endpoint}: {reason}")]
    Unavailable {
        /// Which endpoint, without credentials.
        endpoint: String,
        /// What happened.
        reason: String,
    },
    /// A range of logs was too large for the endpoint. Retry with a smaller one.
    #[error("{endpoint}: range too large: {reason}")]
    RangeTooLarge {
        /// Which endpoint.
        endpoint: String,
        /// Its words.
        reason: String,
    },
    /// Fewer endpoints agree than the quorum needs: nothing is known. Wait.
    #[error("{agreeing} of {asked} endpoints agree on {what}, {needed} are needed{details}")]
    NoQuorum {
        /// About what.
        what: String,
        /// Most that gave one answer.
        agreeing: usize,
        /// How many were asked.
        asked: usize,
        /// How many must agree.
        needed: usize,
        /// What the others said, starting with a separator; may be empty.
        details: String,
    },
    /// The block is not there, or no longer. Wait.
    #[error("block {0} is not known")]
    UnknownBlock(String),
    /// Data that contradicts a verified header. Retry elsewhere; the endpoint lies or is broken.
    #[error("{endpoint}: {reason}")]
    Forged {
        /// Which endpoint.
        endpoint: String,
        /// What did not verify.
        reason: String,
    },
    /// The chain would refuse the call.
    #[error("call reverts: {reason}")]
    Reverted {
        /// Decoded reason.
        reason: String,
        /// The revert data.
        data: Bytes,
    },
    /// The signer cannot pay. Wait for funds.
    #[error("signer {signer} has too little to pay for gas: {reason}")]
    InsufficientFunds {
        /// Which signer.
        signer: B256,
        /// The endpoint's words.
        reason: String,
    },
    /// A transaction of this sequence number is already on the chain or offers more. Retry.
    #[error("transaction was not taken: {0}")]
    NotTaken(String),
    /// The fee would exceed the configured cap. Wait.
    #[error("fee of {wanted} wei per gas is above the cap of {cap}")]
    FeeAboveCap {
        /// What it would take.
        wanted: u128,
        /// What is allowed.
        cap: u128,
    },
    /// The endpoint is on another chain, or the chain is not what the configuration says. Fatal.
    #[error("{0}")]
    Misconfigured(String),
}

impl ChainError {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Unavailable { .. }
            | Self::RangeTooLarge { .. }
            | Self::Forged { .. }
            | Self::NotTaken(_) => Class::Retry,
            Self::NoQuorum { .. }
            | Self::UnknownBlock(_)
            | Self::InsufficientFunds { .. }
            | Self::FeeAboveCap { .. } => Class::Wait,
            Self::Reverted { .. } | Self::Misconfigured(_) => Class::Fatal,
        }
    }
}
