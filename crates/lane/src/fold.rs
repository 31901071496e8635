//! A lane's messages, folded one by one from what is signed to what is proved. Nothing that an endpoint tells is believed:
//! only leaves that lead to a proved accumulator fold to it, whoever told them, and then every accumulator on the way is
//! the lane's own, as each is hashed into the next.

use alloy_primitives::{B256, keccak256};
use icc_chain::{Event, LocatedEvent};
use icc_protocol::{ChainId, Checkpoint, DecodeError, LaneId, Message, fold, is_sign_point};

/// A place on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Messages so far.
    pub nonce: u64,
    /// The accumulator after them.
    pub accumulator: B256,
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
    /// More than the outbox has.
    #[error("message {0} was told, which the outbox does not have")]
    Beyond(u64),
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
    /// Whether the goal is the outbox in the newest block that is told of: nothing comes after it.
    is_end: bool,
    /// The newest message and its block, not yet known to be the last of it.
    newest: Option<(u64, Checkpoint)>,
    checkpoints: Vec<Checkpoint>,
}

impl LaneFold {
    /// Begins at a known place; the goal is proved, and after it.
    pub fn new(lane: LaneId, (destination, generation): (ChainId, u32), at: Place, goal: Place) -> Self {
        let checkpoints = Vec::new();
        Self { lane, destination, generation, at, goal, is_end: false, newest: None, checkpoints }
    }

    /// The goal is the outbox in the newest block that is told of: nothing comes after it.
    #[must_use]
    pub fn to_the_end(self) -> Self {
        Self { is_end: true, ..self }
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
            if found > self.goal.nonce && self.is_end {
                return Err(FoldError::Beyond(found));
            }
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
    use icc_chain::{BlockRef, EventAt, SentMessage};
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

    #[test]
    fn the_last_of_each_block_and_each_sixty_fourth_are_sign_points() {
        let events: Vec<LocatedEvent> =
            (1..=130).map(|nonce| sent(if nonce < 4 { 1 } else { 2 }, nonce, "a")).collect();
        assert_eq!(folded(0, 130, &events), Ok(vec![3, 64, 128, 130]));
        assert_eq!(folded(3, 130, &events), Ok(vec![64, 128, 130]), "what came before is passed over");
        assert_eq!(folded(0, 64, &events), Ok(vec![3, 64]), "and what comes after the goal");
        let mut to_the_end = LaneFold::new(LANE, (THERE, 1), place(0), place(64)).to_the_end();
        assert_eq!(
            to_the_end.extend(&events, (1, 100)),
            Err(FoldError::Beyond(65)),
            "unless there is nothing after it"
        );
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
