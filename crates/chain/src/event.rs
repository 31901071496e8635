//! What happens at a gateway.

use alloy_primitives::{B256, Bytes};
use icc_protocol::{ChainId, LaneId, RecordedReason};

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

/// A gateway's event.
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
    /// A lane pair was opened.
    LaneOpened(LaneOpened),
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
