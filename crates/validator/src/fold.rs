//! A lane's messages, folded one by one from what is signed to what is proved. Nothing that an endpoint tells is believed:
//! only leaves that lead to a proved accumulator fold to it, whoever told them, and then every accumulator on the way is
//! the lane's own, as each is hashed into the next.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use icc_attest::SNAPSHOT_INTERVAL;
use icc_chain::{BlockRef, Event, LocatedEvent, ProvedOutbox};
use icc_protocol::{ChainId, Checkpoint, DecodeError, Lane, LaneId, Message, NetworkId, fold, is_sign_point};
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

/// The outboxes of a chain after a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainState {
    /// The block.
    pub block: u64,
    /// Outboxes by destination. One that is in doubt stays where it was.
    pub lanes: BTreeMap<ChainId, LaneState>,
}

/// Who the outboxes are of.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The deployment.
    pub network: NetworkId,
    /// The chain.
    pub chain: ChainId,
    /// Its gateway.
    pub gateway: B256,
}

impl Source {
    /// The lane of an outbox. All that its id is made of is proved: nobody else's word is in it.
    pub fn lane(&self, destination: ChainId, outbox: &ProvedOutbox) -> Lane {
        Lane {
            network: self.network,
            source_chain: self.chain,
            source_gateway: self.gateway,
            destination_chain: destination,
            destination_gateway: outbox.remote_gateway,
            generation: outbox.generation,
        }
    }
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

/// A place on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Messages so far.
    pub nonce: u64,
    /// The accumulator after them.
    pub accumulator: B256,
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

/// Events that cannot be the lane's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Not a message.
    #[error("message: {0}")]
    Message(#[from] DecodeError),
    /// Nonces have no gaps.
    #[error("message {found} to chain {destination} follows message {last}")]
    Gap {
        /// Where to.
        destination: ChainId,
        /// The last nonce before.
        last: u64,
        /// The nonce told.
        found: u64,
    },
    /// Not asked for.
    #[error("an event of block {0}, which is outside the range asked for")]
    OutsideRange(u64),
    /// They are not what is proved.
    #[error("they lead to another accumulator than is proved")]
    Elsewhere,
    /// Not all of them were told.
    #[error("message {0} was not told")]
    Missing(u64),
}

/// One lane on its way from a known place to a proved one.
#[derive(Debug, Clone)]
pub struct LaneFold {
    lane: LaneId,
    destination: ChainId,
    generation: u32,
    at: Place,
    goal: Place,
    /// The newest message and its block, not yet known to be the last of it.
    newest: Option<(u64, Checkpoint)>,
    checkpoints: Vec<Checkpoint>,
}

impl LaneFold {
    /// Begins at a known place; the goal is proved, and after it.
    pub fn new(lane: LaneId, (destination, generation): (ChainId, u32), at: Place, goal: Place) -> Self {
        Self { lane, destination, generation, at, goal, newest: None, checkpoints: Vec::new() }
    }

    /// Whether the goal is reached.
    pub fn is_done(&self) -> bool {
        self.at == self.goal
    }

    /// The message that is folded next.
    pub fn next_nonce(&self) -> u64 {
        self.at.nonce.saturating_add(1)
    }

    /// Folds what is this lane's of the events of blocks `from..=to`; what comes before and after its way is passed over.
    ///
    /// # Errors
    /// [`FoldError`] if the events contradict themselves or what is proved.
    pub fn extend(&mut self, events: &[LocatedEvent], (from, to): (u64, u64)) -> Result<(), FoldError> {
        for located in events {
            let block = located.at.block.number;
            if block < from || block > to {
                return Err(FoldError::OutsideRange(block));
            }
            let Event::Sent(sent) = &located.event else { continue };
            if sent.destination != self.destination || sent.generation != self.generation {
                continue;
            }
            let found = Message::decode(&sent.message)?.nonce;
            if found <= self.at.nonce || found > self.goal.nonce {
                continue;
            }
            if found != self.next_nonce() {
                return Err(FoldError::Gap { destination: self.destination, last: self.at.nonce, found });
            }
            self.step(block, keccak256(&sent.message))?;
        }
        Ok(())
    }

    fn step(&mut self, block: u64, leaf: B256) -> Result<(), FoldError> {
        let nonce = self.next_nonce();
        let accumulator = fold(self.at.accumulator, leaf);
        self.at = Place { nonce, accumulator };
        let checkpoint = Checkpoint { lane: self.lane, nonce, accumulator };
        if let Some((before, previous)) = self.newest.replace((block, checkpoint))
            && is_sign_point(previous.nonce, before, Some(block))
        {
            self.checkpoints.push(previous);
        }
        if nonce == self.goal.nonce && !self.is_done() { Err(FoldError::Elsewhere) } else { Ok(()) }
    }

    /// The checkpoints at the sign points up to the goal, which is one of them.
    ///
    /// # Errors
    /// [`FoldError::Missing`] if it was not reached.
    pub fn finish(mut self) -> Result<Vec<Checkpoint>, FoldError> {
        if !self.is_done() {
            return Err(FoldError::Missing(self.next_nonce()));
        }
        self.checkpoints.extend(self.newest.map(|(_, checkpoint)| checkpoint));
        Ok(self.checkpoints)
    }
}

/// The sign points that leaves pass between two proved places of a lane: every 64th nonce, and the end, if the leaves lead
/// from the one to the other.
///
/// # Errors
/// [`FoldError::Elsewhere`] if they do not.
pub fn sign_points_between(
    lane: LaneId,
    start: Place,
    end: Place,
    leaves: &[B256],
) -> Result<Vec<Checkpoint>, FoldError> {
    let mut at = start;
    let mut checkpoints = Vec::new();
    for leaf in leaves {
        let nonce = at.nonce.checked_add(1).ok_or(FoldError::Elsewhere)?;
        at = Place { nonce, accumulator: fold(at.accumulator, *leaf) };
        if is_sign_point(nonce, 0, Some(0)) || nonce == end.nonce {
            checkpoints.push(Checkpoint { lane, nonce, accumulator: at.accumulator });
        }
    }
    if at == end { Ok(checkpoints) } else { Err(FoldError::Elsewhere) }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;
    use icc_chain::{EventAt, SentMessage};
    use icc_protocol::{Kind, SIGN_INTERVAL, fold_all};

    use super::*;

    const LANE: LaneId = LaneId(B256::repeat_byte(7));
    const THERE: ChainId = ChainId(2);

    fn message(nonce: u64, text: &'static str) -> Bytes {
        let message = Message {
            kind: Kind::Call,
            nonce,
            deadline: 0,
            gas_limit: 1,
            sender: B256::ZERO,
            recipient: B256::ZERO,
            payload: Bytes::from(text),
        };
        Bytes::from(message.encode())
    }

    fn sent(block: u64, nonce: u64, text: &'static str) -> LocatedEvent {
        sent_of(block, message(nonce, text), 1)
    }

    fn sent_of(number: u64, message: Bytes, generation: u32) -> LocatedEvent {
        let block = BlockRef { number, hash: B256::ZERO };
        let event = Event::Sent(SentMessage { destination: THERE, generation, message });
        LocatedEvent { at: EventAt { block, transaction: B256::ZERO, log_index: 0 }, event }
    }

    fn place(nonce: u64) -> Place {
        let leaves = (1..=nonce).map(|nonce| keccak256(message(nonce, "a")));
        Place { nonce, accumulator: fold_all(LANE.0, leaves) }
    }

    fn folded(from: u64, to: u64, events: &[LocatedEvent]) -> Result<Vec<u64>, FoldError> {
        let mut folding = LaneFold::new(LANE, (THERE, 1), place(from), place(to));
        folding.extend(events, (1, 100))?;
        Ok(folding.finish()?.iter().map(|checkpoint| checkpoint.nonce).collect())
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
    fn the_last_of_each_block_and_each_sixty_fourth_are_sign_points() {
        let events: Vec<LocatedEvent> =
            (1..=130).map(|nonce| sent(if nonce < 4 { 1 } else { 2 }, nonce, "a")).collect();
        assert_eq!(folded(0, 130, &events), Ok(vec![3, 64, 128, 130]));
        assert_eq!(folded(3, 130, &events), Ok(vec![64, 128, 130]), "what came before is passed over");
        assert_eq!(folded(0, 64, &events), Ok(vec![3, 64]), "and what comes after the goal");
    }

    #[test]
    fn what_does_not_lead_to_the_goal_leads_nowhere() {
        let told = |events: &[LocatedEvent]| folded(1, 3, events);
        let (two, three) = (sent(2, 2, "a"), sent(2, 3, "a"));
        assert_eq!(told(&[two.clone(), three.clone()]), Ok(vec![3]));
        assert_eq!(told(&[sent(2, 2, "b"), three.clone()]), Err(FoldError::Elsewhere));
        assert_eq!(told(std::slice::from_ref(&two)), Err(FoldError::Missing(3)));
        let gap = FoldError::Gap { destination: THERE, last: 1, found: 3 };
        assert_eq!(told(std::slice::from_ref(&three)), Err(gap));
        assert_eq!(told(&[sent(101, 2, "a")]), Err(FoldError::OutsideRange(101)));
        let other_generation = sent_of(2, message(2, "a"), 2);
        assert_eq!(told(&[other_generation, two, three]), Ok(vec![3]));
    }

    #[test]
    fn a_known_lane_goes_on_only_from_what_is_signed() {
        assert_eq!(resume(None, &outbox(place(5))), Resume::Begin);
        assert_eq!(resume(Some(place(5)), &outbox(place(5))), Resume::Same);
        assert_eq!(resume(Some(place(5)), &outbox(place(6))), Resume::Fold);
        assert_eq!(resume(Some(place(6)), &outbox(place(5))), Resume::TakenBack);
        let other = Place { accumulator: B256::repeat_byte(1), ..place(5) };
        assert_eq!(resume(Some(other), &outbox(place(5))), Resume::TakenBack);
        let far = Place { nonce: 10_000_000, accumulator: B256::repeat_byte(2) };
        assert_eq!(resume(Some(place(5)), &outbox(far)), Resume::Leap(1));
        assert_eq!(resume(Some(place(256)), &outbox(far)), Resume::Leap(1), "it is a kept one itself");
        assert_eq!(resume(Some(place(257)), &outbox(far)), Resume::Leap(2));
    }

    #[test]
    fn sign_points_between_two_proved_places() {
        let leaves: Vec<B256> = (257..=500).map(|nonce| keccak256(message(nonce, "a"))).collect();
        let between = sign_points_between(LANE, place(256), place(500), &leaves).unwrap();
        assert_eq!(between.iter().map(|one| one.nonce).collect::<Vec<_>>(), [320, 384, 448, 500]);
        assert!(between.iter().all(|one| one.accumulator == place(one.nonce).accumulator));
        assert_eq!(between[0].nonce % SIGN_INTERVAL, 0);
        for wrong in [&leaves[1..], &leaves[..200], &[]] {
            let refused = sign_points_between(LANE, place(256), place(500), wrong);
            assert_eq!(refused, Err(FoldError::Elsewhere));
        }
    }
}
