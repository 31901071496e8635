//! What happens at a gateway.

use alloy_primitives::{B256, Bytes};
use icc_protocol::{ChainId, FollowUp, LaneId, RecordedReason};

use crate::BlockRef;

/// A message that left, as the outbox told it: not yet checked against any accumulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// Where to.
    pub destination: ChainId,
    /// Of which generation of the lane.
    pub generation: u32,
    /// The encoded message.
    pub message: Bytes,
}

/// Both directions to a remote gateway were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneOpened {
    /// The remote chain.
    pub remote_chain: ChainId,
    /// The remote gateway.
    pub remote_gateway: B256,
    /// Generation of both lanes.
    pub generation: u32,
    /// From here to there.
    pub outbound: LaneId,
    /// From there to here.
    pub inbound: LaneId,
}

/// Both directions to a remote gateway were closed, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneEnded {
    /// The remote chain.
    pub remote_chain: ChainId,
    /// Generation of both lanes.
    pub generation: u32,
    /// From here to there.
    pub outbound: LaneId,
    /// From there to here.
    pub inbound: LaneId,
    /// Messages that left on the outbound lane.
    pub outbox_nonce: u64,
    /// The inbound lane's last inbox.
    pub inbox: B256,
}

/// A transfer above the rate limit waits in its token's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Which token.
    pub token_id: B256,
    /// Its place in the token's queue.
    pub index: u64,
    /// The message that carried it.
    pub message_id: B256,
    /// In units of the home token.
    pub amount: u128,
    /// UNIX seconds at which it can be released.
    pub release_at: u64,
}

/// What became of the head of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum QueueEnd {
    /// Paid out.
    Released = 0,
    /// Could not be paid out; waits to be claimed.
    Claimable = 1,
    /// Struck by the owner.
    Cancelled = 2,
}

/// A gateway's or token bridge's event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message left.
    Sent(SentMessage),
    /// Messages `from_nonce..=to_nonce` arrived.
    Delivered {
        /// On which lane.
        lane: LaneId,
        /// First.
        from_nonce: u64,
        /// Last.
        to_nonce: u64,
        /// The inbox after them.
        accumulator: B256,
    },
    /// A delivered message waits for `execute`.
    Recorded {
        /// Of which lane.
        lane: LaneId,
        /// Its nonce.
        nonce: u64,
        /// Its id.
        id: B256,
        /// Why.
        reason: RecordedReason,
    },
    /// A recorded message was executed.
    Executed {
        /// Of which lane.
        lane: LaneId,
        /// Its nonce.
        nonce: u64,
        /// Its id.
        id: B256,
    },
    /// A recorded message expired: its refund left under `refund_nonce` of the lane in the other direction.
    Expired {
        /// Of which lane.
        lane: LaneId,
        /// Its nonce.
        nonce: u64,
        /// Its id.
        id: B256,
        /// Nonce of the refund.
        refund_nonce: u64,
    },
    /// The owner struck a recorded message: it is neither executed nor refunded.
    Struck {
        /// Its id.
        id: B256,
    },
    /// What an ended lane had not delivered may be sent again, from this accumulator on.
    ResendAllowed {
        /// The ended lane, by its source.
        lane: LaneId,
        /// Where its inbox stopped.
        from: B256,
    },
    /// A lane pair was opened.
    LaneOpened(LaneOpened),
    /// A lane pair was closed.
    LaneEnded(LaneEnded),
    /// The delivery of a message was paid for.
    FeePaid {
        /// Where the message goes.
        destination: ChainId,
        /// Generation of its lane.
        generation: u32,
        /// Its nonce.
        nonce: u64,
        /// Wei of this chain's coin.
        amount: u128,
    },
    /// A message led the token bridge to send another one from this chain.
    FollowedUp {
        /// The message that arrived.
        message_id: B256,
        /// Why.
        why: FollowUp,
        /// Where the new one goes.
        destination: ChainId,
        /// Its nonce in the open lane to there.
        nonce: u64,
    },
    /// A transfer waits.
    Queued(Queued),
    /// A transfer no longer waits.
    QueueEnded {
        /// Which token.
        token_id: B256,
        /// Its place in the token's queue.
        index: u64,
        /// What became of it.
        end: QueueEnd,
    },
    /// A log of ours that is no event: no honest gateway or token bridge emits one.
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// The validator set was replaced (or first set).
    SetRotated {
        /// The new epoch.
        epoch: u64,
        /// keccak256 of the packed members.
        set_hash: B256,
        /// UNIX seconds on the hub chain.
        hub_time: u64,
        /// The packed members.
        members: Bytes,
    },
}

/// Where an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventAt {
    /// Its block.
    pub block: BlockRef,
    /// Its transaction.
    pub transaction: B256,
    /// Its place among the block's logs.
    pub log_index: u64,
}

/// An event and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedEvent {
    /// Where.
    pub at: EventAt,
    /// What.
    pub event: Event,
}
