//! Outboxes: where each lane of a chain is, and how one goes on from what is signed to what is proved.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use icc_attest::SNAPSHOT_INTERVAL;
use icc_chain::{BlockRef, ProvedOutbox};
use icc_lane::Place;
use icc_protocol::{ChainId, Checkpoint, LaneId};
use serde::{Deserialize, Serialize};

/// Messages folded at most to sign every sign point on the way. Of a longer gap only the beginning is folded, and the newest
/// sign point signed; what is between is signed when somebody asks for it.
pub(crate) const MAX_FOLD: u64 = 4096;

/// A lane's outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneState {
    /// The lane.
    pub lane: LaneId,
    /// Its generation.
    pub generation: u32,
    /// Messages so far.
    pub nonce: u64,
    /// The accumulator after them.
    pub accumulator: B256,
    /// The block in whose state that was proved.
    pub block: u64,
}

impl LaneState {
    /// The lane, and where it is.
    pub(crate) fn place(&self) -> (LaneId, Place) {
        (self.lane, Place { nonce: self.nonce, accumulator: self.accumulator })
    }
}

/// The outboxes of a chain after a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainState {
    /// The block.
    pub block: u64,
    /// Outboxes by destination. One that is in doubt stays where it was.
    pub lanes: BTreeMap<ChainId, LaneState>,
}

/// What events lead to from what was proved in a block's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    pub(crate) block: BlockRef,
    /// How far the chain is followed with this; `None` for older sign points, which change nothing of that.
    pub(crate) state: Option<ChainState>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// Lanes for which nothing is signed, and why.
    pub(crate) doubts: Vec<LaneDoubt>,
}

/// Why nothing is signed for a lane, while the others go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneDoubt {
    /// No endpoint proves its outbox.
    #[error("the outbox to chain {0} is not proved by any endpoint")]
    Unproved(ChainId),
    /// The chain has taken back what was final, or the journal is of another one.
    #[error(
        "lane {lane}: {nonce} messages with accumulator {accumulator} are signed, and the outbox that is proved does not \
         continue them: the chain has taken back what was final. The lane stays unsigned until it is closed and opened \
         anew (`icc lane reconcile`)"
    )]
    TakenBack {
        /// The lane.
        lane: LaneId,
        /// The newest nonce signed.
        nonce: u64,
        /// What was signed for it.
        accumulator: B256,
    },
    /// No endpoint's events lead from what is signed to what is proved.
    #[error("lane {lane}: no endpoint's events lead from message {from} to what is proved: {reasons}")]
    Untold {
        /// The lane.
        lane: LaneId,
        /// The newest nonce signed.
        from: u64,
        /// What was wrong with each endpoint's.
        reasons: String,
    },
}

/// How a lane goes on from what is known of it to its proved outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Nothing of it was ever signed: the proof alone says where it is, and no history is needed.
    Begin,
    /// Nothing has left since.
    Same,
    /// All that has left since is folded, to the outbox.
    Fold,
    /// Too much has left: folded only to the kept accumulator of this index, which shows that the lane is still the one that
    /// was signed.
    Leap(u64),
    /// The outbox does not continue what is signed.
    TakenBack,
}

/// What to do about a lane that is known to be at `known`, and whose outbox was proved.
pub fn resume(known: Option<Place>, outbox: &ProvedOutbox) -> Resume {
    let Some(known) = known else { return Resume::Begin };
    let Some(gap) = outbox.nonce.checked_sub(known.nonce) else { return Resume::TakenBack };
    if gap == 0 {
        let same = known.accumulator == outbox.accumulator;
        return if same { Resume::Same } else { Resume::TakenBack };
    }
    if gap <= MAX_FOLD { Resume::Fold } else { Resume::Leap(known.nonce.div_ceil(SNAPSHOT_INTERVAL)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nonce: u64) -> Place {
        Place { nonce, accumulator: B256::left_padding_from(&nonce.to_be_bytes()) }
    }

    fn outbox(at: Place) -> ProvedOutbox {
        ProvedOutbox {
            accumulator: at.accumulator,
            nonce: at.nonce,
            generation: 1,
            remote_gateway: B256::ZERO,
        }
    }

    #[test]
    fn a_known_lane_goes_on_only_from_what_is_signed() {
        assert_eq!(resume(None, &outbox(at(5))), Resume::Begin);
        assert_eq!(resume(Some(at(5)), &outbox(at(5))), Resume::Same);
        assert_eq!(resume(Some(at(5)), &outbox(at(6))), Resume::Fold);
        assert_eq!(resume(Some(at(6)), &outbox(at(5))), Resume::TakenBack);
        let other = Place { accumulator: B256::repeat_byte(1), ..at(5) };
        assert_eq!(resume(Some(other), &outbox(at(5))), Resume::TakenBack);
        let far = Place { nonce: 10_000_000, accumulator: B256::repeat_byte(2) };
        assert_eq!(resume(Some(at(5)), &outbox(far)), Resume::Leap(1));
        assert_eq!(resume(Some(at(256)), &outbox(far)), Resume::Leap(1), "it is a kept one itself");
        assert_eq!(resume(Some(at(257)), &outbox(far)), Resume::Leap(2));
    }
}
