//! Finds what is final on a chain, proves it, and has it signed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use icc_chain::{BlockRef, ChainError, LocatedEvent, ProvedOutboxes, Prover};
use icc_protocol::{ChainId, Checkpoint, NetworkId};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Attestor, ChainState, JournalError, Publisher, SignError,
    fold::Source,
};

/// Proofs of blocks that are not final yet, kept at most.
const MAX_PROOFS: usize = 256;

/// How a chain is watched.
#[derive(Debug, Clone, Copy)]
pub struct WatchConfig {
    /// The deployment.
    pub network: NetworkId,
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
        Ok(Self { prover, attestor, publisher, config, state, proofs: BTreeMap::new() })
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
                    metrics::counter!("icc_validator_abstentions_total", "chain" => chain.to_string()).increment(1);
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                _ = timeout(self.config.idle, hints.changed()) => {}
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
        let (next, checkpoints) = self.fold_and_compare(finalized).await?;
        let count = checkpoints.len();
        let attestations = self.attestor.attest(chain, next.clone(), checkpoints).await?;
        self.state = next;
        self.publisher.publish(attestations);
        self.proofs.retain(|number, _| *number > finalized.number);
        let label = chain.to_string();
        metrics::gauge!("icc_validator_signed_block", "chain" => label.clone()).set(finalized.number as f64);
        if count > 0 {
            metrics::counter!("icc_validator_signatures_total", "chain" => label.clone()).increment(count as u64);
            metrics::histogram!("icc_validator_sign_seconds", "chain" => label).record(began.elapsed());
            tracing::info!(%chain, block = finalized.number, checkpoints = count, "signed");
        }
        Ok(())
    }

    /// Asks one endpoint after the other for events until they lead to the proved accumulators.
    async fn fold_and_compare(&mut self, block: BlockRef) -> Result<(ChainState, Vec<Checkpoint>), WatchError> {
        let source =
            Source { network: self.config.network, chain: self.prover.chain(), gateway: self.prover.gateway() };
        let mut reasons = Vec::new();
        for attempt in 0..self.prover.endpoints() {
            let folded = match self.told_events(block.number, attempt).await {
                Ok(events) => self.state.after(&source, &events, block.number),
                Err(error) => {
                    reasons.push(error.to_string());
                    continue;
                }
            };
            match folded {
                Ok((next, checkpoints)) => {
                    if self.matches(&next, block).await? {
                        return Ok((next, checkpoints));
                    }
                    reasons.push("they lead to other accumulators".to_owned());
                }
                Err(error) => reasons.push(error.to_string()),
            }
            metrics::counter!("icc_validator_mismatches_total", "chain" => source.chain.to_string()).increment(1);
        }
        Err(WatchError::NoMatchingEvents { block, reasons: reasons.join("; ") })
    }

    async fn told_events(&self, to: u64, attempt: usize) -> Result<Vec<LocatedEvent>, ChainError> {
        let mut events = Vec::new();
        let mut from = self.state.block + 1;
        while from <= to {
            let end = to.min(from + self.config.max_range - 1);
            events.extend(self.prover.told_events(from, end, attempt).await?);
            from = end + 1;
        }
        Ok(events)
    }

    /// Whether every outbox of `state` is what the block proves. An event that was left out, added, altered or
    /// reordered leads elsewhere. A lane that the events do not mention cannot be proved absent here, but nothing is
    /// signed for it either.
    async fn matches(&mut self, state: &ChainState, block: BlockRef) -> Result<bool, ChainError> {
        let destinations: Vec<ChainId> = state.lanes.keys().copied().collect();
        if destinations.is_empty() {
            return Ok(true);
        }
        let kept = self.proofs.get(&block.number).filter(|proof| {
            proof.block == block && destinations.iter().all(|to| proof.accumulators.iter().any(|(d, _)| d == to))
        });
        let proof = match kept {
            Some(proof) => proof.clone(),
            None => self.prover.prove_outboxes(block, &destinations).await?,
        };
        Ok(state.lanes.iter().all(|(to, lane)| {
            proof.accumulators.iter().any(|(destination, value)| destination == to && *value == lane.accumulator)
        }))
    }

    /// Proves the present head and keeps the proof until its block is final: then only a comparison is left to do,
    /// and nodes that forget old state do not matter.
    async fn prove_head(&mut self) {
        let destinations: Vec<ChainId> = self.state.lanes.keys().copied().collect();
        if destinations.is_empty() {
            return;
        }
        let proving = async {
            let head = self.prover.agreed_head().await?;
            if head.number <= self.state.block || self.proofs.get(&head.number).is_some_and(|p| p.block == head) {
                return Ok(None);
            }
            self.prover.prove_outboxes(head, &destinations).await.map(Some)
        };
        match proving.await {
            Ok(Some(proof)) => {
                self.proofs.insert(proof.block.number, proof);
                while self.proofs.len() > MAX_PROOFS {
                    self.proofs.pop_first();
                }
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(chain = %self.prover.chain(), %error, "head not proved yet"),
        }
    }
}
