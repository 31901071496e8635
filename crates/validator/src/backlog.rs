//! Older sign points of a lane, on request. A validator that began at a proved outbox has signed only the newest; a lane
//! with thousands waiting is delivered in steps, each under a sign point of its own.
//!
//! Whoever asks brings the leaves, and they need no trust: they must fold from one proved accumulator to the next. So a
//! stranger's request costs one proof and 256 hashes, at a bounded rate, and once: what is signed is in the journal.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use alloy_primitives::B256;
use icc_attest::{Attestation, SNAPSHOT_INTERVAL, SignPointRequest};
use icc_chain::{ChainError, Prover};
use icc_lane::{FoldError, Place, sign_points_between};
use icc_protocol::{LaneId, SIGN_INTERVAL};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

use crate::{Attestor, ChainState, Folded, JournalError, SignError, SignableBlock};

/// Between two windows that are proved.
const PAUSE: Duration = Duration::from_millis(50);
/// Requests that wait for their turn, at most.
const WAITING: usize = 16;

/// Why older sign points are not signed.
#[derive(Debug, thiserror::Error)]
pub enum BacklogError {
    /// Not followed, or in doubt.
    #[error("lane: is not followed here, or nothing is signed for it at the moment")]
    UnknownLane,
    /// There is no such window.
    #[error(
        "leaves: {given} of window {index} lead to no accumulator that is kept, signed or the outbox's (after {nonce})"
    )]
    WrongWindow {
        /// Which one.
        index: u64,
        /// Leaves given.
        given: usize,
        /// Messages of the proved outbox.
        nonce: u64,
    },
    /// The leaves do not lead from one proved accumulator to the next.
    #[error("leaves: {0}")]
    Leaves(#[from] FoldError),
    /// Too many ask at once.
    #[error("busy; ask again")]
    Busy,
    /// The accumulators cannot be proved at the moment.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The journal or the rules forbid it.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl From<JournalError> for BacklogError {
    fn from(error: JournalError) -> Self {
        Self::Sign(error.into())
    }
}

/// A lane whose outbox was proved at a block that may be signed, and continues what was signed before.
#[derive(Clone)]
struct Followed {
    prover: Arc<dyn Prover>,
    block: SignableBlock,
    outbox: Place,
}

struct Shared {
    lanes: RwLock<HashMap<LaneId, Followed>>,
    waiting: Semaphore,
    /// When the next window may be proved.
    turn: tokio::sync::Mutex<Instant>,
}

/// Signs older sign points of the lanes that watchers follow.
#[derive(Clone)]
pub struct Backlog(Arc<Shared>);

impl Default for Backlog {
    fn default() -> Self {
        Self(Arc::new(Shared {
            lanes: RwLock::default(),
            waiting: Semaphore::new(WAITING),
            turn: tokio::sync::Mutex::new(Instant::now()),
        }))
    }
}

impl Backlog {
    /// The lanes of a chain as they were proved at a block. One in doubt stayed at an older block, and is not signed for.
    pub(crate) fn follow(&self, prover: &Arc<dyn Prover>, block: SignableBlock, state: &ChainState) {
        let mut lanes = self.0.lanes.write().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|_, followed| followed.prover.chain() != prover.chain());
        for lane in state.lanes.values().filter(|lane| lane.block == block.at().number) {
            let outbox = Place { nonce: lane.nonce, accumulator: lane.accumulator };
            lanes.insert(lane.lane, Followed { prover: prover.clone(), block, outbox });
        }
    }

    /// Signs the sign points of a window: every 64th nonce, and the outbox's end if the window reaches it.
    ///
    /// # Errors
    /// [`BacklogError`]; nothing is signed then.
    pub(crate) async fn sign(
        &self,
        attestor: &Attestor,
        lane: LaneId,
        request: &SignPointRequest,
    ) -> Result<Vec<Attestation>, BacklogError> {
        let _place = self.0.waiting.try_acquire().map_err(|_| BacklogError::Busy)?;
        let followed = {
            let lanes = self.0.lanes.read().unwrap_or_else(PoisonError::into_inner);
            lanes.get(&lane).cloned().ok_or(BacklogError::UnknownLane)?
        };
        let (start, end) = window(request, followed.outbox)?;
        if !end.is_multiple_of(SNAPSHOT_INTERVAL)
            && end != followed.outbox.nonce
            && attestor.journal().accumulator(lane, end)?.is_none()
        {
            let (index, given) = (request.index, request.leaves.len());
            return Err(BacklogError::WrongWindow { index, given, nonce: followed.outbox.nonce });
        }
        if let Some(signed) = signed_before(attestor, lane, start, end).await? {
            return Ok(signed);
        }
        {
            let mut turn = self.0.turn.lock().await;
            sleep_until(*turn).await;
            *turn = Instant::now() + PAUSE;
        }
        let (start, end) = followed.places(attestor, lane, [start, end]).await?;
        let checkpoints = sign_points_between(lane, start, end, &request.leaves)?;
        let (chain, block) = (followed.prover.chain(), followed.block.at());
        let folded = Folded { block, state: None, checkpoints, doubts: Vec::new() };
        let signable = followed.block.checkpoints(chain, folded).ok_or(BacklogError::UnknownLane)?;
        metrics::counter!("icc_validator_windows_signed_total", "chain" => chain.to_string()).increment(1);
        Ok(attestor.attest(signable).await?)
    }
}

impl Followed {
    /// The accumulators at a window's two ends: of the journal, or proved.
    async fn places(
        &self,
        attestor: &Attestor,
        lane: LaneId,
        ends: [u64; 2],
    ) -> Result<(Place, Place), BacklogError> {
        let mut known: HashMap<u64, B256> =
            HashMap::from([(0, lane.0), (self.outbox.nonce, self.outbox.accumulator)]);
        for nonce in ends {
            known.extend(attestor.journal().accumulator(lane, nonce)?.map(|signed| (nonce, signed)));
        }
        let kept: Vec<u64> = ends
            .into_iter()
            .filter(|nonce| !known.contains_key(nonce))
            .map(|nonce| nonce / SNAPSHOT_INTERVAL)
            .collect();
        if !kept.is_empty() {
            let values = self.prover.prove_snapshots(self.block.at(), lane, &kept).await?;
            known.extend(kept.iter().map(|index| index * SNAPSHOT_INTERVAL).zip(values));
        }
        let place = |nonce: u64| {
            let accumulator = known.get(&nonce).copied().filter(|accumulator| !accumulator.is_zero());
            let unknown = || ChainError::UnknownBlock(format!("{}: message {nonce} of it", self.block.at()));
            accumulator.map(|accumulator| Place { nonce, accumulator }).ok_or_else(unknown)
        };
        Ok((place(ends[0])?, place(ends[1])?))
    }
}

/// The nonces before and at the end of a window that a request has the leaves of.
fn window(request: &SignPointRequest, outbox: Place) -> Result<(u64, u64), BacklogError> {
    let (index, given, nonce) = (request.index, request.leaves.len(), outbox.nonce);
    let start = index.checked_mul(SNAPSHOT_INTERVAL).filter(|start| *start < nonce);
    let end = start.and_then(|start| start.checked_add(given as u64)).filter(|end| *end <= nonce);
    match (start, end) {
        (Some(start), Some(end)) if given > 0 && given as u64 <= SNAPSHOT_INTERVAL => Ok((start, end)),
        _ => Err(BacklogError::WrongWindow { index, given, nonce }),
    }
}

/// What the journal has of a window, if it has every 64th nonce of it and the end.
async fn signed_before(
    attestor: &Attestor,
    lane: LaneId,
    start: u64,
    end: u64,
) -> Result<Option<Vec<Attestation>>, JournalError> {
    for nonce in (start + 1..=end).filter(|nonce| nonce.is_multiple_of(SIGN_INTERVAL) || *nonce == end) {
        if attestor.journal().accumulator(lane, nonce)?.is_none() {
            return Ok(None);
        }
    }
    let window = usize::try_from(SNAPSHOT_INTERVAL).unwrap_or(usize::MAX);
    let mut signed = attestor.recorded(lane, start + 1, window).await?;
    signed.retain(|attestation| attestation.nonce <= end);
    Ok(Some(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_before_the_next_and_at_the_outbox() {
        let outbox = Place { nonce: 600, accumulator: B256::repeat_byte(1) };
        let of = |index, leaves| {
            window(&SignPointRequest { index, leaves: vec![B256::ZERO; leaves] }, outbox).ok()
        };
        assert_eq!(of(0, 256), Some((0, 256)));
        assert_eq!(of(2, 88), Some((512, 600)));
        assert_eq!(of(2, 87), Some((512, 599)));
        for (index, leaves) in [(0, 257), (2, 89), (2, 256), (3, 0), (3, 1), (u64::MAX, 256), (0, 0)] {
            assert_eq!(of(index, leaves), None, "{index}, {leaves}");
        }
    }
}
