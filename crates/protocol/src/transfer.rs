//! The states of a message on its way, forward only.

use serde::{Deserialize, Serialize};

/// Where a message is. The order is the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// Seen on the source chain, which may still drop it.
    Observed,
    /// Its source block is final.
    Final,
    /// A quorum has signed a checkpoint that covers it.
    Attested,
    /// The destination's inbox contains it, but its call waits for `execute`.
    Recorded,
    /// Delivered, and its call has run.
    Delivered,
    /// The destination's block is final too.
    Completed,
}

/// Why a delivered message waits for `execute`, as the gateway tells (same numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum RecordedReason {
    /// Its gas limit is above what runs within a delivery.
    AboveInlineGas = 0,
    /// The call failed.
    CallFailed = 1,
    /// The recipient is no account that can be called.
    InvalidRecipient = 2,
    /// Its kind is not executed by this gateway.
    UnsupportedKind = 3,
    /// Its deadline had passed.
    Expired = 4,
}

impl RecordedReason {
    /// From the gateway's number.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::AboveInlineGas,
            1 => Self::CallFailed,
            2 => Self::InvalidRecipient,
            3 => Self::UnsupportedKind,
            4 => Self::Expired,
            _ => return None,
        })
    }
}

/// What is known of a message; the state follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Its source block is final.
    pub source_final: bool,
    /// A quorum has signed a checkpoint at or after it.
    pub quorum: bool,
    /// The destination's inbox contains it.
    pub in_inbox: bool,
    /// It was recorded instead of executed.
    pub recorded: bool,
    /// It was recorded and has been executed since.
    pub executed: bool,
    /// The destination block of its last step is final.
    pub destination_final: bool,
}

/// Facts that cannot be true together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// Delivered without its source block being final: the source reverted its own finality, or a quorum lied.
    #[error("delivered at the destination while its source block is not final")]
    DeliveredBeforeFinal,
    /// Executed or recorded without being in the inbox.
    #[error("recorded or executed without having been delivered")]
    ExecutedBeforeDelivered,
}

impl Progress {
    /// The state that these facts make.
    ///
    /// # Errors
    /// [`TransitionError`] when they contradict each other, which must be told and never be papered over.
    pub fn state(&self) -> Result<TransferState, TransitionError> {
        if (self.recorded || self.executed) && !self.in_inbox {
            return Err(TransitionError::ExecutedBeforeDelivered);
        }
        if self.in_inbox && !self.source_final {
            return Err(TransitionError::DeliveredBeforeFinal);
        }
        Ok(match *self {
            Self { in_inbox: true, recorded: true, executed: false, .. } => TransferState::Recorded,
            Self { in_inbox: true, destination_final: true, .. } => TransferState::Completed,
            Self { in_inbox: true, .. } => TransferState::Delivered,
            Self { source_final: true, quorum: true, .. } => TransferState::Attested,
            Self { source_final: true, .. } => TransferState::Final,
            _ => TransferState::Observed,
        })
    }
}
