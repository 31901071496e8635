//! Accumulators recomputed from events that an endpoint told. Nothing is believed here: the result is compared with a
//! proof before anything is signed.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, keccak256};
use icc_chain::{Event, LaneEnded, LaneOpened, LocatedEvent, SentMessage};
use icc_protocol::{ChainId, Checkpoint, DecodeError, Lane, LaneId, Message, NetworkId, fold, is_sign_point};
use serde::{Deserialize, Serialize};

/// Most lanes of one chain.
const MAX_LANES: usize = 256;
/// Most sign points between two proofs.
const MAX_CHECKPOINTS: usize = 1_000_000;

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
}

/// The outboxes of a chain after a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainState {
    /// The block.
    pub block: u64,
    /// Outboxes by destination.
    pub lanes: BTreeMap<ChainId, LaneState>,
}

/// Events that cannot be the chain's.
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
    /// A message on a lane that was not opened, or on another generation.
    #[error("message to chain {0} on a lane that is not open")]
    NoLane(ChainId),
    /// A lane whose id is not what its ends make.
    #[error("lane to chain {0} has an id that its ends do not make")]
    WrongLane(ChainId),
    /// A lane that is open cannot be opened again; only a later generation can.
    #[error("lane to chain {0} is opened again")]
    Reopened(ChainId),
    /// Not asked for.
    #[error("an event of block {0}, which is outside the range asked for")]
    OutsideRange(u64),
    /// More lanes or sign points than a bridge has.
    #[error("more lanes or messages than can be true")]
    TooMuch,
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

/// Outboxes recomputed range by range, with the checkpoints at their sign points.
///
/// Everything folded is one unbroken chain from a state that was proved to a state that will be: a lane that is open
/// cannot be opened again, so nothing that was told can drop out of what the proof commits to.
#[derive(Debug)]
pub struct Fold {
    source: Source,
    state: ChainState,
    /// Destinations whose outboxes are proved; nothing is folded or signed for others.
    destinations: BTreeSet<ChainId>,
    /// Per destination: the newest message folded, not yet known to be the last of its block.
    newest: BTreeMap<ChainId, (u64, Checkpoint)>,
    checkpoints: BTreeMap<ChainId, Vec<Checkpoint>>,
    count: usize,
}

impl Fold {
    /// Begins at a proved state, for the destinations that will be proved at the end.
    pub fn new(source: Source, state: ChainState, destinations: BTreeSet<ChainId>) -> Self {
        Self { source, state, destinations, newest: BTreeMap::new(), checkpoints: BTreeMap::new(), count: 0 }
    }

    /// The last block folded.
    pub fn block(&self) -> u64 {
        self.state.block
    }

    /// Folds the events of the blocks after the last one, up to and including `to`.
    ///
    /// # Errors
    /// [`FoldError`] if the events contradict the state or themselves.
    pub fn extend(&mut self, events: &[LocatedEvent], to: u64) -> Result<(), FoldError> {
        for located in events {
            let block = located.at.block.number;
            if block <= self.state.block || block > to {
                return Err(FoldError::OutsideRange(block));
            }
            match &located.event {
                Event::LaneOpened(opened) if self.destinations.contains(&opened.remote_chain) => {
                    self.open(opened)?
                }
                Event::LaneEnded(ended) if self.destinations.contains(&ended.remote_chain) => {
                    self.end(ended)?
                }
                Event::Sent(sent) if self.destinations.contains(&sent.destination) => {
                    self.send(sent, block)?
                }
                // Of a chain that this validator is not configured for: the others' lanes go on.
                _ => {}
            }
        }
        self.state.block = to;
        Ok(())
    }

    /// The state after all that was folded, and the checkpoints at its sign points, in order.
    pub fn finish(mut self) -> (ChainState, Vec<Checkpoint>) {
        for (destination, (_, checkpoint)) in std::mem::take(&mut self.newest) {
            self.checkpoints.entry(destination).or_default().push(checkpoint);
        }
        (self.state, self.checkpoints.into_values().flatten().collect())
    }

    fn open(&mut self, opened: &LaneOpened) -> Result<(), FoldError> {
        let remote = opened.remote_chain;
        let lane = Lane {
            network: self.source.network,
            source_chain: self.source.chain,
            source_gateway: self.source.gateway,
            destination_chain: remote,
            destination_gateway: opened.remote_gateway,
            generation: opened.generation,
        }
        .id();
        if lane != opened.outbound {
            return Err(FoldError::WrongLane(remote));
        }
        if self.state.lanes.get(&remote).is_some_and(|open| open.generation >= opened.generation) {
            return Err(FoldError::Reopened(remote));
        }
        if self.state.lanes.len() >= MAX_LANES {
            return Err(FoldError::TooMuch);
        }
        // The proof commits to what follows the newest opening alone: nothing before it may be signed.
        self.newest.remove(&remote);
        self.checkpoints.remove(&remote);
        let state = LaneState { lane, generation: opened.generation, nonce: 0, accumulator: lane.0 };
        self.state.lanes.insert(remote, state);
        Ok(())
    }

    /// What had not been signed before is not signed any more: the proof is of the closed outbox, which is zero, and
    /// says nothing about how it came to its end.
    fn end(&mut self, ended: &LaneEnded) -> Result<(), FoldError> {
        let remote = ended.remote_chain;
        if self.state.lanes.get(&remote).is_none_or(|lane| lane.lane != ended.outbound) {
            return Err(FoldError::NoLane(remote));
        }
        // Nothing of it is remembered: no proof binds it, and a generation that an endpoint made up must not stand in the
        // way of a true one.
        self.state.lanes.remove(&remote);
        self.newest.remove(&remote);
        self.checkpoints.remove(&remote);
        Ok(())
    }

    fn send(&mut self, sent: &SentMessage, block: u64) -> Result<(), FoldError> {
        let destination = sent.destination;
        let lane = self.state.lanes.get_mut(&destination).ok_or(FoldError::NoLane(destination))?;
        if lane.generation != sent.generation {
            return Err(FoldError::NoLane(destination));
        }
        let found = Message::decode(&sent.message)?.nonce;
        if lane.nonce.checked_add(1) != Some(found) {
            return Err(FoldError::Gap { destination, last: lane.nonce, found });
        }
        lane.nonce = found;
        lane.accumulator = fold(lane.accumulator, keccak256(&sent.message));
        let checkpoint = Checkpoint { lane: lane.lane, nonce: found, accumulator: lane.accumulator };
        if let Some((before, previous)) = self.newest.insert(destination, (block, checkpoint))
            && is_sign_point(previous.nonce, before, Some(block))
        {
            self.count += 1;
            if self.count > MAX_CHECKPOINTS {
                return Err(FoldError::TooMuch);
            }
            self.checkpoints.entry(destination).or_default().push(previous);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;
    use icc_chain::{BlockRef, EventAt};
    use icc_protocol::Kind;

    use super::*;

    const THERE: ChainId = ChainId(2);

    fn source() -> Source {
        Source { network: NetworkId(B256::repeat_byte(1)), chain: ChainId(1), gateway: B256::repeat_byte(2) }
    }

    fn at(block: u64, event: Event) -> LocatedEvent {
        let block = BlockRef { number: block, hash: B256::ZERO };
        LocatedEvent { at: EventAt { block, transaction: B256::ZERO, log_index: 0 }, event }
    }

    fn lane(generation: u32) -> Lane {
        Lane {
            network: source().network,
            source_chain: source().chain,
            source_gateway: source().gateway,
            destination_chain: THERE,
            destination_gateway: B256::repeat_byte(3),
            generation,
        }
    }

    fn opening(block: u64, generation: u32) -> LocatedEvent {
        let lane = lane(generation);
        at(
            block,
            Event::LaneOpened(LaneOpened {
                remote_chain: THERE,
                remote_gateway: lane.destination_gateway,
                generation,
                outbound: lane.id(),
                inbound: lane.reversed().id(),
            }),
        )
    }

    fn message(block: u64, nonce: u64, text: &'static str) -> LocatedEvent {
        let message = Message {
            kind: Kind::Call,
            nonce,
            deadline: 0,
            gas_limit: 0,
            sender: B256::ZERO,
            recipient: B256::ZERO,
            payload: Bytes::from(text),
        };
        let message = Bytes::from(message.encode());
        at(block, Event::Sent(SentMessage { destination: THERE, generation: 1, message }))
    }

    fn run(events: &[LocatedEvent]) -> Result<(ChainState, Vec<Checkpoint>), FoldError> {
        let mut fold = Fold::new(source(), ChainState::default(), BTreeSet::from([THERE]));
        fold.extend(events, 100)?;
        Ok(fold.finish())
    }

    #[test]
    fn sign_points_are_each_blocks_last() {
        let events =
            [opening(1, 1), message(2, 1, "a"), message(2, 2, "b"), message(3, 3, "c"), message(7, 4, "d")];
        let (state, checkpoints) = run(&events).unwrap();
        assert_eq!(checkpoints.iter().map(|c| c.nonce).collect::<Vec<_>>(), vec![2, 3, 4]);
        assert_eq!(checkpoints.last().unwrap().accumulator, state.lanes[&THERE].accumulator);
    }

    /// Attack: forged messages, then the lane's opening again, then the true history. The end matches the proof, and
    /// what was forged before it would be signed.
    #[test]
    fn a_replayed_opening_cannot_smuggle_messages_past_the_proof() {
        let (proved, _) = run(&[opening(1, 1), message(2, 1, "true")]).unwrap();
        let mut fold = Fold::new(source(), proved, BTreeSet::from([THERE]));
        let forged = [message(101, 2, "forged"), opening(102, 1), message(103, 1, "true")];
        assert_eq!(fold.extend(&forged, 110), Err(FoldError::Reopened(THERE)));
    }

    /// Attack: forged messages and an end. The end's proof is zero, whatever came before it.
    #[test]
    fn an_end_leaves_nothing_to_sign_and_nothing_follows_it() {
        let ended = |block| {
            let lane = lane(1);
            at(
                block,
                Event::LaneEnded(LaneEnded {
                    remote_chain: THERE,
                    generation: 1,
                    outbound: lane.id(),
                    inbound: lane.reversed().id(),
                    outbox_nonce: 1,
                    inbox: B256::ZERO,
                }),
            )
        };
        let (state, checkpoints) = run(&[opening(1, 1), message(2, 1, "forged"), ended(3)]).unwrap();
        assert!(checkpoints.is_empty());
        assert!(!state.lanes.contains_key(&THERE));
        assert_eq!(run(&[opening(1, 1), ended(2), message(3, 1, "late")]), Err(FoldError::NoLane(THERE)));
        assert_eq!(run(&[opening(1, 1), ended(2), ended(3)]), Err(FoldError::NoLane(THERE)));
        let (state, _) = run(&[opening(1, 1), ended(2), opening(3, 2)]).unwrap();
        assert_eq!(state.lanes[&THERE].accumulator, state.lanes[&THERE].lane.0);
        // Attack: an opening and an end that never were prove nothing, and must not keep the true opening out.
        let far = lane(u32::MAX);
        let made_up = Event::LaneEnded(LaneEnded {
            remote_chain: THERE,
            generation: u32::MAX,
            outbound: far.id(),
            inbound: far.reversed().id(),
            outbox_nonce: 0,
            inbox: B256::ZERO,
        });
        let (state, _) = run(&[opening(1, u32::MAX), at(2, made_up), opening(3, 1)]).unwrap();
        assert_eq!(state.lanes[&THERE].generation, 1);
    }

    /// The same through a next generation: nothing of the old one is signed.
    #[test]
    fn a_next_generation_leaves_nothing_of_the_last_to_sign() {
        let (state, checkpoints) = run(&[opening(1, 1), message(2, 1, "forged"), opening(3, 2)]).unwrap();
        assert!(checkpoints.is_empty());
        assert_eq!(state.lanes[&THERE].accumulator, state.lanes[&THERE].lane.0);
    }

    #[test]
    fn gaps_unknown_lanes_and_foreign_blocks_are_refused() {
        assert!(matches!(run(&[opening(1, 1), message(2, 2, "a")]), Err(FoldError::Gap { .. })));
        assert_eq!(run(&[message(2, 1, "a")]), Err(FoldError::NoLane(THERE)));
        assert_eq!(run(&[opening(101, 1)]), Err(FoldError::OutsideRange(101)));
        assert_eq!(run(&[opening(0, 1)]), Err(FoldError::OutsideRange(0)));
    }
}
