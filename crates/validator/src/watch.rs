//! Finds what is final on a chain, proves it, and has it signed.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use icc_attest::Attestation;
use icc_chain::{BlockRef, ChainError, HashedHeader, ProvedOutboxes, Prover, QuorumBlock};
use icc_lane::Place;
use icc_protocol::{ChainId, Checkpoint, NetworkId};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Attestor, Backlog, ChainState, FinalHead, JournalError, LaneDoubt, LaneState, Peers, Publisher,
    SignError, SignableBlock,
    alarm::Alarm,
    ancestry::Ancestry,
    prepared::{Preparations, Prepared},
    told::{Known, Teller},
};

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
    /// All other chains of the bridge: the outboxes to them are proved.
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
    /// Nothing is signed for some lanes; the chain's others are signed.
    #[error("{0}")]
    Lanes(Doubts),
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

/// Watches one chain.
pub struct Watcher {
    prover: Arc<dyn Prover>,
    attestor: Attestor,
    publisher: Publisher,
    peers: Peers,
    backlog: Backlog,
    config: WatchConfig,
    state: ChainState,
    /// Lanes for which nothing was signed when the others were: looked at again.
    in_doubt: bool,
    prepared: Preparations,
    ancestry: Ancestry,
    teller: Teller,
}

impl Watcher {
    /// Resumes where the journal says.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn new(
        prover: Arc<dyn Prover>,
        (attestor, publisher): (Attestor, Publisher),
        peers: Peers,
        backlog: Backlog,
        config: WatchConfig,
    ) -> Result<Self, JournalError> {
        let state = attestor.progress(prover.chain())?;
        let state = state.unwrap_or(ChainState { block: config.start_block, lanes: BTreeMap::new() });
        let teller = Teller::new(prover.clone(), config.clone());
        Ok(Self {
            prover,
            attestor,
            publisher,
            peers,
            backlog,
            config,
            state,
            in_doubt: false,
            prepared: Preparations::default(),
            ancestry: Ancestry::default(),
            teller,
        })
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
        self.attestor.saw_final(chain, &agreed);
        let mut signed = Ok(());
        if let Some(by_all) = agreed.by_all
            && self.is_news(by_all.at())
        {
            signed = self.advance(by_all.into(), hinted).await;
        }
        if signed.is_ok() && agreed.by_quorum.at().number > self.state.block {
            signed = self.advance_vouched(agreed.by_quorum, hinted).await;
        }
        if matches!(signed, Err(WatchError::Sign(_))) {
            return signed;
        }
        self.prepare_head().await;
        signed
    }

    /// Whether there may be something to sign at a block.
    fn is_news(&self, block: BlockRef) -> bool {
        block.number > self.state.block || (self.in_doubt && block.number == self.state.block)
    }

    /// Endpoints are not of one mind: signs as far as enough other validators say the same.
    async fn advance_vouched(&mut self, agreed: QuorumBlock, hinted: Instant) -> Result<(), WatchError> {
        let vouched = self.peers.vouched(self.prover.as_ref(), agreed, &mut self.ancestry).await;
        if let Some(vouched) = vouched.map(FinalHead::from)
            && self.is_news(vouched.at())
        {
            self.advance(vouched, hinted).await?;
        }
        if self.state.block >= agreed.at().number {
            return Ok(());
        }
        let (agreed, needed) = (agreed.at(), self.peers.needed());
        Err(WatchError::NotVouched { agreed, needed, signed_to: self.state.block })
    }

    /// Signs the sign points up to a final block, or to an ancestor of it that could be proved.
    async fn advance(&mut self, head: FinalHead, hinted: Instant) -> Result<(), WatchError> {
        let chain = self.prover.chain();
        let (block, proof) = self.proof_for(head).await?;
        let mut folded = match self.prepared.folded_to(block.at(), &self.state) {
            Some(folded) => folded,
            None => {
                let known = self.known(&self.state, &proof)?;
                self.teller.fold(&self.state, &known, &proof).await
            }
        };
        folded.checkpoints.retain(|checkpoint| self.is_new(checkpoint));
        let doubts = std::mem::take(&mut folded.doubts);
        let Some(signable) = block.checkpoints(chain, folded) else {
            return Err(ChainError::UnknownBlock(block.at().to_string()).into());
        };
        let state = signable.progress().1.cloned();
        let attestations = self.attestor.attest(signable).await?;
        let after = hinted.elapsed();
        if let Some(state) = state {
            self.state = state;
        }
        self.in_doubt = !doubts.is_empty();
        self.backlog.follow(&self.prover, block, &self.state);
        self.prepared.forget_to(self.state.block);
        self.tell_signed(&attestations, after);
        self.publisher.publish(attestations);
        if doubts.is_empty() { Ok(()) } else { Err(WatchError::Lanes(Doubts(doubts))) }
    }

    fn tell_signed(&self, attestations: &[Attestation], after: Duration) {
        let (chain, block) = (self.prover.chain(), self.state.block);
        let label = chain.to_string();
        metrics::gauge!("icc_validator_signed_block", "chain" => label.clone()).set(block as f64);
        if attestations.is_empty() {
            return;
        }
        metrics::counter!("icc_validator_signatures_total", "chain" => label.clone())
            .increment(attestations.len() as u64);
        metrics::histogram!("icc_validator_sign_seconds", "chain" => label).record(after);
        let after_us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(%chain, block, checkpoints = attestations.len(), after_us, "signed");
    }

    /// What was prepared may begin before what has been signed since.
    fn is_new(&self, checkpoint: &Checkpoint) -> bool {
        let signed = self.state.lanes.values().find(|lane| lane.lane == checkpoint.lane);
        signed.is_none_or(|lane| checkpoint.nonce > lane.nonce)
    }

    /// A block that may be signed, and its proof: the final block itself, or (where nodes have forgotten its state) the
    /// newest block proved while it was the head that is an ancestor of it, by its hash.
    async fn proof_for(&mut self, head: FinalHead) -> Result<(SignableBlock, ProvedOutboxes), ChainError> {
        let at = head.at();
        let kept = self.prepared.get(at).map(|known| known.proof.clone());
        let proof = match kept {
            Some(kept) => Ok(kept),
            None => self.prover.prove_outboxes(at, &self.config.destinations).await,
        };
        let error = match proof {
            Ok(proof) => match head.reach(&[proof.header]) {
                Some(block) => return Ok((block, proof)),
                None => ChainError::UnknownBlock(at.to_string()),
            },
            Err(error) => error,
        };
        let kept = self.prepared.newest_between(self.state.block, at.number, MAX_FALLBACKS);
        for block in kept {
            let descent = self.ancestry.descent(self.prover.as_ref(), at, block).await;
            let reached = descent.and_then(|descent| head.reach(descent.headers()));
            if let (Some(reached), Some(known)) = (reached, self.prepared.get(block)) {
                return Ok((reached, known.proof.clone()));
            }
        }
        Err(error)
    }

    /// What is known of the lane of each proved outbox: by the journal, or a state that was folded ahead of it.
    fn known(
        &self,
        base: &ChainState,
        proof: &ProvedOutboxes,
    ) -> Result<BTreeMap<ChainId, Known>, JournalError> {
        let mut known = BTreeMap::new();
        for (destination, outbox) in &proof.outboxes {
            let Some(lane) = self.teller.lane(*destination, outbox) else { continue };
            let followed = base.lanes.get(destination).filter(|state| state.lane == lane);
            let followed = followed.map(|state| (state.place().1, Some(state.block)));
            let signed = self.attestor.journal().newest(lane)?;
            let signed = signed.map(|one| Place { nonce: one.nonce, accumulator: one.accumulator });
            let place = match (followed, signed) {
                (Some((place, block)), Some(signed)) if signed.nonce > place.nonce => Some((signed, block)),
                (Some(followed), _) => Some(followed),
                (None, Some(signed)) => Some((signed, None)),
                (None, None) => None,
            };
            known.extend(place.map(|place| (*destination, place)));
        }
        Ok(known)
    }

    /// The newest state folded below a block: its parent's, or one whose block is still on the chain.
    async fn base_below(&self, header: &HashedHeader) -> Option<(BlockRef, ChainState)> {
        let parent = BlockRef { number: header.at().number.checked_sub(1)?, hash: header.parent() };
        let known = match self.prepared.get(parent) {
            Some(parent) => parent,
            None => {
                let below = self.prepared.newest_below(header.at().number)?;
                let at = below.proof.block();
                (self.prover.agreed_block(at.number).await.ok()?.at() == at).then_some(below)?
            }
        };
        Some((known.proof.block(), known.folded.as_ref()?.state.clone()?))
    }

    /// Proves the present head, folds the events up to it, and keeps both until its block is final: then only a
    /// comparison, the journal and the signature are left to do, and nodes that forget old state do not matter.
    async fn prepare_head(&mut self) {
        let proving = async {
            let head = self.prover.agreed_head().await?.at();
            if head.number <= self.state.block || self.prepared.get(head).is_some() {
                return Ok(None);
            }
            self.prover.prove_outboxes(head, &self.config.destinations).await.map(Some)
        };
        let proof = match proving.await {
            Ok(Some(proof)) => proof,
            Ok(None) => return,
            Err(error) => {
                return tracing::debug!(chain = %self.prover.chain(), %error, "head not proved yet");
            }
        };
        self.ancestry.keep(proof.header);
        let below = self.base_below(&proof.header).await;
        let base = below.as_ref().map(|(block, _)| *block);
        let state = below.map_or_else(|| self.state.clone(), |(_, state)| state);
        let Ok(known) = self.known(&state, &proof) else { return };
        let folded = self.teller.ahead(&state, &known, &proof).await;
        let from = state.lanes.values().map(LaneState::place).collect();
        self.prepared.insert(Prepared { proof, base, from, folded });
    }
}

/// What is in doubt, a line.
#[derive(Debug)]
pub struct Doubts(pub(crate) Vec<LaneDoubt>);

impl fmt::Display for Doubts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, doubt) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "; " })?;
            doubt.fmt(f)?;
        }
        Ok(())
    }
}
