//! Finds what is final on a chain, proves it, and has it signed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use icc_chain::{BlockRef, ChainError, ProvedOutboxes, Prover};
use icc_protocol::{ChainId, Checkpoint, NetworkId};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Attestor, ChainState, JournalError, NoMatchingEvents, Peers, Publisher, SignError,
    alarm::Alarm,
    told::{Folded, Teller},
};

/// Proofs of blocks that are not final yet, kept at most.
const MAX_PROOFS: usize = 256;
/// Kept proofs tried when the final block itself cannot be proved any more.
const MAX_FALLBACKS: usize = 4;
/// Between the beginnings of two looks at a chain, however many hints there are.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
/// Until the next look while something final is not signed yet.
const AGAIN: Duration = Duration::from_millis(100);

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
    #[error(transparent)]
    NoMatchingEvents(#[from] NoMatchingEvents),
    /// Not every endpoint says that this is final, and too few peers do. An abstention.
    #[error(
        "not all endpoints say that block {agreed} is final, and fewer than {needed} other validators do; {signed_to} is signed"
    )]
    NotVouched {
        /// What a quorum of endpoints calls final.
        agreed: BlockRef,
        /// Peers that must vouch.
        needed: usize,
        /// Up to which block is signed.
        signed_to: u64,
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

/// What is known of a block that was not final when it was proved.
struct Prepared {
    proof: ProvedOutboxes,
    /// The block that `folded` follows.
    base: u64,
    /// From the base on.
    folded: Option<Folded>,
}

/// Watches one chain.
pub struct Watcher {
    prover: Arc<dyn Prover>,
    attestor: Attestor,
    publisher: Publisher,
    peers: Peers,
    config: WatchConfig,
    state: ChainState,
    /// By height.
    prepared: BTreeMap<u64, Prepared>,
    teller: Teller,
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
        peers: Peers,
        config: WatchConfig,
    ) -> Result<Self, JournalError> {
        let state = attestor.progress(prover.chain())?;
        let state = state.unwrap_or(ChainState { block: config.start_block, lanes: BTreeMap::new() });
        let teller = Teller::new(prover.clone(), config.clone());
        Ok(Self { prover, attestor, publisher, peers, config, state, prepared: BTreeMap::new(), teller })
    }

    /// Watches until `shutdown`. What endpoints do is an abstention and never ends it.
    ///
    /// # Errors
    /// Only what must stop the signing for this chain: [`WatchError::Sign`].
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), WatchError> {
        let chain = self.prover.chain();
        let mut hints = self.prover.head_hints();
        let mut alarm = Alarm::default();
        let mut hinted = Instant::now();
        while !shutdown.is_cancelled() {
            let began = Instant::now();
            let step = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                step = self.step(hinted) => step,
            };
            let idle = match step {
                Ok(()) => {
                    alarm.signing(chain);
                    self.config.idle
                }
                Err(WatchError::Sign(error)) => return Err(error.into()),
                Err(error) => {
                    alarm.abstained(chain, &error);
                    if matches!(error, WatchError::NotVouched { .. }) { AGAIN } else { self.config.idle }
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                hint = timeout(idle, hints.changed()) => {
                    hinted = Instant::now();
                    // Without hints, by the clock; with many, not more often than this.
                    let pause = if matches!(hint, Ok(Err(_))) { self.config.idle } else { LEAST_PAUSE };
                    sleep_until(began + pause).await;
                }
            }
        }
        Ok(())
    }

    /// Signs what has become final, then proves the head for later.
    async fn step(&mut self, hinted: Instant) -> Result<(), WatchError> {
        let chain = self.prover.chain();
        let agreed = self.prover.agreed_finalized().await?;
        self.attestor.saw_final(chain, agreed.by_quorum);
        let mut signed = Ok(());
        if let Some(by_all) = agreed.by_all
            && by_all.number > self.state.block
        {
            self.advance(by_all, hinted).await?;
        }
        if agreed.by_quorum.number > self.state.block {
            signed = self.advance_vouched(agreed.by_quorum, hinted).await;
        }
        self.prepare_head().await;
        signed
    }

    /// Endpoints are not of one mind: signs as far as enough other validators say the same.
    async fn advance_vouched(&mut self, agreed: BlockRef, hinted: Instant) -> Result<(), WatchError> {
        let vouched = self.peers.vouched(self.prover.as_ref(), agreed).await;
        if let Some(vouched) = vouched
            && vouched.number > self.state.block
        {
            self.advance(vouched, hinted).await?;
        }
        if self.state.block >= agreed.number {
            return Ok(());
        }
        Err(WatchError::NotVouched { agreed, needed: self.peers.needed(), signed_to: self.state.block })
    }

    /// Signs the sign points up to an agreed final block.
    async fn advance(&mut self, finalized: BlockRef, hinted: Instant) -> Result<(), WatchError> {
        let chain = self.prover.chain();
        let folded = match self.prepared_to(finalized) {
            Some(folded) => folded,
            None => {
                let proof = self.proof_for(finalized).await?;
                self.teller.fold(&self.state, &proof).await?
            }
        };
        let (block, new) = (folded.state.block, self.not_signed_yet(folded.checkpoints));
        let attestations = self.attestor.attest(chain, folded.state.clone(), new).await?;
        let after = hinted.elapsed();
        self.state = folded.state;
        self.prepared.retain(|number, _| *number > block);
        let label = chain.to_string();
        metrics::gauge!("icc_validator_signed_block", "chain" => label.clone()).set(block as f64);
        if !attestations.is_empty() {
            metrics::counter!("icc_validator_signatures_total", "chain" => label.clone())
                .increment(attestations.len() as u64);
            metrics::histogram!("icc_validator_sign_seconds", "chain" => label).record(after);
            let after_us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
            tracing::info!(%chain, block, checkpoints = attestations.len(), after_us, "signed");
        }
        self.publisher.publish(attestations);
        Ok(())
    }

    /// What was folded ahead of finality, if it leads without a gap from what is signed to this very block.
    fn prepared_to(&self, finalized: BlockRef) -> Option<Folded> {
        let last = self.prepared.get(&finalized.number).filter(|known| known.proof.block == finalized)?;
        let state = last.folded.as_ref()?.state.clone();
        let (mut checkpoints, mut at) = (Vec::new(), last);
        loop {
            checkpoints.extend(at.folded.as_ref()?.checkpoints.iter().rev().copied());
            if at.base <= self.state.block {
                break;
            }
            at = self.prepared.get(&at.base)?;
        }
        checkpoints.reverse();
        Some(Folded { state, checkpoints })
    }

    /// What was prepared may begin before what has been signed since.
    fn not_signed_yet(&self, mut checkpoints: Vec<Checkpoint>) -> Vec<Checkpoint> {
        checkpoints.retain(|checkpoint| {
            let signed = self.state.lanes.values().find(|lane| lane.lane == checkpoint.lane);
            signed.is_none_or(|lane| checkpoint.nonce > lane.nonce)
        });
        checkpoints
    }

    /// A proof of the final block: kept since it was the head, or asked for now, or (where nodes have forgotten that
    /// state) the newest kept one of a block before it that a quorum still agrees on.
    async fn proof_for(&self, finalized: BlockRef) -> Result<ProvedOutboxes, ChainError> {
        let destinations = self.destinations();
        let covers = |proof: &ProvedOutboxes| {
            destinations.iter().all(|to| proof.accumulators.iter().any(|(destination, _)| destination == to))
        };
        let kept = self.prepared.get(&finalized.number).map(|known| &known.proof);
        if let Some(kept) = kept.filter(|kept| kept.block == finalized && covers(kept)) {
            return Ok(kept.clone());
        }
        let error = match self.prover.prove_outboxes(finalized, &destinations).await {
            Ok(proof) => return Ok(proof),
            Err(error) => error,
        };
        let kept = self.prepared.range(self.state.block + 1..=finalized.number).rev();
        let kept = kept.map(|(number, known)| (number, &known.proof)).filter(|(_, proof)| covers(proof));
        for (number, proof) in kept.take(MAX_FALLBACKS) {
            if self.prover.agreed_block(*number).await? == proof.block {
                return Ok(proof.clone());
            }
        }
        Err(error)
    }

    /// Every chain whose outbox has to be proved.
    fn destinations(&self) -> Vec<ChainId> {
        let all: BTreeSet<ChainId> =
            self.state.lanes.keys().chain(&self.config.destinations).copied().collect();
        all.into_iter().collect()
    }

    /// The newest state folded below a height, if its block is still on the chain.
    async fn base_below(&self, number: u64) -> Option<ChainState> {
        let (_, below) = self.prepared.range(..number).next_back()?;
        let folded = below.folded.as_ref()?;
        let at = below.proof.block;
        (self.prover.agreed_block(at.number).await.ok()? == at).then(|| folded.state.clone())
    }

    /// Proves the present head, folds the events up to it, and keeps both until its block is final: then only a
    /// comparison, the journal and the signature are left to do, and nodes that forget old state do not matter.
    async fn prepare_head(&mut self) {
        let destinations = self.destinations();
        let proving = async {
            let head = self.prover.agreed_head().await?;
            if head.number <= self.state.block
                || self.prepared.get(&head.number).is_some_and(|known| known.proof.block == head)
            {
                return Ok(None);
            }
            self.prover.prove_outboxes(head, &destinations).await.map(Some)
        };
        match proving.await {
            Ok(Some(proof)) => {
                let base = self.base_below(proof.block.number).await.unwrap_or_else(|| self.state.clone());
                let folded = self.teller.ahead(&base, &proof).await;
                self.prepared.insert(proof.block.number, Prepared { proof, base: base.block, folded });
                if self.prepared.len() > MAX_PROOFS {
                    // Thinned, not cut off: the oldest are the next to become final.
                    let mut keep = false;
                    self.prepared.retain(|_, _| {
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
