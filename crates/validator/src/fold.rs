//! Accumulators recomputed from events that an endpoint told. Nothing is believed here: the result is compared with a
//! proof before anything is signed.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use icc_chain::{Event, LocatedEvent};
use icc_protocol::{ChainId, Checkpoint, DecodeError, Lane, LaneId, Message, NetworkId, fold, sign_points};
use serde::{Deserialize, Serialize};

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

impl ChainState {
    /// The state after `events`, which go up to and including block `to`, and the checkpoints at their sign points.
    ///
    /// # Errors
    /// [`FoldError`] if the events contradict the state or themselves.
    pub fn after(
        &self,
        source: &Source,
        events: &[LocatedEvent],
        to: u64,
    ) -> Result<(Self, Vec<Checkpoint>), FoldError> {
        let mut next = self.clone();
        next.block = to;
        let mut sent: BTreeMap<ChainId, Vec<(u64, u64, B256)>> = BTreeMap::new();
        for located in events {
            match &located.event {
                Event::LaneOpened(opened) => {
                    let lane = Lane {
                        network: source.network,
                        source_chain: source.chain,
                        source_gateway: source.gateway,
                        destination_chain: opened.remote_chain,
                        destination_gateway: opened.remote_gateway,
                        generation: opened.generation,
                    }
                    .id();
                    if lane != opened.outbound {
                        return Err(FoldError::WrongLane(opened.remote_chain));
                    }
                    let state =
                        LaneState { lane, generation: opened.generation, nonce: 0, accumulator: lane.0 };
                    next.lanes.insert(opened.remote_chain, state);
                }
                Event::Sent(message) => {
                    let destination = message.destination;
                    let lane = next.lanes.get_mut(&destination).ok_or(FoldError::NoLane(destination))?;
                    if lane.generation != message.generation {
                        return Err(FoldError::NoLane(destination));
                    }
                    let found = Message::decode(&message.message)?.nonce;
                    if lane.nonce.checked_add(1) != Some(found) {
                        return Err(FoldError::Gap { destination, last: lane.nonce, found });
                    }
                    lane.nonce = found;
                    lane.accumulator = fold(lane.accumulator, keccak256(&message.message));
                    sent.entry(destination).or_default().push((found, located.at.block.number, lane.accumulator));
                }
                _ => {}
            }
        }
        let checkpoints = sent.iter().flat_map(|(destination, sent)| next.checkpoints(*destination, sent)).collect();
        Ok((next, checkpoints))
    }

    fn checkpoints(&self, destination: ChainId, sent: &[(u64, u64, B256)]) -> Vec<Checkpoint> {
        let Some(lane) = self.lanes.get(&destination).map(|state| state.lane) else { return Vec::new() };
        let places: Vec<(u64, u64)> = sent.iter().map(|(nonce, block, _)| (*nonce, *block)).collect();
        let points: Vec<u64> = sign_points(&places).collect();
        sent.iter()
            .filter(|(nonce, _, _)| points.binary_search(nonce).is_ok())
            .map(|(nonce, _, accumulator)| Checkpoint { lane, nonce: *nonce, accumulator: *accumulator })
            .collect()
    }
}
