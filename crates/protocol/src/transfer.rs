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
    /// Its home chain has passed it on; the second leg is on its way.
    Forwarded,
    /// Delivered as far as the lane is concerned; its tokens wait in the rate limit's queue.
    Queued,
    /// What it carried is on its way back.
    Refunding,
    /// Delivered, and its call has run.
    Delivered,
    /// The destination's block is final too.
    Completed,
    /// What it carried is back with whom it belongs to.
    Refunded,
}

impl TransferState {
    /// Nothing more will happen to it but finality.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Delivered | Self::Completed | Self::Refunded)
    }

    /// It did what it was sent for.
    pub fn has_arrived(self) -> bool {
        matches!(self, Self::Delivered | Self::Completed)
    }
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

/// Why a message led to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum FollowUp {
    /// Home passed tokens on to their final chain.
    Forwarded = 0,
    /// Home sent tokens back that it could not pass on, or that came back from their final chain.
    Returned = 1,
    /// It expired: the gateway sent its refund.
    Refund = 2,
}

impl FollowUp {
    /// From the number it is stored under.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Forwarded, Self::Returned, Self::Refund].into_iter().find(|kind| *kind as u8 == code)
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
    /// It was recorded and has been refunded instead.
    pub expired: bool,
    /// Its tokens wait in the rate limit's queue.
    pub queued: bool,
    /// Its tokens were struck from the queue.
    pub cancelled: bool,
    /// The message that it led to, and that one's state.
    pub follow_up: Option<(FollowUp, TransferState)>,
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
    #[error("recorded, executed or refunded without having been delivered")]
    ExecutedBeforeDelivered,
    /// Executed and refunded.
    #[error("executed and refunded")]
    ExecutedAndRefunded,
}

impl Progress {
    /// The state that these facts make.
    ///
    /// # Errors
    /// [`TransitionError`] when they contradict each other, which must be told and never be papered over.
    pub fn state(&self) -> Result<TransferState, TransitionError> {
        if (self.recorded || self.executed || self.expired) && !self.in_inbox {
            return Err(TransitionError::ExecutedBeforeDelivered);
        }
        if self.executed && self.expired {
            return Err(TransitionError::ExecutedAndRefunded);
        }
        if self.in_inbox && !self.source_final {
            return Err(TransitionError::DeliveredBeforeFinal);
        }
        if !self.in_inbox {
            return Ok(match *self {
                Self { source_final: true, quorum: true, .. } => TransferState::Attested,
                Self { source_final: true, .. } => TransferState::Final,
                _ => TransferState::Observed,
            });
        }
        if self.recorded && !self.executed && !self.expired {
            return Ok(TransferState::Recorded);
        }
        Ok(match self.follow_up {
            Some((FollowUp::Forwarded, state)) if state.is_settled() || state == TransferState::Refunding => {
                state
            }
            Some((FollowUp::Forwarded, _)) => TransferState::Forwarded,
            Some((FollowUp::Returned | FollowUp::Refund, state)) if state.is_settled() => {
                TransferState::Refunded
            }
            Some((FollowUp::Returned | FollowUp::Refund, _)) => TransferState::Refunding,
            None if self.expired => TransferState::Refunding,
            None if self.queued || self.cancelled => TransferState::Queued,
            None if self.destination_final => TransferState::Completed,
            None => TransferState::Delivered,
        })
    }
}
