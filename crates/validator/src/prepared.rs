//! What was proved and folded of blocks that were not final yet. It may be of any fork: everything is kept by the hash of
//! its block, and used for that block alone.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use icc_chain::{BlockRef, ProvedOutboxes};
use icc_lane::Place;
use icc_protocol::{Checkpoint, LaneId};

use crate::{ChainState, Folded, LaneState};

/// Proofs of blocks that are not final yet, kept at most.
const MAX_PROOFS: usize = 256;

/// What is known of a block that was not final when it was proved.
pub(crate) struct Prepared {
    pub(crate) proof: ProvedOutboxes,
    /// The prepared block that `folded` follows; `None`: what was signed then.
    pub(crate) base: Option<BlockRef>,
    /// Where each lane was at the base.
    pub(crate) from: BTreeMap<LaneId, Place>,
    pub(crate) folded: Option<Folded>,
}

/// By height and hash: never by height alone, which is many blocks'.
#[derive(Default)]
pub(crate) struct Preparations(BTreeMap<(u64, B256), Prepared>);

impl Preparations {
    pub(crate) fn get(&self, block: BlockRef) -> Option<&Prepared> {
        self.0.get(&(block.number, block.hash))
    }

    pub(crate) fn insert(&mut self, prepared: Prepared) {
        let BlockRef { number, hash } = prepared.proof.block();
        self.0.insert((number, hash), prepared);
        if self.0.len() > MAX_PROOFS {
            // Thinned, not cut off: the oldest are the next to become final.
            let mut keep = false;
            self.0.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
    }

    /// Forgets everything up to a height.
    pub(crate) fn forget_to(&mut self, height: u64) {
        self.0.retain(|(number, _), _| *number > height);
    }

    /// Of the highest block below a height.
    pub(crate) fn newest_below(&self, height: u64) -> Option<&Prepared> {
        self.0.range(..(height, B256::ZERO)).next_back().map(|(_, known)| known)
    }

    /// Blocks between two heights, the highest first.
    pub(crate) fn newest_between(&self, above: u64, below: u64, limit: usize) -> Vec<BlockRef> {
        let first = (above.saturating_add(1), B256::ZERO);
        let last = (below.max(first.0), B256::ZERO);
        let blocks = self.0.range(first..last).rev().map(|(_, known)| known.proof.block());
        blocks.take(limit).collect()
    }

    /// What was folded ahead, if it leads without a gap from what is signed to this very block: links are blocks by their
    /// hashes, and each lane's way passes what was signed of it, as another fork's does not.
    pub(crate) fn folded_to(&self, block: BlockRef, signed: &ChainState) -> Option<Folded> {
        let mut at = self.get(block)?;
        let mut folded = at.folded.clone()?;
        let mut links = vec![std::mem::take(&mut folded.checkpoints)];
        while let Some(base) = at.base {
            match self.get(base) {
                Some(before) => {
                    links.push(before.folded.as_ref()?.checkpoints.clone());
                    at = before;
                }
                None if base.number <= signed.block => break,
                None => return None,
            }
        }
        folded.checkpoints = links.into_iter().rev().flatten().collect();
        let goes_on = |lane: LaneId| {
            folded.state.as_ref().is_some_and(|state| state.lanes.values().any(|one| one.lane == lane))
        };
        let passes = |(lane, place): (LaneId, Place)| {
            let Place { nonce, accumulator } = place;
            at.from.get(&lane) == Some(&place)
                || folded.checkpoints.contains(&Checkpoint { lane, nonce, accumulator })
        };
        let mut lanes = signed.lanes.values().map(LaneState::place).filter(|(lane, _)| goes_on(*lane));
        lanes.all(passes).then_some(folded)
    }
}
