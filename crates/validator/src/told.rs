//! Events as endpoints tell them, folded and held against what is proved. Nothing here is believed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::B256;
use icc_chain::{BlockRef, ChainError, ProvedOutboxes, Prover};
use icc_protocol::{ChainId, Checkpoint};
use icc_rpc::{Misdeed, name_endpoint};
use tokio::time::timeout;

use crate::{
    ChainState, WatchConfig,
    fold::{Fold, FoldError, Source},
};

/// For an endpoint to tell its events; doubled when none has managed.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);
/// For what is asked before it is needed.
const AHEAD_PATIENCE: Duration = Duration::from_secs(2);

/// The outboxes after a proved block, and the sign points up to it.
#[derive(Debug, Clone)]
pub(crate) struct Folded {
    pub(crate) state: ChainState,
    pub(crate) checkpoints: Vec<Checkpoint>,
}

/// Why one endpoint's events were passed over.
enum PassedOver {
    Chain(ChainError),
    Fold(FoldError),
    Elsewhere,
}

impl std::fmt::Display for PassedOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Chain(error) => error.fmt(f),
            Self::Fold(error) => error.fmt(f),
            Self::Elsewhere => f.write_str("they lead to other accumulators"),
        }
    }
}

/// No endpoint's events lead to what is proved.
#[derive(Debug, thiserror::Error)]
#[error("no endpoint's events lead to the accumulators proved at block {block}: {reasons}")]
pub struct NoMatchingEvents {
    /// The block.
    pub block: BlockRef,
    /// What was wrong with each endpoint's.
    pub reasons: String,
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

    /// What will be needed when the block is final, by the endpoint that last told the truth; `None` if it does not
    /// now. There is a second chance then.
    pub(crate) async fn ahead(&self, start: &ChainState, proof: &ProvedOutboxes) -> Option<Folded> {
        timeout(AHEAD_PATIENCE, self.told_by(start, proof, self.trusted)).await.ok()?.ok()
    }

    /// Asks one endpoint after the other for events until they lead from `state` to the proved accumulators, the last
    /// good one first. What one endpoint does never keeps the next from being asked.
    pub(crate) async fn fold(
        &mut self,
        state: &ChainState,
        proof: &ProvedOutboxes,
    ) -> Result<Folded, NoMatchingEvents> {
        let mut starts = vec![state.clone()];
        if proof.accumulators.iter().any(|(to, _)| !state.lanes.contains_key(to)) {
            // A chain may have been added to the configuration after its lane was opened (and closed again). The journal
            // makes a second look at everything harmless.
            starts.push(ChainState { block: self.config.start_block, lanes: BTreeMap::new() });
        }
        let endpoints = self.names.len();
        let mut reasons = Vec::new();
        for start in starts {
            let mut passed_over: Vec<(usize, String)> = Vec::new();
            for step in 0..endpoints {
                let attempt = (self.trusted + step) % endpoints;
                let told = timeout(self.patience, self.told_by(&start, proof, attempt)).await;
                let reason = match told {
                    Ok(Ok(folded)) => {
                        // Only now is it known that the others' events are at fault.
                        for (endpoint, reason) in passed_over {
                            name_endpoint(&self.names[endpoint], Misdeed::OtherEvents, &reason);
                        }
                        self.trusted = attempt;
                        self.patience = FIRST_PATIENCE;
                        return Ok(folded);
                    }
                    Ok(Err(reason)) => reason.to_string(),
                    Err(_) => format!("did not tell all within {:?}", self.patience),
                };
                reasons.push(format!("{}: {reason}", self.names[attempt]));
                passed_over.push((attempt, reason));
            }
        }
        // A long backlog takes honest endpoints long as well.
        self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
        Err(NoMatchingEvents { block: proof.block, reasons: reasons.join("; ") })
    }

    /// What one endpoint's events make, if they lead to the proof. Folded range by range, so that an endpoint that
    /// tells too much is found out before it fills the memory.
    async fn told_by(
        &self,
        start: &ChainState,
        proof: &ProvedOutboxes,
        attempt: usize,
    ) -> Result<Folded, PassedOver> {
        let source = Source {
            network: self.config.network,
            chain: self.prover.chain(),
            gateway: self.prover.gateway(),
        };
        let mut folding =
            Fold::new(source, start.clone(), proof.accumulators.iter().map(|(to, _)| *to).collect());
        let (to, mut range) = (proof.block.number, self.config.max_range);
        while folding.block() < to {
            let from = folding.block() + 1;
            let end = to.min(folding.block().saturating_add(range));
            let events = match self.prover.told_events(from, end, attempt).await {
                Ok(events) => events,
                Err(ChainError::RangeTooLarge { .. }) if range > 1 => {
                    range /= 2;
                    continue;
                }
                Err(error) => return Err(PassedOver::Chain(error)),
            };
            folding.extend(&events, end).map_err(PassedOver::Fold)?;
            range = range.saturating_mul(2).min(self.config.max_range);
        }
        let (state, checkpoints) = folding.finish();
        if matches(&state, proof) { Ok(Folded { state, checkpoints }) } else { Err(PassedOver::Elsewhere) }
    }
}

/// Whether every outbox, opened or not, is what the block proves. An event that was left out, added, altered or
/// reordered leads elsewhere.
fn matches(state: &ChainState, proof: &ProvedOutboxes) -> bool {
    let proved =
        |to: &ChainId| proof.accumulators.iter().find(|(chain, _)| chain == to).map(|(_, value)| *value);
    let told = |to: &ChainId| state.lanes.get(to).map_or(B256::ZERO, |lane| lane.accumulator);
    let all: BTreeSet<&ChainId> =
        state.lanes.keys().chain(proof.accumulators.iter().map(|(to, _)| to)).collect();
    all.into_iter().all(|to| proved(to) == Some(told(to)))
}
