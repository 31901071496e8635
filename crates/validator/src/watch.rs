//! Finds what is final on a chain, proves it, and has it signed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::B256;
use icc_chain::{BlockRef, ChainError, ProvedOutboxes, Prover};
use icc_protocol::{ChainId, Checkpoint, NetworkId};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Attestor, ChainState, JournalError, Publisher, SignError,
    fold::{Fold, FoldError, Source},
};

/// Proofs of blocks that are not final yet, kept at most.
const MAX_PROOFS: usize = 256;
/// Kept proofs tried when the final block itself cannot be proved any more.
const MAX_FALLBACKS: usize = 4;
/// For an endpoint to tell its events; doubled when none has managed.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);
/// Between two looks at a chain, however many hints there are.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// How a chain is watched.
#[derive(Debug, Clone)]
pub struct WatchConfig {
    /// The deployment.
    pub network: NetworkId,
    /// All other chains of the bridge: their outboxes are proved, also while no lane to them is known.
    pub destinations: Vec<ChainId>,
    /// The last block before the gateway was deployed.
    pub start_block: u64,
    /// Most blocks asked for in one range of logs.
    pub max_range: u64,
    /// Longest wait for a head hint.
    pub idle: Duration,
}

/// Why a chain is not signed for at the moment.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Endpoints disagree, are missing, or told something that does not verify. An abstention.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No endpoint's events lead to the proved accumulators. An abstention.
    #[error("no endpoint's events lead to the accumulators proved at block {block}: {reasons}")]
    NoMatchingEvents {
        /// The block.
        block: BlockRef,
        /// What was wrong with each endpoint's.
        reasons: String,
    },
    /// The journal or the rules forbid it. Fatal for this chain until somebody has looked.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl From<JournalError> for WatchError {
    fn from(error: JournalError) -> Self {
        Self::Sign(error.into())
    }
}

/// Watches one chain.
pub struct Watcher {
    prover: Arc<dyn Prover>,
    attestor: Attestor,
    publisher: Publisher,
    config: WatchConfig,
    state: ChainState,
    /// Proofs by height, of heads that are not final yet.
    proofs: BTreeMap<u64, ProvedOutboxes>,
    /// The endpoint whose events last led to the proof; asked first.
    trusted: usize,
    /// How long one endpoint may take to tell its events before the next is asked.
    patience: Duration,
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

impl Watcher {
    /// Resumes where the journal says.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn new(
        prover: Arc<dyn Prover>,
        attestor: Attestor,
        publisher: Publisher,
        config: WatchConfig,
    ) -> Result<Self, JournalError> {
        let state = attestor.progress(prover.chain())?;
        let state = state.unwrap_or(ChainState { block: config.start_block, lanes: BTreeMap::new() });
        Ok(Self {
            prover,
            attestor,
            publisher,
            config,
            state,
            proofs: BTreeMap::new(),
            trusted: 0,
            patience: FIRST_PATIENCE,
        })
    }

    /// Watches until `shutdown`. What endpoints do is an abstention and never ends it.
    ///
    /// # Errors
    /// Only what must stop the signing for this chain: [`WatchError::Sign`].
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), WatchError> {
        let chain = self.prover.chain();
        let mut hints = self.prover.head_hints();
        let mut troubled = false;
        while !shutdown.is_cancelled() {
            let step = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                step = self.step() => step,
            };
            match step {
                Ok(()) => {
                    if std::mem::take(&mut troubled) {
                        tracing::info!(%chain, "signing again");
                    }
                }
                Err(WatchError::Sign(error)) => return Err(error.into()),
                Err(error) => {
                    troubled = true;
                    tracing::warn!(%chain, %error, "abstaining");
                    metrics::counter!("icc_validator_abstentions_total", "chain" => chain.to_string())
                        .increment(1);
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                hint = timeout(self.config.idle, hints.changed()) => {
                    // Without hints, by the clock; with many, not more often than this.
                    sleep(if matches!(hint, Ok(Err(_))) { self.config.idle } else { LEAST_PAUSE }).await;
                }
            }
        }
        Ok(())
    }

    /// Signs what has become final, then proves the head for later.
    async fn step(&mut self) -> Result<(), WatchError> {
        let finalized = self.prover.agreed_finalized().await?;
        if finalized.number > self.state.block {
            self.advance(finalized).await?;
        }
        self.prove_head().await;
        Ok(())
    }

    /// Signs the sign points up to an agreed final block.
    async fn advance(&mut self, finalized: BlockRef) -> Result<(), WatchError> {
        let began = Instant::now();
        let chain = self.prover.chain();
        let proof = self.proof_for(finalized).await?;
        let (next, checkpoints) = self.fold_and_compare(&proof).await?;
        let (block, count) = (proof.block.number, checkpoints.len());
        let attestations = self.attestor.attest(chain, next.clone(), checkpoints).await?;
        self.state = next;
        self.publisher.publish(attestations);
        self.proofs.retain(|number, _| *number > block);
        let label = chain.to_string();
        metrics::gauge!("icc_validator_signed_block", "chain" => label.clone()).set(block as f64);
        if count > 0 {
            metrics::counter!("icc_validator_signatures_total", "chain" => label.clone())
                .increment(count as u64);
            metrics::histogram!("icc_validator_sign_seconds", "chain" => label).record(began.elapsed());
            tracing::info!(%chain, block, checkpoints = count, "signed");
        }
        Ok(())
    }

    /// A proof of the final block: kept since it was the head, or asked for now, or (where nodes have forgotten that
    /// state) the newest kept one of a block before it that a quorum still agrees on.
    async fn proof_for(&self, finalized: BlockRef) -> Result<ProvedOutboxes, ChainError> {
        let destinations = self.destinations();
        let covers = |proof: &ProvedOutboxes| {
            destinations.iter().all(|to| proof.accumulators.iter().any(|(destination, _)| destination == to))
        };
        if let Some(kept) =
            self.proofs.get(&finalized.number).filter(|kept| kept.block == finalized && covers(kept))
        {
            return Ok(kept.clone());
        }
        let error = match self.prover.prove_outboxes(finalized, &destinations).await {
            Ok(proof) => return Ok(proof),
            Err(error) => error,
        };
        let kept = self.proofs.range(self.state.block + 1..=finalized.number).rev();
        for (number, proof) in kept.filter(|(_, proof)| covers(proof)).take(MAX_FALLBACKS) {
            if self.prover.agreed_block(*number).await? == proof.block {
                return Ok(proof.clone());
            }
        }
        Err(error)
    }

    /// Asks one endpoint after the other for events until they lead to the proved accumulators, the last good one
    /// first. What one endpoint does never keeps the next from being asked.
    async fn fold_and_compare(
        &mut self,
        proof: &ProvedOutboxes,
    ) -> Result<(ChainState, Vec<Checkpoint>), WatchError> {
        let mut starts = vec![self.state.clone()];
        if proof.accumulators.iter().any(|(to, _)| !self.state.lanes.contains_key(to)) {
            // A chain may have been added to the configuration after its lane was opened (and closed again). The journal
            // makes a second look at everything harmless.
            starts.push(ChainState { block: self.config.start_block, lanes: BTreeMap::new() });
        }
        let endpoints = self.prover.endpoints();
        let mut reasons = Vec::new();
        for start in starts {
            for step in 0..endpoints {
                let attempt = (self.trusted + step) % endpoints;
                match timeout(self.patience, self.told_by(&start, proof, attempt)).await {
                    Ok(Ok(told)) => {
                        self.trusted = attempt;
                        self.patience = FIRST_PATIENCE;
                        return Ok(told);
                    }
                    Ok(Err(reason)) => reasons.push(reason.to_string()),
                    Err(_) => {
                        reasons.push(format!("an endpoint did not tell all within {:?}", self.patience))
                    }
                }
                let label = self.prover.chain().to_string();
                metrics::counter!("icc_validator_mismatches_total", "chain" => label).increment(1);
            }
        }
        // A long backlog takes honest endpoints long as well.
        self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
        Err(WatchError::NoMatchingEvents { block: proof.block, reasons: reasons.join("; ") })
    }

    /// What one endpoint's events make, if they lead to the proof. Folded range by range, so that an endpoint that
    /// tells too much is found out before it fills the memory.
    async fn told_by(
        &self,
        start: &ChainState,
        proof: &ProvedOutboxes,
        attempt: usize,
    ) -> Result<(ChainState, Vec<Checkpoint>), PassedOver> {
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
        if self.matches(&state, proof) { Ok((state, checkpoints)) } else { Err(PassedOver::Elsewhere) }
    }

    /// Whether every outbox, opened or not, is what the block proves. An event that was left out, added, altered or
    /// reordered leads elsewhere.
    fn matches(&self, state: &ChainState, proof: &ProvedOutboxes) -> bool {
        let proved =
            |to: &ChainId| proof.accumulators.iter().find(|(chain, _)| chain == to).map(|(_, value)| *value);
        let told = |to: &ChainId| state.lanes.get(to).map_or(B256::ZERO, |lane| lane.accumulator);
        let all: BTreeSet<&ChainId> =
            state.lanes.keys().chain(proof.accumulators.iter().map(|(to, _)| to)).collect();
        all.into_iter().all(|to| proved(to) == Some(told(to)))
    }

    /// Every chain whose outbox has to be proved.
    fn destinations(&self) -> Vec<ChainId> {
        let all: BTreeSet<ChainId> =
            self.state.lanes.keys().chain(&self.config.destinations).copied().collect();
        all.into_iter().collect()
    }

    /// Proves the present head and keeps the proof until its block is final: then only a comparison is left to do,
    /// and nodes that forget old state do not matter.
    async fn prove_head(&mut self) {
        let destinations = self.destinations();
        let proving = async {
            let head = self.prover.agreed_head().await?;
            if head.number <= self.state.block
                || self.proofs.get(&head.number).is_some_and(|p| p.block == head)
            {
                return Ok(None);
            }
            self.prover.prove_outboxes(head, &destinations).await.map(Some)
        };
        match proving.await {
            Ok(Some(proof)) => {
                self.proofs.insert(proof.block.number, proof);
                if self.proofs.len() > MAX_PROOFS {
                    // Thinned, not cut off: the oldest are the next to become final.
                    let mut keep = false;
                    self.proofs.retain(|_, _| {
                        keep = !keep;
                        keep
                    });
                }
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(chain = %self.prover.chain(), %error, "head not proved yet"),
        }
    }
}
