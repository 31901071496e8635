//! Messages as endpoints tell them, folded lane by lane towards what is proved. Nothing here is believed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use icc_attest::SNAPSHOT_INTERVAL;
use icc_chain::{ChainError, ProvedOutbox, ProvedOutboxes, Prover};
use icc_lane::{FoldError, Gateway, LaneFold, Place};
use icc_protocol::{ChainId, Checkpoint, LaneId};
use icc_rpc::{Misdeed, name_endpoint};
use tokio::time::timeout;

use crate::{ChainState, Folded, LaneDoubt, LaneState, Resume, WatchConfig, resume};

/// For an endpoint to tell its events; doubled when none has managed.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);
/// For what is asked before it is needed.
const AHEAD_PATIENCE: Duration = Duration::from_secs(2);
/// Ranges of the first look back for a lane of which it is not known where its next message is.
const FIRST_LOOK_BACK: u64 = 4;

/// What is known of the lane of an outbox: how far it is signed, and a block at or before which that was so.
pub(crate) type Known = (Place, Option<u64>);

/// A lane whose messages have to be told, and where they have to lead.
#[derive(Debug, Clone)]
struct Way {
    destination: ChainId,
    end: LaneState,
    from: Place,
    goal: Place,
    /// The block after which the messages are; `None` if it is not known.
    after: Option<u64>,
}

impl Way {
    fn fold(&self) -> LaneFold {
        let lane = (self.destination, self.end.generation);
        let fold = LaneFold::new(self.end.lane, lane, self.from, self.goal);
        if self.goal == self.end.place().1 { fold.to_the_end() } else { fold }
    }
}

/// Asks endpoints for events.
pub(crate) struct Teller {
    prover: Arc<dyn Prover>,
    config: WatchConfig,
    names: Vec<String>,
    /// The endpoint whose events last led to the proof; asked first.
    trusted: usize,
    /// How long one endpoint may take to tell its events before the next is asked.
    patience: Duration,
}

impl Teller {
    pub(crate) fn new(prover: Arc<dyn Prover>, config: WatchConfig) -> Self {
        let names = prover.endpoints();
        Self { prover, config, names, trusted: 0, patience: FIRST_PATIENCE }
    }

    /// The lane of a proved outbox; `None` if it is closed. All that its id is made of is proved: nobody's word is in it.
    pub(crate) fn lane(&self, destination: ChainId, outbox: &ProvedOutbox) -> Option<LaneId> {
        let gateway = Gateway {
            network: self.config.network,
            chain: self.prover.chain(),
            address: self.prover.gateway(),
        };
        let lane = gateway.lane((destination, outbox.remote_gateway), outbox.generation);
        (!outbox.accumulator.is_zero()).then(|| lane.id())
    }

    /// What will be needed when the block is final, by the endpoint that last told the truth; `None` if it does not
    /// now. There is a second chance then.
    pub(crate) async fn ahead(
        &self,
        state: &ChainState,
        known: &BTreeMap<ChainId, Known>,
        proof: &ProvedOutboxes,
    ) -> Option<Folded> {
        let folding = async {
            let (mut folded, ways) = self.begin(state, known, proof).await;
            let told = self.told_by(&ways, proof.block().number, self.trusted).await;
            for (way, outcome) in ways.iter().zip(told) {
                arrive(&mut folded, way, outcome.ok()?);
            }
            folded.doubts.is_empty().then_some(folded)
        };
        timeout(AHEAD_PATIENCE, folding).await.ok()?
    }

    /// Asks one endpoint after the other for events until each lane's lead from what is known to the proved outbox, the
    /// last good one first. What one endpoint does never keeps the next from being asked, and what is wrong with one lane
    /// never holds up the others.
    pub(crate) async fn fold(
        &mut self,
        state: &ChainState,
        known: &BTreeMap<ChainId, Known>,
        proof: &ProvedOutboxes,
    ) -> Folded {
        let (mut folded, mut ways) = self.begin(state, known, proof).await;
        let endpoints = self.names.len();
        let mut reasons: BTreeMap<ChainId, Vec<(usize, String)>> = BTreeMap::new();
        let first = self.trusted;
        for step in 0..endpoints * 2 {
            if ways.is_empty() {
                break;
            }
            if step == endpoints {
                // A chain that replaced final blocks in which there was nothing of ours has its next messages earlier than
                // was thought: once more, from a little before.
                let earlier = self.config.max_range.saturating_mul(FIRST_LOOK_BACK);
                for way in &mut ways {
                    way.after = way.after.map(|after| after.saturating_sub(earlier));
                }
            }
            let attempt = (first + step) % endpoints;
            let told = timeout(self.patience, self.told_by(&ways, proof.block().number, attempt)).await;
            let told = told.unwrap_or_else(|_| {
                vec![Err(format!("did not tell all within {:?}", self.patience)); ways.len()]
            });
            let mut left = Vec::new();
            for (way, outcome) in ways.into_iter().zip(told) {
                match outcome {
                    Ok(checkpoints) => {
                        // Only now is it known that the others' events are at fault.
                        for (endpoint, reason) in reasons.remove(&way.destination).unwrap_or_default() {
                            if step < endpoints {
                                name_endpoint(&self.names[endpoint], Misdeed::OtherEvents, &reason);
                            }
                        }
                        self.trusted = attempt;
                        self.patience = FIRST_PATIENCE;
                        arrive(&mut folded, &way, checkpoints);
                    }
                    Err(reason) => {
                        if step < endpoints {
                            reasons.entry(way.destination).or_default().push((attempt, reason));
                        }
                        left.push(way);
                    }
                }
            }
            ways = left;
        }
        if !ways.is_empty() {
            // A long backlog takes honest endpoints long as well.
            self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
        }
        for way in ways {
            let told = reasons.remove(&way.destination).unwrap_or_default();
            let told = told.iter().map(|(endpoint, reason)| format!("{}: {reason}", self.names[*endpoint]));
            folded.doubts.push(LaneDoubt::Untold {
                lane: way.end.lane,
                from: way.from.nonce,
                reasons: told.collect::<Vec<_>>().join("; "),
            });
            stay(&mut folded, state, way.destination);
        }
        folded
    }

    /// What the proof alone says of each lane, and the lanes whose messages have to be told.
    async fn begin(
        &self,
        state: &ChainState,
        known: &BTreeMap<ChainId, Known>,
        proof: &ProvedOutboxes,
    ) -> (Folded, Vec<Way>) {
        let block = proof.block();
        let at = ChainState { block: block.number, lanes: BTreeMap::new() };
        let mut folded = Folded { block, state: Some(at), checkpoints: Vec::new(), doubts: Vec::new() };
        let mut ways = Vec::new();
        for destination in &self.config.destinations {
            let Some(outbox) = proof.outboxes.get(destination) else {
                folded.doubts.push(LaneDoubt::Unproved(*destination));
                stay(&mut folded, state, *destination);
                continue;
            };
            let Some(lane) = self.lane(*destination, outbox) else { continue };
            let ProvedOutbox { accumulator, nonce, generation, .. } = *outbox;
            let end = LaneState { lane, generation, nonce, accumulator, block: block.number };
            match self.way((*destination, end), known.get(destination).copied(), proof).await {
                Ok(None) => arrive_at(&mut folded, *destination, end),
                Ok(Some(way)) => ways.push(way),
                Err(doubt) => {
                    folded.doubts.push(doubt);
                    stay(&mut folded, state, *destination);
                }
            }
        }
        (folded, ways)
    }

    /// The way to an outbox from what is known of its lane; `None` if no message has to be told for it.
    async fn way(
        &self,
        (destination, end): (ChainId, LaneState),
        known: Option<Known>,
        proof: &ProvedOutboxes,
    ) -> Result<Option<Way>, LaneDoubt> {
        let outbox = Place { nonce: end.nonce, accumulator: end.accumulator };
        let Some((from, after)) = known else { return Ok(None) };
        let taken_back =
            LaneDoubt::TakenBack { lane: end.lane, nonce: from.nonce, accumulator: from.accumulator };
        let Some(proved) = proof.outboxes.get(&destination) else {
            return Err(LaneDoubt::Unproved(destination));
        };
        match resume(Some(from), proved) {
            Resume::Begin | Resume::Same => Ok(None),
            Resume::TakenBack => Err(taken_back),
            Resume::Fold => Ok(Some(Way { destination, end, from, goal: outbox, after })),
            Resume::Leap(index) => {
                let kept = self.prover.prove_snapshots(proof.block(), end.lane, &[index]).await;
                let kept = kept.map_err(|error| LaneDoubt::Untold {
                    lane: end.lane,
                    from: from.nonce,
                    reasons: error.to_string(),
                })?;
                let goal = Place {
                    nonce: index.saturating_mul(SNAPSHOT_INTERVAL),
                    accumulator: kept.first().copied().unwrap_or_default(),
                };
                if goal.nonce != from.nonce {
                    return Ok(Some(Way { destination, end, from, goal, after }));
                }
                // The lane's id stands for its beginning, of which nothing is kept.
                let same = if index == 0 { end.lane.0 } else { goal.accumulator } == from.accumulator;
                if same { Ok(None) } else { Err(taken_back) }
            }
        }
    }

    /// What one endpoint's events make of each lane.
    async fn told_by(&self, ways: &[Way], to: u64, attempt: usize) -> Vec<Result<Vec<Checkpoint>, String>> {
        let mut outcomes: Vec<Result<LaneFold, String>> = ways.iter().map(|way| Ok(way.fold())).collect();
        let placed = |way: &Way| way.after;
        if let Some(after) = ways.iter().filter_map(placed).min() {
            let mut placed: Vec<&mut Result<LaneFold, String>> = ways
                .iter()
                .zip(&mut outcomes)
                .filter(|(way, _)| way.after.is_some())
                .map(|(_, outcome)| outcome)
                .collect();
            self.scan((after, to), attempt, &mut placed).await;
        }
        for (way, outcome) in ways.iter().zip(&mut outcomes) {
            if way.after.is_none() {
                *outcome = self.look_back(way, to, attempt).await;
            }
        }
        outcomes.into_iter().map(|outcome| outcome?.finish().map_err(|error| error.to_string())).collect()
    }

    /// Looks for a lane's next messages from the end backwards, farther each time.
    async fn look_back(&self, way: &Way, to: u64, attempt: usize) -> Result<LaneFold, String> {
        let mut blocks = self.config.max_range.saturating_mul(FIRST_LOOK_BACK);
        loop {
            let after = to.saturating_sub(blocks).max(self.config.start_block.min(to));
            let mut outcome = Ok(way.fold());
            self.scan((after, to), attempt, &mut [&mut outcome]).await;
            let reached = outcome.as_ref().is_ok_and(LaneFold::is_done);
            if reached || after <= self.config.start_block {
                return outcome;
            }
            blocks = blocks.saturating_mul(8);
        }
    }

    /// Folds one endpoint's events of the blocks after the first up to the last, until every lane is where it should be
    /// or has failed. Range by range, so that an endpoint that tells too much is found out before it fills the memory.
    async fn scan(
        &self,
        (after, to): (u64, u64),
        attempt: usize,
        folds: &mut [&mut Result<LaneFold, String>],
    ) {
        let (mut at, mut range) = (after, self.config.max_range.max(1));
        let open = |fold: &Result<LaneFold, String>| fold.as_ref().is_ok_and(|fold| !fold.is_done());
        while at < to && folds.iter().any(|fold| open(fold)) {
            let (from, end) = (at + 1, to.min(at.saturating_add(range)));
            match self.prover.told_events(from, end, attempt).await {
                Ok(events) => {
                    for fold in folds.iter_mut().filter(|fold| open(fold)) {
                        let extended = match fold {
                            Ok(fold) => fold.extend(&events, (from, end)),
                            Err(_) => Ok(()),
                        };
                        if let Err(error) = extended {
                            **fold = Err(FoldError::to_string(&error));
                        }
                    }
                    at = end;
                    range = range.saturating_mul(2).min(self.config.max_range.max(1));
                }
                Err(ChainError::RangeTooLarge { .. }) if range > 1 => range /= 2,
                Err(error) => {
                    for fold in folds.iter_mut().filter(|fold| open(fold)) {
                        **fold = Err(error.to_string());
                    }
                }
            }
        }
    }
}

/// A lane whose way has been told: its sign points, and its outbox.
fn arrive(folded: &mut Folded, way: &Way, checkpoints: Vec<Checkpoint>) {
    folded.checkpoints.extend(checkpoints);
    arrive_at(folded, way.destination, way.end);
}

/// A lane is where its outbox is proved to be. The last message of a block is always a sign point.
fn arrive_at(folded: &mut Folded, destination: ChainId, end: LaneState) {
    let LaneState { lane, nonce, accumulator, .. } = end;
    let newest = Checkpoint { lane, nonce, accumulator };
    if nonce > 0 && folded.checkpoints.last() != Some(&newest) {
        folded.checkpoints.push(newest);
    }
    if let Some(state) = &mut folded.state {
        state.lanes.insert(destination, end);
    }
}

/// A lane in doubt stays where it was.
fn stay(folded: &mut Folded, before: &ChainState, destination: ChainId) {
    if let (Some(state), Some(lane)) = (&mut folded.state, before.lanes.get(&destination)) {
        state.lanes.insert(destination, *lane);
    }
}
